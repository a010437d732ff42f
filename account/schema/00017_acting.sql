-- +goose Up
-- Times when a representative acts for a child or a ward from her own session.
-- The key stands in for a session's key wherever the represented account is
-- used, so that what is given for such a time never outlives it.
CREATE TABLE account_acting (
    account        ${BYTES} NOT NULL REFERENCES account_account (id),  -- for whom
    id             ${BYTES} NOT NULL,
    person         ${BYTES} NOT NULL,
    representation ${BYTES} NOT NULL,
    by_account     ${BYTES} NOT NULL REFERENCES account_account (id),
    session        ${BYTES} NOT NULL,       -- hers
    name           ${BYTES} NOT NULL,       -- sealed for the account: what the frame of each page says
    began_at       BIGINT NOT NULL,
    ends_at        BIGINT NOT NULL,
    ended_at       BIGINT,
    ended_why      TEXT ${C},               -- stopped, time, representation, locked, signed_out, …
    PRIMARY KEY (account, id)
);
CREATE INDEX account_acting_by ON account_acting (by_account);
CREATE INDEX account_acting_ends ON account_acting (ends_at);

-- For whom a session acts; NULL: for its own account.
ALTER TABLE account_session ADD COLUMN acting ${BYTES};
ALTER TABLE account_session ADD COLUMN acting_id ${BYTES};

-- What a representative may do while she acts. What has no row, nobody may.
CREATE TABLE account_acting_journey (
    journey    TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (journey, valid_from)
);

INSERT INTO account_acting_journey (journey, valid_from, valid_to, source, verified) VALUES
    ('home',     '2024-07-01', NULL, 'Decree 69/2024 art 10: the representative uses the account for whom she represents', FALSE),
    ('inbox',    '2024-07-01', NULL, 'Decree 69/2024 art 10', FALSE),
    ('looked',   '2024-07-01', NULL, 'Law 91/2025: access to the history of the child''s data is exercised by the representative', FALSE),
    ('card',     '2024-07-01', NULL, 'Law on Identification art 23; Decree 69/2024 art 10: card and papers of a child under 14', FALSE),
    ('dossiers', '2024-07-01', NULL, 'Law on Identification art 23: the representative files for a child under 14', FALSE),
    ('sign_on',  '2024-07-01', NULL, 'Decree 69/2024 art 10: sign-on to public services for whom she represents', FALSE),
    ('consents', '2024-07-01', NULL, 'Law 91/2025: consent for a child is the representative''s', FALSE),
    ('services', '2024-07-01', NULL, 'Civil Code 2015 arts 134 to 136: acts within the representation', FALSE),
    ('freeze',   '2024-07-01', NULL, 'house rule: whoever protects her may lock the account', TRUE);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('acting_minutes', '2024-07-01', NULL, 30, 'house rule: she acts for somebody else for so long, then for herself again', TRUE);

INSERT INTO account_demand (journey, valid_from, valid_to, level, assurance, max_age_seconds, source, verified) VALUES
    ('act_for', '2024-07-01', NULL, 2, 2, 0, 'Decree 69/2024 art 10: the representative uses her own account of level 2; house rule: and two factors, for it is another''s identity', FALSE);

-- +goose Down
DELETE FROM account_demand WHERE journey = 'act_for';
DELETE FROM account_rule WHERE name = 'acting_minutes';
DROP TABLE account_acting_journey;
ALTER TABLE account_session DROP COLUMN acting_id;
ALTER TABLE account_session DROP COLUMN acting;
DROP TABLE account_acting;
