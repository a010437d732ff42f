-- +goose Up
-- What an officer decided about a case. outcome is all that its applicant
-- learns; the ground is for the file.
ALTER TABLE account_case ADD COLUMN outcome TEXT ${C} NOT NULL DEFAULT '';
ALTER TABLE account_case ADD COLUMN decided_ground TEXT ${C} NOT NULL DEFAULT '';
ALTER TABLE account_case ADD COLUMN decided_by ${BYTES};      -- the officer's account
ALTER TABLE account_case ADD COLUMN decided_office TEXT ${C} NOT NULL DEFAULT '';
ALTER TABLE account_case ADD COLUMN phone ${BYTES};           -- sealed for the case's key: where she is told
CREATE INDEX account_case_open ON account_case (due_at) WHERE status = 'open';

-- +goose Down
DROP INDEX account_case_open;
ALTER TABLE account_case DROP COLUMN phone;
ALTER TABLE account_case DROP COLUMN decided_office;
ALTER TABLE account_case DROP COLUMN decided_by;
ALTER TABLE account_case DROP COLUMN decided_ground;
ALTER TABLE account_case DROP COLUMN outcome;
