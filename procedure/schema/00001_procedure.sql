-- +goose Up
-- What can be asked for, as of when. Texts for people are part of the row: they
-- change with the law, not with the program.
CREATE TABLE procedure_catalogue (
    code         TEXT ${C} NOT NULL,      -- "thong-bao-luu-tru"
    valid_from   TEXT ${C} NOT NULL,
    valid_to     TEXT ${C},               -- last day; NULL while it is in force
    place        INTEGER NOT NULL,        -- order of lists
    prefix       TEXT ${C} NOT NULL,      -- first letters of case codes; '' while there are no cases here
    field        TEXT ${C} NOT NULL,      -- residence, card, account
    life         ${JSON} NOT NULL,        -- life events it belongs to
    name_vi      TEXT ${C} NOT NULL,
    name_en      TEXT ${C} NOT NULL,
    short_vi     TEXT ${C} NOT NULL,      -- when people need it, in one line
    short_en     TEXT ${C} NOT NULL,
    words        TEXT ${C} NOT NULL,      -- what else people call it; folded when searched
    authority    TEXT ${C} NOT NULL,      -- commune_police, any_commune_police, online
    feature      TEXT ${C} NOT NULL,      -- of account's table feature by level
    state        TEXT ${C} NOT NULL,      -- open: works here; counter: at the office; coming: at the office until it is here
    open_from    TEXT ${C},               -- switch of the online way, first and last day
    open_to      TEXT ${C},
    limit_vi     TEXT ${C} NOT NULL,
    limit_en     TEXT ${C} NOT NULL,
    fee_counter  BIGINT,                  -- đồng; NULL: not settled
    fee_online   BIGINT,
    fee_vi       TEXT ${C} NOT NULL,
    fee_en       TEXT ${C} NOT NULL,
    details      ${JSON} NOT NULL,        -- {"who":[[vi,en],…],"bring":…,"steps":…}
    source       TEXT ${C} NOT NULL,      -- law and article
    verified     BOOLEAN NOT NULL,        -- read at the official gazette
    PRIMARY KEY (code, valid_from)
);

-- Numbers and times of day that the law sets.
CREATE TABLE procedure_rule (
    name       TEXT ${C} NOT NULL,        -- "lodging.cutoff"
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    value      TEXT ${C} NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);

-- By which channels a procedure may be done, and until when.
CREATE TABLE procedure_channel (
    procedure  TEXT ${C} NOT NULL,
    channel    TEXT ${C} NOT NULL,        -- in_person, phone, website, email, portal, software
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (procedure, channel, valid_from)
);

-- A case belongs to the account that files it. What was written is sealed for
-- the case itself, so that a discarded draft is unreadable at once.
CREATE TABLE procedure_case (
    account      ${BYTES} NOT NULL,
    id           ${BYTES} NOT NULL,
    procedure    TEXT ${C} NOT NULL,
    state        TEXT ${C} NOT NULL,      -- draft, received, disputed, discarded
    step         TEXT ${C} NOT NULL,      -- where a draft is to be taken up again
    payload      ${BYTES},                -- sealed
    version      BIGINT NOT NULL,         -- of the payload: two tabs must not overwrite each other
    code         TEXT ${C},
    phone_tail   ${BYTES},                -- blind index of the last digits, for public tracking
    unit_code    TEXT ${C} NOT NULL,
    office       ${BYTES},
    office_name  TEXT ${C} NOT NULL,
    guests       INTEGER NOT NULL,
    late         BOOLEAN NOT NULL,
    due_at       BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    submitted_at BIGINT,
    expires_at   BIGINT,                  -- drafts only
    PRIMARY KEY (account, id)
);
CREATE INDEX procedure_case_expiry ON procedure_case (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX procedure_case_kept ON procedure_case (submitted_at) WHERE payload IS NOT NULL;

-- Case codes are unique in the whole installation.
CREATE TABLE procedure_code (
    code       TEXT ${C} NOT NULL PRIMARY KEY,
    account    ${BYTES} NOT NULL,
    case_id    ${BYTES} NOT NULL,
    tries      INTEGER NOT NULL,          -- wrong digits since tries_from
    tries_from BIGINT NOT NULL,
    FOREIGN KEY (account, case_id) REFERENCES procedure_case (account, id)
);

-- What happened to a case, in order. No personal data.
CREATE TABLE procedure_event (
    account  ${BYTES} NOT NULL,
    case_id  ${BYTES} NOT NULL,
    seq      INTEGER NOT NULL,
    at       BIGINT NOT NULL,
    kind     TEXT ${C} NOT NULL,          -- opened, submitted, received, late, disputed
    ordinal  INTEGER NOT NULL,            -- guest it is about; 0 for the whole case
    PRIMARY KEY (account, case_id, seq),
    FOREIGN KEY (account, case_id) REFERENCES procedure_case (account, id)
);

-- The stays that a case put into the residence registry.
CREATE TABLE procedure_stay (
    account  ${BYTES} NOT NULL,
    case_id  ${BYTES} NOT NULL,
    ordinal  INTEGER NOT NULL,
    stay     ${BYTES} NOT NULL,
    PRIMARY KEY (account, case_id, ordinal),
    FOREIGN KEY (account, case_id) REFERENCES procedure_case (account, id)
);

-- Guests who have an account were told, and may dispute.
CREATE TABLE procedure_guest (
    account      ${BYTES} NOT NULL,       -- the guest's
    id           ${BYTES} NOT NULL,
    case_account ${BYTES} NOT NULL,
    case_id      ${BYTES} NOT NULL,
    ordinal      INTEGER NOT NULL,
    fits         BOOLEAN NOT NULL,        -- name and birth date are hers too, not the number alone
    told_at      BIGINT NOT NULL,
    disputed_at  BIGINT,
    reason       TEXT ${C} NOT NULL,
    PRIMARY KEY (account, id),
    FOREIGN KEY (case_account, case_id) REFERENCES procedure_case (account, id)
);
CREATE UNIQUE INDEX procedure_guest_once ON procedure_guest (account, case_account, case_id, ordinal);
CREATE INDEX procedure_guest_case ON procedure_guest (case_account, case_id);

-- +goose Down
DROP TABLE procedure_guest;
DROP TABLE procedure_stay;
DROP TABLE procedure_event;
DROP TABLE procedure_code;
DROP TABLE procedure_case;
DROP TABLE procedure_channel;
DROP TABLE procedure_rule;
DROP TABLE procedure_catalogue;
