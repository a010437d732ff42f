-- +goose Up
-- An organisation's account has no level, no password and no phone: it is used
-- by who may act for it, from her own session. Its person is the organisation's
-- key in the registry.
ALTER TABLE account_account ADD COLUMN organisation BOOLEAN NOT NULL DEFAULT FALSE;

-- By what she acts for an organisation; NULL for a child or a ward. Its
-- representation is the mandate's key, all zero for a legal representative.
ALTER TABLE account_acting ADD COLUMN relation TEXT ${C};

-- What may be done while acting for an organisation, and which scope of a
-- mandate it takes; '' takes any. What has no row, nobody may.
CREATE TABLE account_organisation_journey (
    journey    TEXT ${C} NOT NULL,
    scope      TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (journey, valid_from)
);

INSERT INTO account_organisation_journey (journey, scope, valid_from, valid_to, source, verified) VALUES
    ('home',     '',          '2024-07-01', NULL, 'Decree 69/2024 art 12: the organisation''s account is used by its legal representative and by whom it mandates', FALSE),
    ('inbox',    '',          '2024-07-01', NULL, 'Decree 69/2024 art 12', FALSE),
    ('looked',   '',          '2024-07-01', NULL, 'Law 91/2025: who looked at its data is shown to whoever acts for it', FALSE),
    ('sign_on',  '',          '2024-07-01', NULL, 'Decree 69/2024 art 40: sign-on to public services; which service takes which scope is the provider''s question', FALSE),
    ('consents', 'consent',   '2024-07-01', NULL, 'Civil Code 2015 art 141: within the scope of the representation', FALSE),
    ('services', 'procedure', '2024-07-01', NULL, 'Civil Code 2015 art 141: within the scope of the representation', FALSE);

-- Applications for an organisation's account.
CREATE TABLE account_organisation_application (
    id             ${BYTES} NOT NULL PRIMARY KEY,
    code           TEXT ${C} NOT NULL,
    organisation   ${BYTES} NOT NULL,
    applicant      ${BYTES} NOT NULL,      -- the legal representative who applied
    by_account     ${BYTES} NOT NULL,
    paper          BOOLEAN NOT NULL,       -- form TK02 at a counter
    state          TEXT ${C} NOT NULL,     -- consenting, deciding, supplement, opened, refused, withdrawn
    held           BOOLEAN NOT NULL,       -- the data stand in the national database
    made_at        BIGINT NOT NULL,
    complete_at    BIGINT,                 -- the last consent was given: from here the days run
    due_at         BIGINT,
    stopped_at     BIGINT,                 -- a supplement was asked for and has not come
    stopped_us     BIGINT NOT NULL DEFAULT 0, -- how long earlier supplements stopped the clock
    asked          TEXT ${C},              -- what the officer asked for
    decided_at     BIGINT,
    decided_by     ${BYTES},
    decided_office TEXT ${C},
    why            TEXT ${C}
);
CREATE UNIQUE INDEX account_organisation_application_code ON account_organisation_application (code);
CREATE UNIQUE INDEX account_organisation_application_open ON account_organisation_application (organisation) WHERE state IN ('consenting', 'deciding', 'supplement');
CREATE INDEX account_organisation_application_state ON account_organisation_application (state, due_at);

-- What each representative said of an application.
CREATE TABLE account_organisation_consent (
    application ${BYTES} NOT NULL REFERENCES account_organisation_application (id),
    person      ${BYTES} NOT NULL,
    answer      TEXT ${C} NOT NULL,        -- yes, no, paper
    answered_at BIGINT NOT NULL,
    by_account  ${BYTES} NOT NULL,         -- hers, or the officer's who saw the paper
    PRIMARY KEY (application, person)
);

-- Mandates that were offered and not yet accepted: by a link that is used once,
-- or to a person by number and name. One whose number and name fit nobody looks
-- the same to whoever offered it.
CREATE TABLE account_organisation_offer (
    id           ${BYTES} NOT NULL PRIMARY KEY,
    organisation ${BYTES} NOT NULL,
    grantor      ${BYTES} NOT NULL,
    person       ${BYTES},
    token_hash   ${BYTES},
    label        ${BYTES} NOT NULL,        -- sealed under the organisation's key: the name that was typed
    scopes       TEXT ${C} NOT NULL,
    valid_from   TEXT ${C} NOT NULL,
    valid_to     TEXT ${C} NOT NULL,
    made_at      BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    answered_at  BIGINT,
    answer       TEXT ${C}                 -- accepted, refused, withdrawn
);
CREATE UNIQUE INDEX account_organisation_offer_token ON account_organisation_offer (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX account_organisation_offer_person ON account_organisation_offer (person) WHERE answered_at IS NULL;
CREATE INDEX account_organisation_offer_organisation ON account_organisation_offer (organisation, made_at);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('organisation_working_days', '2024-07-01', NULL, 3,  'Decree 69/2024 art 13: organisation, working days when its data stand in the national database', FALSE),
    ('organisation_other_days',   '2024-07-01', NULL, 15, 'Decree 69/2024 art 13: organisation, calendar days otherwise', FALSE),
    ('organisation_offer_days',   '2024-07-01', NULL, 7,  'house rule: an offered mandate waits so long', TRUE),
    ('organisation_offers',       '2024-07-01', NULL, 20, 'house rule: mandates that one person offers in a day', TRUE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('organisation_working_days', 'organisation_other_days', 'organisation_offer_days', 'organisation_offers');
DROP TABLE account_organisation_offer;
DROP TABLE account_organisation_consent;
DROP TABLE account_organisation_application;
DROP TABLE account_organisation_journey;
ALTER TABLE account_acting DROP COLUMN relation;
ALTER TABLE account_account DROP COLUMN organisation;
