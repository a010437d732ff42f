-- +goose Up
-- A request for a card that somebody makes at the portal, for herself or for
-- whom she represents. What she wrote is sealed with the person's key. A request
-- that is done wholly online becomes a dossier when it is sent; one that needs
-- her at the counter waits there under its office and appointment.
CREATE TABLE enrolment_request (
    person     ${BYTES} NOT NULL,          -- whom the card is for
    id         ${BYTES} NOT NULL,
    code       TEXT ${C} NOT NULL,         -- the dossier's too
    state      TEXT ${C} NOT NULL,         -- draft, sent, taken, withdrawn, lapsed
    what       TEXT ${C} NOT NULL,         -- enrolment_online
    kind       TEXT ${C} NOT NULL,
    cause      TEXT ${C} NOT NULL,
    way        TEXT ${C} NOT NULL,         -- booked, online
    account    ${BYTES} NOT NULL,          -- who asks
    requester  ${BYTES} NOT NULL,          -- the person behind that account
    relation   TEXT ${C} NOT NULL,         -- what she is to the person; empty for herself
    office     ${BYTES} REFERENCES office_office (id),
    booking    ${BYTES},                   -- of the office's diary
    visit_at   BIGINT,                     -- its time
    content    ${BYTES} NOT NULL,
    dossier    ${BYTES},
    opened_at  BIGINT NOT NULL,
    sent_at    BIGINT,
    closed_at  BIGINT,
    touched_at BIGINT NOT NULL,
    PRIMARY KEY (person, id)
);
-- One request about a person at a time.
CREATE UNIQUE INDEX enrolment_request_open ON enrolment_request (person) WHERE closed_at IS NULL;
CREATE INDEX enrolment_request_requester ON enrolment_request (requester, opened_at);
CREATE INDEX enrolment_request_office ON enrolment_request (office, visit_at) WHERE state = 'sent';
CREATE INDEX enrolment_request_touched ON enrolment_request (touched_at);

-- Whose a request is, by its key.
CREATE TABLE enrolment_request_key (
    id     ${BYTES} NOT NULL PRIMARY KEY,
    person ${BYTES} NOT NULL
) ${BY_KEY};

-- What can be asked for at the portal, by whom and in which way, dated.
CREATE TABLE enrolment_online (
    what       TEXT ${C} NOT NULL,
    whose      TEXT ${C} NOT NULL,         -- self, child, ward
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    place      BIGINT NOT NULL,            -- in the list
    kind       TEXT ${C} NOT NULL,
    cause      TEXT ${C} NOT NULL,
    way        TEXT ${C} NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (what, whose, valid_from)
);
INSERT INTO enrolment_online (what, whose, valid_from, valid_to, place, kind, cause, way, source, verified) VALUES
    ('lost',     'self',  '2024-07-01', NULL, 1, 'reissue',    'lost',     'online', 'Luật Căn cước 26/2023/QH15, Điều 25: wholly online, with the biometrics last taken', FALSE),
    ('stolen',   'self',  '2024-07-01', NULL, 2, 'reissue',    'stolen',   'online', 'Luật Căn cước 26/2023/QH15, Điều 25', FALSE),
    ('damaged',  'self',  '2024-07-01', NULL, 3, 'reissue',    'damaged',  'online', 'Luật Căn cước 26/2023/QH15, Điều 24, 25', FALSE),
    ('age',      'self',  '2024-07-01', NULL, 4, 'renewal',    'age',      'booked', 'Luật Căn cước 26/2023/QH15, Điều 21, 24', FALSE),
    ('change',   'self',  '2024-07-01', NULL, 5, 'renewal',    'change',   'booked', 'Luật Căn cước 26/2023/QH15, Điều 24', FALSE),
    ('boundary', 'self',  '2024-07-01', NULL, 6, 'renewal',    'boundary', 'booked', 'Luật Căn cước 26/2023/QH15, Điều 24', FALSE),
    ('convert',  'self',  '2024-07-01', NULL, 7, 'conversion', '',         'booked', 'Luật Căn cước 26/2023/QH15, Điều 46', FALSE),
    ('first',    'self',  '2024-07-01', NULL, 8, 'first_card', '',         'booked', 'Luật Căn cước 26/2023/QH15, Điều 19, 23', FALSE),
    ('first',    'child', '2024-07-01', NULL, 8, 'child',      '',         'booked', 'Luật Căn cước 26/2023/QH15, Điều 19, 23', FALSE),
    ('first',    'ward',  '2024-07-01', NULL, 8, 'ward',       '',         'booked', 'Luật Căn cước 26/2023/QH15, Điều 19, 23', FALSE);

INSERT INTO enrolment_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('online.portrait_days', '2022-01-01', NULL, 3653, 'house rule: a portrait older than ten years is taken anew at a counter', FALSE),
    ('online.prints_days', '2022-01-01', NULL, 3653, 'house rule: prints older than ten years are taken anew at a counter', FALSE),
    ('request.draft_days', '2022-01-01', NULL, 14, 'house rule: a draft that nobody touched', FALSE),
    ('request.wait_days', '2022-01-01', NULL, 14, 'house rule: days after the appointment for which a request waits at its office', FALSE),
    ('request.per_day', '2022-01-01', NULL, 10, 'house rule: drafts that one account begins in a day', FALSE),
    ('answer.papers', '2022-01-01', NULL, 5, 'house rule: pictures with one answer', FALSE);

-- +goose Down
DELETE FROM enrolment_rule WHERE name IN ('online.portrait_days', 'online.prints_days', 'request.draft_days', 'request.wait_days', 'request.per_day', 'answer.papers');
DROP TABLE enrolment_online;
DROP TABLE enrolment_request_key;
DROP TABLE enrolment_request;
