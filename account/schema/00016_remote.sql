-- +goose Up
-- Sign-ins on a computer that a phone approves. A request is nobody's until a
-- phone answers it. code and numbers are worth nothing without the browser that
-- asked and the account that answers; they live for minutes and are forgotten
-- within a day.
CREATE TABLE account_remote (
    id          ${BYTES} NOT NULL PRIMARY KEY,
    browser     ${BYTES} NOT NULL,    -- hash of the long-lived cookie of the browser that asked
    code        TEXT ${C} NOT NULL,
    number      INTEGER NOT NULL,     -- two digits, shown on the computer
    choices     TEXT ${C} NOT NULL,   -- three numbers for the phone to pick from, always the same three
    label       TEXT ${C} NOT NULL,   -- browser and system, as the computer says
    place_vi    TEXT ${C} NOT NULL,   -- near which town its network is; '' when nobody knows
    place_en    TEXT ${C} NOT NULL,
    service_vi  TEXT ${C} NOT NULL,   -- who asked for the sign-in; '' for the account itself
    service_en  TEXT ${C} NOT NULL,
    handle      TEXT ${C} NOT NULL,   -- of the request that the computer goes on with
    return_to   TEXT ${C} NOT NULL,
    state       TEXT ${C} NOT NULL,   -- asked, picked, approved, used, refused, wrong, replaced
    asked_at    BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    account     ${BYTES},             -- who answers, from the right number on
    session     ${BYTES},             -- of the phone
    device      ${BYTES},             -- the phone
    assurance   INTEGER NOT NULL DEFAULT 0,
    approved_at BIGINT,
    used_at     BIGINT
);
CREATE UNIQUE INDEX account_remote_code ON account_remote (code);
CREATE INDEX account_remote_browser ON account_remote (browser);
CREATE INDEX account_remote_expires ON account_remote (expires_at);

-- By which phone a session was approved; NULL: it was not opened from afar, or
-- by a phone that is no registered device.
ALTER TABLE account_session ADD COLUMN approver ${BYTES};

INSERT INTO account_demand (journey, valid_from, valid_to, level, assurance, max_age_seconds, source, verified) VALUES
    ('qr_approve', '2024-07-01', NULL, 1, 2, 0, 'house rule, decision 0030: a computer gets no more than the phone that approves it has', TRUE);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('qr_seconds',          '2024-07-01', NULL, 120, 'house rule: a code for signing in on a computer lives so long', TRUE),
    ('qr_answer_seconds',   '2024-07-01', NULL, 180, 'house rule: so long may the phone take once the number was right', TRUE),
    ('qr_use_seconds',      '2024-07-01', NULL, 60,  'house rule: so long may the computer take once it was approved', TRUE),
    ('qr_session_minutes',  '2024-07-01', NULL, 60,  'house rule: a session that was approved from afar ends after', TRUE),
    ('qr_per_address',      '2024-07-01', NULL, 600, 'house rule: codes asked for from one network in 15 minutes', TRUE),
    ('qr_wrong_per_address','2024-07-01', NULL, 100, 'house rule: codes that do not exist, from one network in 15 minutes', TRUE),
    ('qr_wrong_per_account','2024-07-01', NULL, 10,  'house rule: codes that do not exist, from one account in an hour', TRUE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('qr_seconds', 'qr_answer_seconds', 'qr_use_seconds', 'qr_session_minutes', 'qr_per_address', 'qr_wrong_per_address', 'qr_wrong_per_account');
DELETE FROM account_demand WHERE journey = 'qr_approve';
ALTER TABLE account_session DROP COLUMN approver;
DROP TABLE account_remote;
