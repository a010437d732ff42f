-- +goose Up
-- When each key of a client ends, by its thumbprint (RFC 7638), as JSON of
-- microseconds; when its secret does; and the secret before it while both count.
ALTER TABLE partner_client ADD COLUMN key_ends ${JSON} NOT NULL DEFAULT '{}';
ALTER TABLE partner_client ADD COLUMN secret_until BIGINT;
ALTER TABLE partner_client ADD COLUMN former_secret ${BYTES};
ALTER TABLE partner_client ADD COLUMN former_until BIGINT;

-- Numbers are given out one after the other: whoever takes one holds this row.
CREATE TABLE partner_number (
    only_row BIGINT NOT NULL PRIMARY KEY,
    last     BIGINT NOT NULL
);
INSERT INTO partner_number (only_row, last) VALUES (1, 400);

-- An organisation that connects, or wants to. draft is what its staff work on,
-- approved what holds; both are documents of partner/lint.
CREATE TABLE partner_party (
    id             TEXT ${C} NOT NULL PRIMARY KEY,   -- "DT-0417"
    key            ${BYTES} NOT NULL,                -- owner of what is sealed, and of mail to its contacts
    organisation   ${BYTES} NOT NULL,
    number         TEXT ${C} NOT NULL,               -- its enterprise code
    name           TEXT ${C} NOT NULL,               -- as the registry had it last
    name_key       TEXT ${C} NOT NULL,               -- without marks, for finding
    draft          ${JSON} NOT NULL,
    draft_version  BIGINT NOT NULL,
    approved       ${JSON} NOT NULL DEFAULT '',
    approved_at    BIGINT,
    approved_until BIGINT,
    created_at     BIGINT NOT NULL,
    trial_at       BIGINT,
    ended_at       BIGINT,
    ended_why      TEXT ${C} NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX partner_party_standing ON partner_party (organisation) WHERE ended_at IS NULL;

-- Who of an organisation works at the partner door, and as what. Rows are never
-- changed but to end them. name is sealed under the account's key.
CREATE TABLE partner_staff (
    account    ${BYTES} NOT NULL,
    id         ${BYTES} NOT NULL,
    party      TEXT ${C} NOT NULL REFERENCES partner_party (id),
    person     ${BYTES} NOT NULL,
    role       TEXT ${C} NOT NULL,
    name       ${BYTES},
    begun_at   BIGINT NOT NULL,
    begun_by   ${BYTES},
    ended_at   BIGINT,
    ended_by   ${BYTES},
    PRIMARY KEY (account, id)
);
CREATE UNIQUE INDEX partner_staff_standing ON partner_staff (account, party, role) WHERE ended_at IS NULL;
CREATE INDEX partner_staff_party ON partner_staff (party);

-- A link that makes whoever opens it one of the staff. Only its hash is kept.
CREATE TABLE partner_invitation (
    hash       ${BYTES} NOT NULL PRIMARY KEY,
    party      TEXT ${C} NOT NULL REFERENCES partner_party (id),
    role       TEXT ${C} NOT NULL,
    made_by    ${BYTES} NOT NULL,
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX partner_invitation_party ON partner_invitation (party);

-- A request for production: the document as it was handed in, word for word.
CREATE TABLE partner_application (
    id               ${BYTES} NOT NULL PRIMARY KEY,
    code             TEXT ${C} NOT NULL UNIQUE,
    party            TEXT ${C} NOT NULL REFERENCES partner_party (id),
    state            TEXT ${C} NOT NULL CHECK (state IN ('agreeing', 'waiting', 'supplement', 'checked', 'approved', 'refused', 'withdrawn')),
    document         ${JSON} NOT NULL,
    hash             ${BYTES} NOT NULL,
    made_at          BIGINT NOT NULL,
    made_by          ${BYTES} NOT NULL,      -- account
    made_person      ${BYTES} NOT NULL,
    complete_at      BIGINT,                 -- all representatives agreed: the clock runs
    due_at           BIGINT,
    checked_at       BIGINT,
    checked_by       ${BYTES},
    checked_person   ${BYTES},
    checked_office   TEXT ${C} NOT NULL DEFAULT '',
    decided_at       BIGINT,
    decided_by       ${BYTES},
    decided_office   TEXT ${C} NOT NULL DEFAULT '',
    until            BIGINT,
    words            TEXT ${C} NOT NULL DEFAULT ''   -- what officers tell the party
);
CREATE UNIQUE INDEX partner_application_open ON partner_application (party) WHERE state IN ('agreeing', 'waiting', 'supplement', 'checked');
CREATE INDEX partner_application_state ON partner_application (state, due_at);

-- A legal representative's yes to that very document.
CREATE TABLE partner_agreement (
    person      ${BYTES} NOT NULL,
    application ${BYTES} NOT NULL REFERENCES partner_application (id),
    account     ${BYTES} NOT NULL,
    hash        ${BYTES} NOT NULL,
    agreed_at   BIGINT NOT NULL,
    PRIMARY KEY (person, application)
);
CREATE INDEX partner_agreement_application ON partner_agreement (application);

-- What the party's own staff and officers did, for the party to read.
CREATE TABLE partner_log (
    party  TEXT ${C} NOT NULL REFERENCES partner_party (id),
    id     ${BYTES} NOT NULL,
    at     BIGINT NOT NULL,
    who    ${BYTES},                      -- account of its staff; NULL: an office or Danh
    office TEXT ${C} NOT NULL DEFAULT '',
    what   TEXT ${C} NOT NULL,
    detail TEXT ${C} NOT NULL DEFAULT '', -- a code, a key's name, a role; never personal data
    PRIMARY KEY (party, id)
);

-- Which reminder of an end was sent: each goes out once.
CREATE TABLE partner_warning (
    client     TEXT ${C} NOT NULL,
    credential TEXT ${C} NOT NULL,
    days       BIGINT NOT NULL,
    sent_at    BIGINT NOT NULL,
    PRIMARY KEY (client, credential, days)
);

-- +goose Down
DROP TABLE partner_warning;
DROP TABLE partner_log;
DROP TABLE partner_agreement;
DROP TABLE partner_application;
DROP TABLE partner_invitation;
DROP TABLE partner_staff;
DROP TABLE partner_party;
DROP TABLE partner_number;
ALTER TABLE partner_client DROP COLUMN former_until;
ALTER TABLE partner_client DROP COLUMN former_secret;
ALTER TABLE partner_client DROP COLUMN secret_until;
ALTER TABLE partner_client DROP COLUMN key_ends;
