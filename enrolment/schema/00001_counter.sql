-- +goose Up
-- A place at an office where people are enrolled: the reader that was paired
-- there, by its public key. Rows are never changed but to end them.
CREATE TABLE enrolment_counter (
    id        ${BYTES} NOT NULL PRIMARY KEY,
    office    ${BYTES} NOT NULL REFERENCES office_office (id),
    name      TEXT ${C} NOT NULL,
    key       ${BYTES} NOT NULL UNIQUE,  -- Ed25519, 32 octets
    paired_at BIGINT NOT NULL,
    paired_by ${BYTES} NOT NULL,         -- the account that asked for the code
    ended_at  BIGINT,
    ended_by  ${BYTES}
);
CREATE INDEX enrolment_counter_office ON enrolment_counter (office, paired_at);

-- A code by which a reader is paired, once. Only its digest is kept.
CREATE TABLE enrolment_counter_pairing (
    digest     ${BYTES} NOT NULL PRIMARY KEY,
    office     ${BYTES} NOT NULL,
    made_by    ${BYTES} NOT NULL,
    person     ${BYTES} NOT NULL,        -- whose account that is
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

-- A reading that an officer asked a counter for, and that is handed in once.
-- want is what was asked, as the reader signs it; nothing in it names a person.
CREATE TABLE enrolment_reading (
    nonce      ${BYTES} NOT NULL PRIMARY KEY,
    counter    ${BYTES} NOT NULL REFERENCES enrolment_counter (id),
    account    ${BYTES} NOT NULL,
    want       ${JSON} NOT NULL,
    challenge  ${BYTES},
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX enrolment_reading_expiry ON enrolment_reading (expires_at);
CREATE INDEX enrolment_reading_counter ON enrolment_reading (counter);

-- How long codes and nonces live, dated.
CREATE TABLE enrolment_counter_rule (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    value      BIGINT NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);
INSERT INTO enrolment_counter_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('pairing_seconds', '2016-01-01', NULL, 600, 'house rule', FALSE),
    ('nonce_seconds.chip', '2016-01-01', NULL, 120, 'house rule: the life of a chip''s challenge', FALSE),
    ('nonce_seconds.finger', '2016-01-01', NULL, 120, 'house rule: one hand at a time', FALSE),
    ('nonce_seconds.portrait', '2016-01-01', NULL, 120, 'house rule', FALSE);

-- +goose Down
DROP TABLE enrolment_counter_rule;
DROP TABLE enrolment_reading;
DROP TABLE enrolment_counter_pairing;
DROP TABLE enrolment_counter;
