-- +goose Up
-- How a lock came about: tap (she was signed in), link (in a message to her),
-- hotline, counter; '' by Danh itself.
ALTER TABLE account_lock ADD COLUMN via TEXT ${C} NOT NULL DEFAULT '';

-- The links in messages about her safety: each locks once and does nothing else.
CREATE TABLE account_freeze_link (
    token_hash ${BYTES} NOT NULL PRIMARY KEY,
    account    ${BYTES} NOT NULL REFERENCES account_account (id),
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX account_freeze_link_account ON account_freeze_link (account);
CREATE INDEX account_freeze_link_expires ON account_freeze_link (expires_at);

-- Calls to the hotline, of unknown numbers too: what was written down on the
-- telephone tells nobody whether there is such an account. The caller's words
-- are sealed for the owner named by the call's key.
CREATE TABLE account_hotline_call (
    id           ${BYTES} NOT NULL PRIMARY KEY,
    number_index ${BYTES} NOT NULL,
    words        ${BYTES} NOT NULL,
    by_account   ${BYTES} NOT NULL,
    by_person    ${BYTES} NOT NULL,
    by_office    TEXT ${C} NOT NULL,
    at           BIGINT NOT NULL
);
CREATE INDEX account_hotline_call_at ON account_hotline_call (at);

-- She asks to have her own lock lifted: it is lifted when the wait is over,
-- unless somebody stopped it. states: waiting, done, stopped, moved (another
-- ground came in between).
CREATE TABLE account_thaw (
    account  ${BYTES} NOT NULL REFERENCES account_account (id),
    id       ${BYTES} NOT NULL,
    state    TEXT ${C} NOT NULL,
    asked_at BIGINT NOT NULL,
    due_at   BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (account, id)
);
CREATE UNIQUE INDEX account_thaw_waiting ON account_thaw (account) WHERE state = 'waiting';
CREATE INDEX account_thaw_ended ON account_thaw (ended_at) WHERE ended_at IS NOT NULL;

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('freeze_link_days',    '2024-07-01', NULL, 7,    'house rule: a link in a message locks for so long', TRUE),
    ('hotline_per_officer', '2024-07-01', NULL, 40,   'house rule: calls that one officer takes in an hour', TRUE),
    ('hotline_per_number',  '2024-07-01', NULL, 3,    'house rule: calls about one number in a week; after that at a counter', TRUE),
    ('hotline_days',        '2024-07-01', NULL, 1826, 'Decree 69/2024 art 28: usage history of five years', FALSE),
    ('thaw_passkey_hours',  '2024-07-01', NULL, 72,   'house rule: a passkey this much older than the lock unlocks it', TRUE),
    ('thaw_hours',          '2024-07-01', NULL, 24,   'house rule: so long every channel can stop an unlocking', TRUE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('freeze_link_days', 'hotline_per_officer', 'hotline_per_number', 'hotline_days', 'thaw_passkey_hours', 'thaw_hours');
DROP TABLE account_thaw;
DROP TABLE account_hotline_call;
DROP TABLE account_freeze_link;
ALTER TABLE account_lock DROP COLUMN via;
