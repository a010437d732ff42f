-- +goose Up
-- A device is a browser that she signed in from and kept. Its cookie names it;
-- its key, which never leaves it, proves it. A removed one keeps its row for a
-- while under a hash that no cookie has.
ALTER TABLE account_device ADD COLUMN name TEXT ${C} NOT NULL DEFAULT '';       -- as she calls it; '': its label
ALTER TABLE account_device ADD COLUMN platform TEXT ${C} NOT NULL DEFAULT '';   -- "Android"
ALTER TABLE account_device ADD COLUMN key ${BYTES};                             -- public: P-256, uncompressed; NULL: none
ALTER TABLE account_device ADD COLUMN password_only BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE account_device ADD COLUMN removed_at BIGINT;
ALTER TABLE account_device ADD COLUMN removed_why TEXT ${C};
CREATE UNIQUE INDEX account_device_id ON account_device (account, id);
CREATE INDEX account_device_removed ON account_device (removed_at) WHERE removed_at IS NOT NULL;

-- browser is the hash of the device cookie that the session was opened with: with
-- another one it ends. new_device: it waits for the code that was sent to her
-- phone. once: the browser is not hers and is not kept.
ALTER TABLE account_session ADD COLUMN browser ${BYTES};
ALTER TABLE account_session ADD COLUMN new_device BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE account_session ADD COLUMN once BOOLEAN NOT NULL DEFAULT FALSE;

-- device is where a passkey was made; staff, that a staff code or such a passkey
-- vouched for it. Those made before were all made with a code.
ALTER TABLE account_passkey ADD COLUMN device ${BYTES};
ALTER TABLE account_passkey ADD COLUMN staff BOOLEAN NOT NULL DEFAULT TRUE;

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('device_code',          '2021-02-25', NULL, 1,  'seed 004: the first sign-in on a device takes a code; 0: none is asked', FALSE),
    ('device_code_per_hour', '2021-02-25', NULL, 6,  'house rule: codes for a sign-in per account, and per phone, in one hour', TRUE),
    ('device_code_wrong',    '2021-02-25', NULL, 15, 'house rule: wrong codes for sign-ins to one account in 24 hours', TRUE),
    ('device_wait_minutes',  '2021-02-25', NULL, 15, 'house rule: a sign-in waits so long for its code', TRUE),
    ('device_once_minutes',  '2021-02-25', NULL, 5,  'house rule: a session on a browser that is not hers ends after so long without use', TRUE),
    ('device_key_asked',     '2021-02-25', NULL, 1,  'house rule: a device that has a key is known by it; without its signature the sign-in takes a code; 0: its cookie is enough', TRUE),
    ('device_most',          '2021-02-25', NULL, 30, 'house rule: devices of one account; the one that was used least lately gives way', TRUE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('device_code', 'device_code_per_hour', 'device_code_wrong', 'device_wait_minutes', 'device_once_minutes', 'device_key_asked', 'device_most');
ALTER TABLE account_passkey DROP COLUMN staff;
ALTER TABLE account_passkey DROP COLUMN device;
ALTER TABLE account_session DROP COLUMN once;
ALTER TABLE account_session DROP COLUMN new_device;
ALTER TABLE account_session DROP COLUMN browser;
DROP INDEX account_device_removed;
DROP INDEX account_device_id;
ALTER TABLE account_device DROP COLUMN removed_why;
ALTER TABLE account_device DROP COLUMN removed_at;
ALTER TABLE account_device DROP COLUMN password_only;
ALTER TABLE account_device DROP COLUMN key;
ALTER TABLE account_device DROP COLUMN platform;
ALTER TABLE account_device DROP COLUMN name;
