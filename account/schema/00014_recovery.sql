-- +goose Up
-- Requests to get an account back. A request about nobody looks like one about
-- somebody: its account is empty and it leads nowhere. What she typed is sealed
-- for the owner named by the request's key, and so is the new phone.
-- states: begun, proving, waiting, done, stopped, lapsed, refused.
CREATE TABLE account_recovery (
    id           ${BYTES} NOT NULL PRIMARY KEY,
    token_hash   ${BYTES} NOT NULL,
    code         TEXT ${C} NOT NULL,     -- what she tells at a counter; opens nothing
    kind         TEXT ${C} NOT NULL,
    state        TEXT ${C} NOT NULL,
    account      ${BYTES} REFERENCES account_account (id),
    person       ${BYTES},
    barred       BOOLEAN NOT NULL,       -- stopped a while ago, or too soon after another: only a counter proves it
    details      ${BYTES} NOT NULL,      -- sealed
    language     TEXT ${C} NOT NULL,
    label        TEXT ${C} NOT NULL,     -- browser and system that asked
    browser      ${BYTES},               -- hash of its long-lived cookie
    known        BOOLEAN NOT NULL,       -- the account was used by it before
    way          TEXT ${C} NOT NULL,     -- by what she wants to prove herself
    evidence     TEXT ${C} NOT NULL,     -- words of what was proved
    phone        ${BYTES},               -- sealed: the new one
    phone_at     BIGINT,                 -- when its code was confirmed
    code_hash    ${BYTES},               -- of the one-time code
    code_to      TEXT ${C} NOT NULL,     -- old, new
    code_tries   INTEGER NOT NULL,
    code_sent    INTEGER NOT NULL,
    code_sent_at BIGINT,
    code_ends_at BIGINT,
    chip_hash    ${BYTES},               -- of the code that a reader at home names
    chip_ends_at BIGINT,
    counter_by         ${BYTES},         -- the officer who asked, in a visit
    counter_by_person  ${BYTES},
    counter_office     TEXT ${C},
    counter_at         BIGINT,
    confirms_by        ${BYTES},         -- the second officer, who was drawn
    confirms_by_person ${BYTES},
    proved_by    TEXT ${C} NOT NULL,     -- the row of account_recovery_rule that it went on by
    begun_at     BIGINT NOT NULL,
    due_at       BIGINT,                 -- until then it can be stopped and cannot be finished
    expires_at   BIGINT NOT NULL,        -- it lapses
    ended_at     BIGINT,
    ended_why    TEXT ${C} NOT NULL
);
CREATE UNIQUE INDEX account_recovery_token ON account_recovery (token_hash);
CREATE UNIQUE INDEX account_recovery_said ON account_recovery (code);
CREATE UNIQUE INDEX account_recovery_chip ON account_recovery (chip_hash);
CREATE INDEX account_recovery_account ON account_recovery (account, state);
CREATE INDEX account_recovery_expires ON account_recovery (expires_at);
CREATE INDEX account_recovery_confirms ON account_recovery (confirms_by) WHERE confirms_by IS NOT NULL;

-- The links in messages about a request: each stops it once and does nothing else.
CREATE TABLE account_recovery_link (
    token_hash ${BYTES} NOT NULL PRIMARY KEY,
    recovery   ${BYTES} NOT NULL REFERENCES account_recovery (id),
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX account_recovery_link_recovery ON account_recovery_link (recovery);
CREATE INDEX account_recovery_link_expires ON account_recovery_link (expires_at);

-- Ten codes on paper, each used once. Making new ones ends the old.
CREATE TABLE account_recovery_code (
    account   ${BYTES} NOT NULL REFERENCES account_account (id),
    code_hash ${BYTES} NOT NULL,
    made_at   BIGINT NOT NULL,
    used_at   BIGINT,
    PRIMARY KEY (account, code_hash)
);

-- What proves whom for what, and how long it can be stopped then. otp: a code to
-- the phone on record is needed besides.
CREATE TABLE account_recovery_rule (
    kind       TEXT ${C} NOT NULL,
    evidence   TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    allowed    BOOLEAN NOT NULL,
    otp        BOOLEAN NOT NULL,
    weak       BOOLEAN NOT NULL,       -- risky acts wait afterwards
    wait_hours INTEGER NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (kind, evidence, valid_from)
);
INSERT INTO account_recovery_rule (kind, evidence, valid_from, valid_to, allowed, otp, weak, wait_hours, source, verified) VALUES
    ('password',         'chip',         '2024-07-01', NULL, TRUE,  TRUE,  FALSE, 1,   'house rule: card, details and phone together', TRUE),
    ('password',         'passkey',      '2024-07-01', NULL, TRUE,  FALSE, FALSE, 12,  'house rule: whoever holds the passkey does not get the other factor at once', TRUE),
    ('password',         'codes',        '2024-07-01', NULL, TRUE,  FALSE, FALSE, 24,  'house rule', TRUE),
    ('password',         'counter',      '2024-07-01', NULL, TRUE,  FALSE, FALSE, 0,   'Decree 69/2024 art 30; two officers and biometrics', FALSE),
    ('password',         'known_device', '2024-07-01', NULL, TRUE,  TRUE,  TRUE,  72,  'practice: details and a code to the phone, on a browser used before', FALSE),
    ('password',         'otp',          '2024-07-01', NULL, TRUE,  TRUE,  TRUE,  168, 'house rule: the same without such a browser waits longest', TRUE),
    ('passcode',         'chip',         '2024-07-01', NULL, TRUE,  TRUE,  FALSE, 1,   'house rule', TRUE),
    ('passcode',         'passkey',      '2024-07-01', NULL, TRUE,  FALSE, FALSE, 24,  'house rule', TRUE),
    ('passcode',         'codes',        '2024-07-01', NULL, TRUE,  FALSE, FALSE, 24,  'house rule', TRUE),
    ('passcode',         'counter',      '2024-07-01', NULL, TRUE,  FALSE, FALSE, 0,   'Decree 69/2024 art 30; two officers and biometrics', FALSE),
    ('passcode',         'otp',          '2024-07-01', NULL, FALSE, TRUE,  TRUE,  168, 'house rule: never by a code to the phone', TRUE),
    ('phone_lost',       'chip',         '2024-07-01', NULL, TRUE,  FALSE, FALSE, 24,  'house rule', TRUE),
    ('phone_lost',       'passkey',      '2024-07-01', NULL, TRUE,  FALSE, FALSE, 24,  'house rule: the passkey is on another device', TRUE),
    ('phone_lost',       'codes',        '2024-07-01', NULL, TRUE,  FALSE, FALSE, 24,  'house rule', TRUE),
    ('phone_lost',       'counter',      '2024-07-01', NULL, TRUE,  FALSE, FALSE, 0,   'Decree 69/2024 art 30; two officers and biometrics', FALSE),
    ('phone_lost',       'otp',          '2024-07-01', NULL, FALSE, TRUE,  TRUE,  168, 'house rule: never by a code to the lost phone', TRUE),
    ('phone_number',     'device',       '2024-07-01', NULL, TRUE,  FALSE, FALSE, 24,  'house rule: proved on her device', TRUE),
    ('phone_number',     'chip',         '2024-07-01', NULL, TRUE,  FALSE, FALSE, 48,  'house rule', TRUE),
    ('phone_number',     'counter',      '2024-07-01', NULL, TRUE,  FALSE, FALSE, 0,   'Decree 69/2024 art 30; two officers and biometrics', FALSE),
    ('phone_and_number', 'chip',         '2024-07-01', NULL, TRUE,  FALSE, FALSE, 72,  'house rule', TRUE),
    ('phone_and_number', 'passkey',      '2024-07-01', NULL, TRUE,  FALSE, FALSE, 72,  'house rule', TRUE),
    ('phone_and_number', 'codes',        '2024-07-01', NULL, TRUE,  FALSE, TRUE,  72,  'house rule', TRUE),
    ('phone_and_number', 'counter',      '2024-07-01', NULL, TRUE,  FALSE, FALSE, 0,   'Decree 69/2024 art 30; two officers and biometrics', FALSE),
    ('phone_and_number', 'otp',          '2024-07-01', NULL, FALSE, TRUE,  TRUE,  168, 'house rule: who knows everything and holds nothing goes to a counter', TRUE);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('recovery_per_number',     '2024-07-01', NULL, 3,   'house rule: requests about one number in a day', TRUE),
    ('recovery_per_address',    '2024-07-01', NULL, 20,  'house rule: requests per address in an hour', TRUE),
    ('recovery_prove_hours',    '2024-07-01', NULL, 24,  'house rule: so long she has to prove herself', TRUE),
    ('recovery_finish_days',    '2024-07-01', NULL, 7,   'house rule: so long it can be finished after the wait', TRUE),
    ('recovery_bar_days',       '2024-07-01', NULL, 7,   'house rule: after a stop the same is asked for at a counter', TRUE),
    ('recovery_quiet_hours',    '2024-07-01', NULL, 72,  'house rule: after weak evidence risky acts wait', TRUE),
    ('recovery_passkey_hours',  '2024-07-01', NULL, 72,  'house rule: a younger passkey recovers nothing', TRUE),
    ('recovery_code_tries',     '2024-07-01', NULL, 5,   'house rule: codes on paper tried per request', TRUE),
    ('recovery_chip_minutes',   '2024-07-01', NULL, 10,  'house rule: the code for a reader at home', TRUE),
    ('recovery_death_days',     '2024-07-01', NULL, 30,  'house rule: a report of a death waits so long for the registry', TRUE),
    ('recovery_days',           '2024-07-01', NULL, 1826, 'Decree 69/2024 art 28: usage history of five years', FALSE),
    ('sim_change_days',         '2024-07-01', NULL, 7,   'house rule: a SIM that was changed since then receives no code that recovers', TRUE);

INSERT INTO account_demand (journey, valid_from, valid_to, level, assurance, max_age_seconds, source, verified) VALUES
    ('phone_change',   '2024-07-01', NULL, 1, 2, 0,   'house rule: proved on her device at the act', TRUE),
    ('recovery_codes', '2024-07-01', NULL, 1, 2, 600, 'house rule: how she gets in is changed by a fresh, strong sign-in', TRUE);

-- +goose Down
DELETE FROM account_demand WHERE journey IN ('phone_change', 'recovery_codes');
DELETE FROM account_rule WHERE name LIKE 'recovery_%' OR name = 'sim_change_days';
DROP TABLE account_recovery_rule;
DROP TABLE account_recovery_code;
DROP TABLE account_recovery_link;
DROP TABLE account_recovery;
