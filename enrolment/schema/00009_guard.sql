-- +goose Up
-- What stands between a stolen session and a card.
INSERT INTO enrolment_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('request.fresh_minutes', '2022-01-01', NULL, 10, 'house rule: a request is sent within this time of a sign-in at the issuer', FALSE);

-- +goose Down
DELETE FROM enrolment_rule WHERE name IN ('request.fresh_minutes');
