-- +goose Up
-- The desk lists what was decided last, and old cases are forgotten by age.
CREATE INDEX account_case_decided ON account_case (decided_at) WHERE status = 'decided';
CREATE INDEX account_case_opened ON account_case (opened_at);

-- +goose Down
DROP INDEX account_case_opened;
DROP INDEX account_case_decided;
