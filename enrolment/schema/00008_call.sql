-- +goose Up
-- Calls that an officer announces before she makes them: the one who will be
-- called sees office, dossier and two digits that the caller says first. told is
-- who is called: the person, or who acts for her.
CREATE TABLE enrolment_call (
    told         ${BYTES} NOT NULL,
    id           ${BYTES} NOT NULL,
    person       ${BYTES} NOT NULL,
    dossier      ${BYTES} NOT NULL,
    code         TEXT ${C} NOT NULL,
    office       TEXT ${C} NOT NULL,
    role         TEXT ${C} NOT NULL,   -- first or second officer of the dossier
    reason       TEXT ${C} NOT NULL,   -- missing, appointment, result, address
    matching     INTEGER NOT NULL,
    announced_at BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL,
    PRIMARY KEY (told, id)
);
CREATE INDEX enrolment_call_ends ON enrolment_call (ends_at);
INSERT INTO enrolment_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('call.minutes', '2022-01-01', NULL, 30, 'house rule: an announced call is made within this time', FALSE),
    ('call.per_day', '2022-01-01', NULL, 5,  'house rule: calls announced about one dossier in a day', FALSE),
    ('call.days',    '2022-01-01', NULL, 30, 'house rule: she can look back so long', FALSE);

-- +goose Down
DELETE FROM enrolment_rule WHERE name IN ('call.minutes', 'call.per_day', 'call.days');
DROP TABLE enrolment_call;
