-- +goose Up
-- Passkeys. The record is sealed for the account: what the authenticator calls
-- itself and the key that checks it, so that neither can be read nor swapped by
-- whoever reaches the rows alone.
CREATE TABLE account_passkey (
    account     ${BYTES} NOT NULL REFERENCES account_account (id),
    id          ${BYTES} NOT NULL,
    record      ${BYTES} NOT NULL,    -- sealed: credential id, public key, kind of authenticator, transports
    sign_count  BIGINT NOT NULL,
    synced      BOOLEAN NOT NULL,     -- may be copied between devices (WebAuthn: backup eligible); never changes
    backed_up   BOOLEAN NOT NULL,
    label       TEXT ${C} NOT NULL,
    created_at  BIGINT NOT NULL,
    used_at     BIGINT,
    ended_at    BIGINT,
    ended_why   TEXT ${C},
    PRIMARY KEY (account, id)
);
CREATE INDEX account_passkey_ended ON account_passkey (ended_at) WHERE ended_at IS NOT NULL;

-- One holder per credential, by blind index (WebAuthn level 3, section 7.1, step 26).
CREATE TABLE account_passkey_index (
    credential_index ${BYTES} NOT NULL PRIMARY KEY,
    account          ${BYTES} NOT NULL,
    passkey          ${BYTES} NOT NULL,
    FOREIGN KEY (account, passkey) REFERENCES account_passkey (account, id)
);
CREATE INDEX account_passkey_index_passkey ON account_passkey_index (account, passkey);

-- Challenges that were given out: each is answered once, by the browser and in
-- the session that it was given to.
CREATE TABLE account_ceremony (
    token_hash  ${BYTES} NOT NULL PRIMARY KEY,
    kind        TEXT ${C} NOT NULL,   -- register, assert
    browser     ${BYTES} NOT NULL,    -- hash of the browser's long-lived cookie
    session     ${BYTES} NOT NULL,    -- sixteen zero bytes: nobody was signed in
    account     ${BYTES} NOT NULL,    -- likewise
    staff_code  ${BYTES},             -- hash of the code that allowed the registration
    data        ${JSON} NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT
);
CREATE INDEX account_ceremony_expires ON account_ceremony (expires_at);

-- The codes with which staff register their first passkey. The latest one of
-- an account counts.
CREATE TABLE account_staff_code (
    account     ${BYTES} NOT NULL PRIMARY KEY REFERENCES account_account (id),
    code_hash   ${BYTES} NOT NULL,
    tries       INTEGER NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT
);
CREATE INDEX account_staff_code_expires ON account_staff_code (expires_at);

-- The first two officers of an installation. The key allows one row.
CREATE TABLE account_founding (
    only_one    INTEGER NOT NULL PRIMARY KEY CHECK (only_one = 1),
    first       ${BYTES} NOT NULL REFERENCES account_account (id),
    second      ${BYTES} NOT NULL REFERENCES account_account (id),
    founded_at  BIGINT NOT NULL
);

ALTER TABLE account_session ADD COLUMN passkey ${BYTES};

-- Which assurance of authentication follows from what was used. factors are
-- sorted words: password; passkey (bound to one device); synced (a passkey that
-- may be copied between devices). Both kinds of passkey come with user
-- verification, of which nobody can tell whether it was a finger or a PIN.
CREATE TABLE account_assurance (
    factors    TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    assurance  INTEGER NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (factors, valid_from)
);
INSERT INTO account_assurance (factors, valid_from, valid_to, assurance, source, verified) VALUES
    ('password',         '2021-02-25', NULL, 1, 'Decree 69/2024 art 20(1): one factor without biometrics', FALSE),
    ('passkey',          '2024-07-01', NULL, 2, 'Decree 69/2024 art 20(2): possession, and what unlocks it counted as knowledge', FALSE),
    ('synced',           '2024-07-01', NULL, 2, 'Decree 69/2024 art 20(2): possession, and what unlocks it counted as knowledge', FALSE),
    ('passkey password', '2024-07-01', NULL, 3, 'Decree 69/2024 art 20(3); house rule: user verification of a passkey counts as the biometric factor', FALSE),
    ('password synced',  '2024-07-01', NULL, 3, 'Decree 69/2024 art 20(3); house rule: user verification of a passkey counts as the biometric factor', FALSE);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('passkey_minutes',       '2024-07-01', NULL, 5,  'house rule: a challenge lives so long', TRUE),
    ('passkey_fresh_minutes', '2024-07-01', NULL, 10, 'house rule: registering and removing take a sign-in no older than this', TRUE),
    ('passkey_most',          '2024-07-01', NULL, 10, 'house rule: passkeys of one account', TRUE),
    ('passkey_per_address',   '2024-07-01', NULL, 3000, 'house rule: challenges per address in 15 minutes', TRUE),
    ('staff_code_hours',      '2024-07-01', NULL, 24, 'house rule', TRUE),
    ('staff_code_tries',      '2024-07-01', NULL, 5,  'house rule', TRUE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('passkey_minutes', 'passkey_fresh_minutes', 'passkey_most', 'passkey_per_address', 'staff_code_hours', 'staff_code_tries');
DROP TABLE account_assurance;
ALTER TABLE account_session DROP COLUMN passkey;
DROP TABLE account_founding;
DROP TABLE account_staff_code;
DROP TABLE account_ceremony;
DROP TABLE account_passkey_index;
DROP TABLE account_passkey;
