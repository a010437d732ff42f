-- +goose Up
-- More grounds on which another office decides: whoever wants a certain second
-- officer must not get her by trying again, or a comparison by not making it.
INSERT INTO enrolment_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('elsewhere.unread',  '2022-01-01', NULL, 1,  'house rule: prints of hers are held and none was compared', TRUE),
    ('elsewhere.redrawn', '2022-01-01', NULL, 1,  'house rule: the first officer asked for another second one than her who was drawn and stands', TRUE),
    ('elsewhere.retried', '2022-01-01', NULL, 1,  'house rule: a dossier about her was handed in and withdrawn or refused a short time ago', TRUE),
    ('retried.days',      '2022-01-01', NULL, 30, 'house rule: how short that time is', TRUE);

-- +goose Down
DELETE FROM enrolment_rule WHERE name IN ('elsewhere.unread', 'elsewhere.redrawn', 'elsewhere.retried', 'retried.days');
