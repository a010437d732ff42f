-- +goose Up
-- What a phished password must not change at an organisation that connects: by
-- which keys it proves itself, who works for it, and what it asks for.
INSERT INTO account_demand (journey, valid_from, valid_to, level, assurance, max_age_seconds, source, verified) VALUES
    ('partner_change', '2024-07-01', NULL, 1, 3, 0, 'house rule, decision 0038: keys, staff and applications of a party are changed with a passkey beside the password', TRUE);

-- +goose Down
DELETE FROM account_demand WHERE journey = 'partner_change';
