-- +goose Up
-- A notice sends messages and writes into the residence registry: no account may do so without measure.
INSERT INTO procedure_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('lodging.max_daily',  '2021-07-01', NULL, '30', 'house rule: more than that uses lodging software', FALSE),
    ('lodging.max_drafts', '2021-07-01', NULL, '20', 'house rule', FALSE);

-- +goose Down
DELETE FROM procedure_rule WHERE name IN ('lodging.max_daily', 'lodging.max_drafts');
