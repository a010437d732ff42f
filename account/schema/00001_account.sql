-- +goose Up
-- Accounts. What is sealed is sealed for the owner named by the account's key.
CREATE TABLE account_account (
    id              ${BYTES} NOT NULL PRIMARY KEY,
    person          ${BYTES},
    level           INTEGER NOT NULL,
    status          TEXT ${C} NOT NULL,
    status_at       BIGINT NOT NULL,
    provisional     BOOLEAN NOT NULL,
    proof_what      TEXT ${C} NOT NULL,
    proof_how       TEXT ${C} NOT NULL,
    proof_strength  TEXT ${C} NOT NULL,
    proof_at        BIGINT NOT NULL,
    proof_evidence  ${JSON} NOT NULL,    -- the match field by field, without values
    carrier         TEXT ${C} NOT NULL,
    language        TEXT ${C} NOT NULL,
    declared        ${BYTES} NOT NULL,   -- sealed: number, name, birth date, sex
    declared_at     BIGINT NOT NULL,
    phone           ${BYTES},            -- sealed
    phone_index     ${BYTES},
    phone_at        BIGINT,              -- when its code was confirmed
    email           ${BYTES},            -- sealed
    email_at        BIGINT,
    opened_at       BIGINT NOT NULL,
    closed_at       BIGINT,
    closed_why      TEXT ${C}
);
CREATE INDEX account_account_person ON account_account (person);

-- At most one account of a person is open, whether provisional or not.
CREATE TABLE account_person (
    person  ${BYTES} NOT NULL PRIMARY KEY,
    account ${BYTES} NOT NULL REFERENCES account_account (id)
);

-- Numbers that sign in, by blind index.
CREATE TABLE account_login (
    number_index ${BYTES} NOT NULL PRIMARY KEY,
    account      ${BYTES} NOT NULL REFERENCES account_account (id)
);
CREATE INDEX account_login_account ON account_login (account);

-- One account per phone, by blind index.
CREATE TABLE account_phone (
    phone_index ${BYTES} NOT NULL PRIMARY KEY,
    account     ${BYTES} NOT NULL REFERENCES account_account (id)
);
CREATE INDEX account_phone_account ON account_phone (account);

CREATE TABLE account_password (
    account     ${BYTES} NOT NULL PRIMARY KEY REFERENCES account_account (id),
    hash        TEXT ${C} NOT NULL,
    set_at      BIGINT NOT NULL,
    must_change BOOLEAN NOT NULL,
    warned_at   BIGINT
);
CREATE INDEX account_password_reminder ON account_password (set_at) WHERE warned_at IS NULL;
CREATE TABLE account_password_past (
    account ${BYTES} NOT NULL REFERENCES account_account (id),
    set_at  BIGINT NOT NULL,
    hash    TEXT ${C} NOT NULL,
    PRIMARY KEY (account, set_at)
);

CREATE TABLE account_lock (
    account  ${BYTES} NOT NULL REFERENCES account_account (id),
    id       ${BYTES} NOT NULL,
    ground   TEXT ${C} NOT NULL,
    by_name  TEXT ${C} NOT NULL,
    since    BIGINT NOT NULL,
    until    BIGINT,
    ended_at BIGINT,
    PRIMARY KEY (account, id)
);

CREATE TABLE account_session (
    token_hash  ${BYTES} NOT NULL PRIMARY KEY,
    id          ${BYTES} NOT NULL,
    account     ${BYTES} NOT NULL REFERENCES account_account (id),
    device      ${BYTES},
    label       TEXT ${C} NOT NULL,
    amr         TEXT ${C} NOT NULL,
    assurance   INTEGER NOT NULL,
    auth_at     BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    ended_at    BIGINT,
    ended_why   TEXT ${C}
);
CREATE INDEX account_session_account ON account_session (account, ended_at);
CREATE INDEX account_session_ends ON account_session (ends_at);

CREATE TABLE account_device (
    account     ${BYTES} NOT NULL REFERENCES account_account (id),
    cookie_hash ${BYTES} NOT NULL,
    id          ${BYTES} NOT NULL,
    label       TEXT ${C} NOT NULL,
    first_at    BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL,
    PRIMARY KEY (account, cookie_hash)
);
CREATE INDEX account_device_seen ON account_device (seen_at);

-- Half-finished openings. What is sealed is sealed for the owner named by the
-- opening's key.
CREATE TABLE account_opening (
    id           ${BYTES} NOT NULL PRIMARY KEY,
    token_hash   ${BYTES} NOT NULL,
    step         TEXT ${C} NOT NULL,
    language     TEXT ${C} NOT NULL,
    return_to    TEXT ${C} NOT NULL,
    declared     ${BYTES},
    number_index ${BYTES},
    portrait     ${BYTES},
    portrait_at  BIGINT,
    evidence     ${JSON},             -- the match field by field, without values
    person       ${BYTES},
    phone        ${BYTES},
    phone_index  ${BYTES},
    phone_at     BIGINT,              -- when its code was confirmed
    carrier      TEXT ${C} NOT NULL,
    email        ${BYTES},
    case_id      ${BYTES},
    account      ${BYTES},            -- what came of it
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_opening_token ON account_opening (token_hash);
CREATE INDEX account_opening_expires ON account_opening (expires_at);

-- One-time codes: the latest one of an opening lives.
CREATE TABLE account_code (
    owner      ${BYTES} NOT NULL PRIMARY KEY,
    code_hash  ${BYTES} NOT NULL,
    tries      INTEGER NOT NULL,
    sent       INTEGER NOT NULL,
    sent_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX account_code_expires ON account_code (expires_at);

-- The portrait that an opening came with: never evidence of anything.
CREATE TABLE account_portrait (
    account  ${BYTES} NOT NULL PRIMARY KEY REFERENCES account_account (id),
    image    ${BYTES} NOT NULL,       -- sealed JPEG
    taken_at BIGINT NOT NULL
);

-- What could not be opened at once: a person of an office looks at it.
CREATE TABLE account_case (
    id          ${BYTES} NOT NULL PRIMARY KEY,
    code        TEXT ${C} NOT NULL,
    birth_index ${BYTES} NOT NULL,
    phone_index ${BYTES},
    status      TEXT ${C} NOT NULL,
    reason      TEXT ${C} NOT NULL,   -- for the officer; never shown to the applicant
    person      ${BYTES},
    declared    ${BYTES} NOT NULL,    -- sealed for the owner named by the case's key
    evidence    ${JSON} NOT NULL,
    language    TEXT ${C} NOT NULL,
    opened_at   BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    decided_at  BIGINT
);
CREATE UNIQUE INDEX account_case_code ON account_case (code);

-- Durable counters: attempts per number, phone, account.
CREATE TABLE account_limit (
    scope    TEXT ${C} NOT NULL,
    key      ${BYTES} NOT NULL,
    hits     INTEGER NOT NULL,
    since    BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    until    BIGINT NOT NULL,         -- barred until
    ends_at  BIGINT NOT NULL,         -- forgotten after
    PRIMARY KEY (scope, key)
);
CREATE INDEX account_limit_ends ON account_limit (ends_at);

-- The law and the house rules, dated. verified: read at the official gazette.
CREATE TABLE account_rule (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    value      BIGINT NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);

-- Which level a feature takes, and whether a provisional account has it.
CREATE TABLE account_feature (
    feature     TEXT ${C} NOT NULL,
    valid_from  TEXT ${C} NOT NULL,
    valid_to    TEXT ${C},
    level       INTEGER NOT NULL,
    provisional BOOLEAN NOT NULL,
    source      TEXT ${C} NOT NULL,
    verified    BOOLEAN NOT NULL,
    PRIMARY KEY (feature, valid_from)
);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('opening_online',         '2021-02-25', '2022-10-19', 0, 'Decision 34/2021/QD-TTg; first practice: at the police only', FALSE),
    ('opening_online',         '2022-10-20', NULL, 1, 'Decree 59/2022 art 14; Decree 69/2024 art 10', FALSE),
    ('opening_portrait',       '2022-10-20', NULL, 1, 'Decree 69/2024 art 10: a portrait comes with the request', FALSE),
    ('opening_age',            '2021-02-25', NULL, 14, 'Decree 69/2024 art 7', FALSE),
    ('opening_hours',          '2021-02-25', NULL, 24, 'house rule', TRUE),
    ('opening_case_days',      '2022-10-20', NULL, 1, 'Decree 69/2024 art 13: level 1 within one working day', FALSE),
    ('opening_per_number',     '2021-02-25', NULL, 5, 'house rule: declarations per number in 24 hours', TRUE),
    ('opening_per_address',    '2021-02-25', NULL, 30, 'house rule: declarations per address in one hour', TRUE),
    ('opening_case_years',     '2021-02-25', NULL, 5, 'Decree 69/2024 art 28: usage history', FALSE),
    ('code_per_phone',         '2021-02-25', NULL, 6, 'house rule: codes per phone in one hour', TRUE),
    ('code_minutes',           '2021-02-25', NULL, 3, 'practice: one-time codes live three minutes', FALSE),
    ('code_tries',             '2021-02-25', NULL, 5, 'house rule', TRUE),
    ('code_sends',             '2021-02-25', NULL, 5, 'house rule: codes per opening', TRUE),
    ('code_pause_seconds',     '2021-02-25', NULL, 30, 'house rule: between two codes', TRUE),
    ('password_least',         '2021-02-25', NULL, 8, 'seed 004, read as a minimum; decision 0007', FALSE),
    ('password_months',        '2021-02-25', NULL, 6, 'seed 004: at least once in six months', FALSE),
    ('password_warn_days',     '2021-02-25', NULL, 14, 'house rule', TRUE),
    ('password_history',       '2021-02-25', NULL, 5, 'house rule', TRUE),
    ('signin_slow_after',      '2021-02-25', NULL, 3, 'house rule: failures before waiting begins', TRUE),
    ('signin_lock_after',      '2021-02-25', NULL, 10, 'house rule: failures before the timed lock', TRUE),
    ('signin_lock_minutes',    '2021-02-25', NULL, 30, 'house rule', TRUE),
    ('session_days',           '2021-02-25', NULL, 90, 'house rule: ended sessions are listed for so long', TRUE),
    ('device_days',            '2021-02-25', NULL, 400, 'house rule: an unused browser is forgotten', TRUE),
    ('signin_per_address',     '2021-02-25', NULL, 40, 'house rule: failed sign-ins per address in 15 minutes', TRUE);

INSERT INTO account_feature (feature, valid_from, valid_to, level, provisional, source, verified) VALUES
    ('home',                 '2021-02-25', NULL, 1, TRUE,  'Decree 69/2024 art 9', FALSE),
    ('security',             '2021-02-25', NULL, 1, TRUE,  'Decree 69/2024 art 9', FALSE),
    ('inbox',                '2021-02-25', NULL, 1, TRUE,  'Decree 69/2024 art 9', FALSE),
    ('sign_on',              '2021-02-25', NULL, 1, TRUE,  'Decree 69/2024 art 9: sign-on to public services', FALSE),
    ('identity_shown',       '2021-02-25', NULL, 1, FALSE, 'Decree 69/2024 art 9: level 1 shows identity', FALSE),
    ('looked',               '2021-02-25', NULL, 1, TRUE,  'Law 91/2025: access to the history of her data', FALSE),
    ('health_declaration',   '2021-02-25', NULL, 1, TRUE,  'seed 004: basic features', FALSE),
    ('vaccination',          '2021-02-25', NULL, 1, FALSE, 'seed 004: basic features', FALSE),
    ('lodging_notice',       '2021-02-25', NULL, 1, TRUE,  'Law on Residence art 30', FALSE),
    ('residence_services',   '2021-02-25', NULL, 1, FALSE, 'seed 004; domain resolution 17: level 1 may file', FALSE),
    ('temporary_absence',    '2021-02-25', NULL, 1, FALSE, 'Law on Residence art 31', FALSE),
    ('residence_confirmation','2021-02-25', NULL, 1, FALSE, 'Law on Residence', FALSE),
    ('scam_report',          '2021-02-25', NULL, 1, TRUE,  'seed 004', FALSE),
    ('card_request',         '2024-07-01', NULL, 2, FALSE, 'Law on Identification; practice', FALSE),
    ('eid',                  '2024-07-01', NULL, 2, FALSE, 'Decree 69/2024 art 9', FALSE),
    ('wallet',               '2021-02-25', NULL, 2, FALSE, 'seed 004: all features at level 2; domain resolution 17', FALSE),
    ('share_qr',             '2021-02-25', NULL, 2, FALSE, 'seed 004: all features at level 2', FALSE),
    ('papers',               '2021-02-25', NULL, 2, FALSE, 'seed 004: all features at level 2', FALSE),
    ('payment_bill',         '2021-02-25', NULL, 2, FALSE, 'seed 004: all features at level 2; domain resolution 17', FALSE),
    ('payment_contribution', '2021-02-25', NULL, 2, FALSE, 'seed 004: all features at level 2; domain resolution 17', FALSE),
    ('transfer',             '2021-02-25', NULL, 2, FALSE, 'seed 004: all features at level 2; domain resolution 17', FALSE),
    ('consent_for_others',   '2021-02-25', NULL, 2, FALSE, 'domain resolution 17', FALSE),
    ('act_for_others',       '2024-07-01', NULL, 2, FALSE, 'Decree 69/2024 art 10: the representative uses her own level 2', FALSE),
    ('organisation',         '2024-07-01', NULL, 2, FALSE, 'Decree 69/2024 art 12', FALSE);

-- +goose Down
DROP TABLE account_feature;
DROP TABLE account_rule;
DROP TABLE account_limit;
DROP TABLE account_case;
DROP TABLE account_portrait;
DROP TABLE account_code;
DROP TABLE account_opening;
DROP TABLE account_device;
DROP TABLE account_session;
DROP TABLE account_lock;
DROP TABLE account_password_past;
DROP TABLE account_password;
DROP TABLE account_phone;
DROP TABLE account_login;
DROP TABLE account_person;
DROP TABLE account_account;
