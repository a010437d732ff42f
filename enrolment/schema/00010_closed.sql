-- +goose Up
-- How long the officers of a closed dossier still see it: an officer sees a
-- person of an open dossier or of a visit, and nobody else.
INSERT INTO enrolment_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('closed.view_days', '2022-01-01', NULL, 30, 'house rule: for questions after the decision', FALSE);

-- +goose Down
DELETE FROM enrolment_rule WHERE name IN ('closed.view_days');
