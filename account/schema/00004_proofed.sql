-- +goose Up
-- Accounts that a counter opened wait here for their first use. The latest code
-- of an account lives; what it is told by is in the message alone.
CREATE TABLE account_activation (
    account    ${BYTES} NOT NULL PRIMARY KEY REFERENCES account_account (id),
    code_hash  ${BYTES} NOT NULL,
    way        TEXT ${C} NOT NULL,    -- "sms" or "mail": where the code went
    tries      INTEGER NOT NULL,
    sent_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    token_hash ${BYTES},              -- of the browser that brought the code
    token_ends BIGINT,
    used_at    BIGINT,
    lapsed_at  BIGINT
);
CREATE INDEX account_activation_token ON account_activation (token_hash);
CREATE INDEX account_activation_due ON account_activation (expires_at) WHERE used_at IS NULL AND lapsed_at IS NULL;

-- An account of a child or a ward: whoever represents her confirms each use.
ALTER TABLE account_account ADD COLUMN represented BOOLEAN NOT NULL DEFAULT FALSE;

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('activation_days',         '2022-10-20', NULL, 7,   'Decree 69/2024 art 14: within 7 days of the notice', FALSE),
    ('activation_tries',        '2022-10-20', NULL, 100, 'house rule: wrong codes until a code dies', TRUE),
    ('activation_minutes',      '2022-10-20', NULL, 30,  'house rule: from the code to the password', TRUE),
    ('activation_sends',        '2022-10-20', NULL, 3,   'house rule: codes per account in 24 hours', TRUE),
    ('activation_per_address',  '2022-10-20', NULL, 40,  'house rule: codes tried per address in 15 minutes', TRUE),
    ('lock_card_lost',          '2024-07-01', NULL, 0,   'Law on Identification art 34 names revoked and held cards only; house rule: a lost card does not lock', FALSE),
    ('lock_card_expired',       '2024-07-01', NULL, 0,   'Law on Identification art 34 names revoked and held cards only; house rule: an expired card does not lock', FALSE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('activation_days', 'activation_tries', 'activation_minutes', 'activation_sends', 'activation_per_address', 'lock_card_lost', 'lock_card_expired');
ALTER TABLE account_account DROP COLUMN represented;
DROP TABLE account_activation;
