-- +goose Up
-- The passcode: six digits, kept as Argon2id over a keyed hash, so that the rows
-- alone do not give it. One row per account, so that its attempts are counted
-- together however many sessions and devices they come from. tries are counted
-- before the passcode is looked at and begin anew after a right one; at the
-- closing number nothing is looked at any more until the row is made anew.
CREATE TABLE account_passcode (
    account ${BYTES} NOT NULL PRIMARY KEY REFERENCES account_account (id),
    hash    TEXT ${C} NOT NULL,
    set_at  BIGINT NOT NULL,
    tries   INTEGER NOT NULL,
    until   BIGINT NOT NULL
);

-- Passcodes that are tried first, beside the runs, repetitions and dates that
-- the program knows by itself.
CREATE TABLE account_passcode_common (
    passcode   TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (passcode, valid_from)
);
INSERT INTO account_passcode_common (passcode, valid_from, valid_to, source, verified) VALUES
    ('147258', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('258369', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('147369', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('369258', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('741852', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('852963', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('159357', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('159753', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('123698', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('147896', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('142536', '2024-07-01', NULL, 'house rule: a pattern on the keypad', TRUE),
    ('102030', '2024-07-01', NULL, 'house rule: a series', TRUE),
    ('135790', '2024-07-01', NULL, 'house rule: a series', TRUE),
    ('246810', '2024-07-01', NULL, 'house rule: a series', TRUE),
    ('112358', '2024-07-01', NULL, 'house rule: a series', TRUE),
    ('314159', '2024-07-01', NULL, 'house rule: a series', TRUE),
    ('520131', '2024-07-01', NULL, 'house rule: a saying in digits', TRUE),
    ('521314', '2024-07-01', NULL, 'house rule: a saying in digits', TRUE),
    ('300475', '2024-07-01', NULL, 'house rule: a day that everybody knows', TRUE),
    ('020945', '2024-07-01', NULL, 'house rule: a day that everybody knows', TRUE),
    ('007007', '2024-07-01', NULL, 'house rule: a name in digits', TRUE),
    ('113114', '2024-07-01', NULL, 'house rule: emergency numbers', TRUE);

-- Sets of factors of which one, or the whole of a higher result, rests on a
-- passkey's user verification being the law's biometric factor. They count
-- while the rule uv_biometric is 1, and no longer.
ALTER TABLE account_assurance ADD COLUMN by_verification BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE account_assurance SET by_verification = TRUE WHERE factors IN ('passkey password', 'password synced');
INSERT INTO account_assurance (factors, valid_from, valid_to, assurance, source, verified, by_verification) VALUES
    ('passcode',         '2024-07-01', NULL, 1, 'Decree 69/2024 art 20(1): one factor without biometrics', FALSE, FALSE),
    ('otp',              '2024-07-01', NULL, 1, 'Decree 69/2024 art 20(1): one factor without biometrics', FALSE, FALSE),
    ('device',           '2024-07-01', NULL, 1, 'Decree 69/2024 art 20(1): one factor without biometrics', FALSE, FALSE),
    ('otp password',     '2024-07-01', NULL, 2, 'Decree 69/2024 art 20(2): knowledge and possession', FALSE, FALSE),
    ('otp passcode',     '2024-07-01', NULL, 2, 'Decree 69/2024 art 20(2): knowledge and possession', FALSE, FALSE),
    ('device password',  '2024-07-01', NULL, 2, 'Decree 69/2024 art 20(2): knowledge and possession', FALSE, FALSE),
    ('device passcode',  '2024-07-01', NULL, 2, 'Decree 69/2024 art 20(2): knowledge and possession', FALSE, FALSE),
    ('qr',               '2024-07-01', NULL, 2, 'house rule: another device approved it, over a code that can be relayed: never more than this', TRUE, FALSE),
    ('passcode synced',  '2024-07-01', NULL, 3, 'Decree 69/2024 art 20(3); possession of one device is not shown; user verification counts as the biometric factor', FALSE, TRUE),
    ('passcode passkey', '2024-07-01', NULL, 4, 'Decree 69/2024 art 20(4): biometrics, possession and knowledge; user verification counts as the biometric factor', FALSE, TRUE);

-- What each journey asks of whoever takes it: the account's level, the
-- assurance of the sign-in or of the proof, and how old that may be in seconds
-- (0: as old as the session). A journey without a row asks for assurance 1.
CREATE TABLE account_demand (
    journey         TEXT ${C} NOT NULL,
    valid_from      TEXT ${C} NOT NULL,
    valid_to        TEXT ${C},
    level           INTEGER NOT NULL,
    assurance       INTEGER NOT NULL,
    max_age_seconds INTEGER NOT NULL,
    source          TEXT ${C} NOT NULL,
    verified        BOOLEAN NOT NULL,
    PRIMARY KEY (journey, valid_from)
);
INSERT INTO account_demand (journey, valid_from, valid_to, level, assurance, max_age_seconds, source, verified) VALUES
    ('consent',           '2024-07-01', NULL, 1, 1, 0,   'house rule: the partner says with its request when it needs more', TRUE),
    ('consent_sensitive', '2024-07-01', NULL, 1, 2, 0,   'house rule: the personal number, a portrait, or a bank', TRUE),
    ('freeze',            '2024-07-01', NULL, 1, 1, 0,   'house rule: locking is never made hard', TRUE),
    ('device_remove',     '2024-07-01', NULL, 1, 2, 600, 'house rule: how she signs in is changed by a fresh, strong sign-in', TRUE),
    ('passkey_add',       '2024-07-01', NULL, 1, 2, 600, 'house rule: how she signs in is changed by a fresh, strong sign-in', TRUE),
    ('passkey_remove',    '2024-07-01', NULL, 1, 2, 600, 'house rule: how she signs in is changed by a fresh, strong sign-in', TRUE),
    ('passcode_change',   '2024-07-01', NULL, 1, 2, 600, 'house rule: how she signs in is changed by a fresh, strong sign-in', TRUE),
    ('unfreeze',          '2024-07-01', NULL, 1, 3, 0,   'house rule: unlocking takes strong proof and a wait', TRUE),
    ('pay_bill',          '2024-07-01', NULL, 2, 4, 0,   'Decree 69/2024 art 20(4): biometrics, possession and knowledge where money moves', FALSE),
    ('transfer',          '2024-07-01', NULL, 2, 4, 0,   'Decree 69/2024 art 20(4): biometrics, possession and knowledge where money moves', FALSE),
    ('staff',             '2024-07-01', NULL, 2, 3, 0,   'house rule: officers sign in with a passkey beside the password', TRUE);

-- What she is asked to approve. The document is sealed: it holds what she sees,
-- word for word. hash is what her answer is bound to and what is done must
-- still be. Each is approved or refused once, and used once.
CREATE TABLE account_approval (
    account     ${BYTES} NOT NULL REFERENCES account_account (id),
    id          ${BYTES} NOT NULL,
    session     ${BYTES} NOT NULL,
    journey     TEXT ${C} NOT NULL,
    document    ${BYTES} NOT NULL,
    hash        ${BYTES} NOT NULL,
    back        TEXT ${C} NOT NULL,
    asked_at    BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    approved_at BIGINT,
    refused_at  BIGINT,
    used_at     BIGINT,
    factors     TEXT ${C} NOT NULL DEFAULT '',
    assurance   INTEGER NOT NULL DEFAULT 0,
    passkey     ${BYTES},
    PRIMARY KEY (account, id)
);
CREATE INDEX account_approval_expires ON account_approval (expires_at);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('uv_biometric',        '2024-07-01', NULL, 1,  'house rule: user verification of a passkey counts as the biometric factor (1) or not (0); nobody outside the device can tell which it was', TRUE),
    ('passcode_slow_after', '2024-07-01', NULL, 3,  'house rule: from this wrong attempt on each takes a wait, doubling', TRUE),
    ('passcode_slow_seconds', '2024-07-01', NULL, 30, 'house rule: the first such wait', TRUE),
    ('passcode_close_after', '2024-07-01', NULL, 10, 'house rule: after so many wrong attempts in a row it is closed until recovery makes it anew', TRUE),
    ('approval_minutes',    '2024-07-01', NULL, 5,  'house rule: what she is asked to approve waits so long', TRUE),
    ('approval_most',       '2024-07-01', NULL, 10, 'house rule: approvals of one account that wait at a time', TRUE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('uv_biometric', 'passcode_slow_after', 'passcode_slow_seconds', 'passcode_close_after', 'approval_minutes', 'approval_most');
DROP TABLE account_approval;
DROP TABLE account_demand;
DELETE FROM account_assurance WHERE factors IN ('passcode', 'otp', 'device', 'otp password', 'otp passcode', 'device password', 'device passcode', 'qr', 'passcode synced', 'passcode passkey');
ALTER TABLE account_assurance DROP COLUMN by_verification;
DROP TABLE account_passcode_common;
DROP TABLE account_passcode;
