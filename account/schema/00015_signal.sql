-- +goose Up
-- Roughly where a browser signed in the last time: a town of the operator's list,
-- '' when nobody knows. No address is kept anywhere.
ALTER TABLE account_device ADD COLUMN place_vi TEXT ${C} NOT NULL DEFAULT '';
ALTER TABLE account_device ADD COLUMN place_en TEXT ${C} NOT NULL DEFAULT '';
ALTER TABLE account_device ADD COLUMN place_since BIGINT NOT NULL DEFAULT 0; -- when it first signed in there

-- Sign-ins of the last days, for the signals and for nothing else.
CREATE TABLE account_sighting (
    account  ${BYTES} NOT NULL REFERENCES account_account (id),
    id       ${BYTES} NOT NULL,
    browser  ${BYTES} NOT NULL,     -- hash of the browser's long-lived cookie
    label    TEXT ${C} NOT NULL,
    place_vi TEXT ${C} NOT NULL,
    place_en TEXT ${C} NOT NULL,
    lat10    INTEGER NOT NULL,      -- tenths of a degree
    lon10    INTEGER NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (account, id)
);
CREATE INDEX account_sighting_account ON account_sighting (account, at);
CREATE INDEX account_sighting_browser ON account_sighting (browser, at);
CREATE INDEX account_sighting_at ON account_sighting (at);

-- Openings that could not go on, by the blind index of what was typed.
CREATE TABLE account_stopped (
    id    ${BYTES} NOT NULL PRIMARY KEY,
    kind  TEXT ${C} NOT NULL,       -- number, phone
    key   ${BYTES} NOT NULL,
    at    BIGINT NOT NULL
);
CREATE INDEX account_stopped_key ON account_stopped (kind, key, at);
CREATE INDEX account_stopped_at ON account_stopped (at);

-- What might be a theft, for an officer to look at. The same about the same
-- subject is one case until it is decided; what was seen has no address and no
-- number. states: open, proposed (a second officer confirms a lock), decided.
CREATE TABLE account_signal (
    id          ${BYTES} NOT NULL PRIMARY KEY,
    code        TEXT ${C} NOT NULL,
    kind        TEXT ${C} NOT NULL,
    subject     ${BYTES} NOT NULL,  -- an account, a browser, a blind index
    account     ${BYTES} REFERENCES account_account (id),  -- whom a decision can reach; NULL: nobody yet
    state       TEXT ${C} NOT NULL,
    times       INTEGER NOT NULL,
    seen        ${JSON} NOT NULL,
    threshold   BIGINT NOT NULL,    -- of the rule in force when it was raised
    first_at    BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    proposed_at BIGINT,
    proposed_by ${BYTES},
    proposed_person ${BYTES},
    proposed_office TEXT ${C},
    decided_at  BIGINT,
    decided_by  ${BYTES},
    decided_office TEXT ${C},
    outcome     TEXT ${C},          -- nothing, warned, locked
    words       ${BYTES}            -- why, sealed for the owner named by the case's key
);
CREATE UNIQUE INDEX account_signal_code ON account_signal (code);
CREATE UNIQUE INDEX account_signal_open ON account_signal (kind, subject) WHERE decided_at IS NULL;
CREATE INDEX account_signal_decided ON account_signal (decided_at);

-- Requests of competent bodies and service providers to lock an account. What
-- the request says is sealed for the owner named by its key.
CREATE TABLE account_warrant (
    id          ${BYTES} NOT NULL PRIMARY KEY,
    code        TEXT ${C} NOT NULL,
    ground      TEXT ${C} NOT NULL,     -- of account_warrant_ground
    number_index ${BYTES} NOT NULL,
    said        ${BYTES} NOT NULL,      -- sealed: number, body, document, its day, words
    until_day   TEXT ${C},              -- the last day on which the ground holds, when the document says one
    state       TEXT ${C} NOT NULL,     -- received, forwarded, locked, refused, ending, ended
    received_at BIGINT NOT NULL,
    received_by ${BYTES} NOT NULL,
    received_person ${BYTES} NOT NULL,
    received_office TEXT ${C} NOT NULL,
    forward_due BIGINT NOT NULL,
    forwarded_at BIGINT,
    forwarded_by ${BYTES},
    forwarded_person ${BYTES},
    decide_due  BIGINT,
    decided_at  BIGINT,
    decided_by  ${BYTES},
    decided_person ${BYTES},
    decided_office TEXT ${C},
    why         TEXT ${C},              -- of a refusal: form, nobody, level, over
    account     ${BYTES} REFERENCES account_account (id), -- that was locked by it
    holds       BOOLEAN NOT NULL,       -- this request's lock is the one that stands on its ground
    ending_at   BIGINT,
    ending_by   ${BYTES},
    ending_person ${BYTES},
    ending_said ${BYTES},               -- sealed: the document that ends it
    ended_at    BIGINT,
    ended_why   TEXT ${C}               -- document, day, lifted
);
CREATE UNIQUE INDEX account_warrant_code ON account_warrant (code);
CREATE INDEX account_warrant_state ON account_warrant (state, received_at);
CREATE INDEX account_warrant_account ON account_warrant (account);
CREATE INDEX account_warrant_until ON account_warrant (until_day) WHERE state = 'locked';

-- Who may ask, on which ground, within which working days. From the day after
-- to the day on which valid_to falls the row holds no more.
CREATE TABLE account_warrant_ground (
    ground       TEXT ${C} NOT NULL,
    valid_from   TEXT ${C} NOT NULL,
    valid_to     TEXT ${C},
    asked_by     TEXT ${C} NOT NULL,    -- body, provider
    least_level  INTEGER NOT NULL,      -- of the account
    forward_days INTEGER NOT NULL,
    decide_days  INTEGER NOT NULL,
    source       TEXT ${C} NOT NULL,
    verified     BOOLEAN NOT NULL,
    PRIMARY KEY (ground, valid_from)
);
INSERT INTO account_warrant_ground (ground, valid_from, valid_to, asked_by, least_level, forward_days, decide_days, source, verified) VALUES
    ('proceedings', '2022-10-20', '2024-06-30', 'body',     2, 1, 2, 'Nghị định 59/2022/NĐ-CP, Điều 19', FALSE),
    ('competent',   '2022-10-20', '2024-06-30', 'body',     2, 1, 2, 'Nghị định 59/2022/NĐ-CP, Điều 19', FALSE),
    ('provider',    '2022-10-20', '2024-06-30', 'provider', 2, 1, 2, 'Nghị định 59/2022/NĐ-CP, Điều 19', FALSE),
    ('proceedings', '2024-07-01', NULL,         'body',     1, 1, 2, 'Luật Căn cước 26/2023/QH15, Điều 34; Nghị định 69/2024/NĐ-CP, Điều 30', FALSE),
    ('competent',   '2024-07-01', NULL,         'body',     1, 1, 2, 'Luật Căn cước 26/2023/QH15, Điều 34; Nghị định 69/2024/NĐ-CP, Điều 30', FALSE),
    ('provider',    '2024-07-01', NULL,         'provider', 1, 1, 2, 'Nghị định 69/2024/NĐ-CP, Điều 30', FALSE);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('signal_travel_kmh',       '2024-07-01', NULL, 900, 'house rule: faster than an airliner between two sign-ins', TRUE),
    ('signal_travel_slack_km',  '2024-07-01', NULL, 150, 'house rule: a carrier''s exits move about within so many kilometres', TRUE),
    ('signal_travel_hours',     '2024-07-01', NULL, 24,  'house rule: sign-ins further apart are not compared', TRUE),
    ('signal_device_accounts',  '2024-07-01', NULL, 5,   'house rule: more accounts than this on one browser', TRUE),
    ('signal_device_days',      '2024-07-01', NULL, 7,   'house rule: within so many days', TRUE),
    ('signal_openings',         '2024-07-01', NULL, 3,   'house rule: more openings than this that could not go on, with one number or phone', TRUE),
    ('signal_openings_hours',   '2024-07-01', NULL, 48,  'house rule: within so many hours', TRUE),
    ('signal_rest_hours',       '2024-07-01', NULL, 24,  'house rule: what was decided is not raised again for the same count within so many hours', TRUE),
    ('signal_days',             '2024-07-01', NULL, 365, 'house rule: a decided signal is kept for so long', TRUE),
    ('warrant_years',           '2024-07-01', NULL, 5,   'Decree 69/2024 art 28: usage history of five years', FALSE),
    ('risk_hours',              '2024-07-01', NULL, 24,  'house rule: after a risky change from a new place, another waits so long', TRUE),
    ('alerts_per_hour',         '2024-07-01', NULL, 5,   'house rule: alerts of one kind about sign-ins that ring; what comes after is in the inbox', TRUE),
    ('attempts_per_day',        '2024-07-01', NULL, 3,   'house rule: messages about attempts by strangers that ring', TRUE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('signal_travel_kmh', 'signal_travel_slack_km', 'signal_travel_hours', 'signal_device_accounts', 'signal_device_days',
    'signal_openings', 'signal_openings_hours', 'signal_rest_hours', 'signal_days', 'warrant_years', 'risk_hours', 'alerts_per_hour', 'attempts_per_day');
DROP TABLE account_warrant_ground;
DROP TABLE account_warrant;
DROP TABLE account_signal;
DROP TABLE account_stopped;
DROP TABLE account_sighting;
ALTER TABLE account_device DROP COLUMN place_since;
ALTER TABLE account_device DROP COLUMN place_en;
ALTER TABLE account_device DROP COLUMN place_vi;
