-- +goose Up
-- What is left lying: a dossier whose officer is gone, a card that nobody collects.
INSERT INTO enrolment_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('checking.idle_days', '2022-01-01', NULL, 2, 'house rule: working days without a step, after which a colleague may take a dossier over', FALSE),
    ('card.collect_days', '2022-01-01', NULL, 365, 'house rule: a card that is not collected by then is not handed over any more', FALSE);

-- +goose Down
DELETE FROM enrolment_rule WHERE name IN ('checking.idle_days', 'card.collect_days');
