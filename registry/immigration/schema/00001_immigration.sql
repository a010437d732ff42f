-- +goose Up
-- A foreigner as the source last described her. Names and birth dates stay
-- clear for search; the address is sealed.
CREATE TABLE immigration_person (
    id          ${BYTES} NOT NULL PRIMARY KEY,
    name        TEXT ${C} NOT NULL,
    name_key    TEXT ${C} NOT NULL,
    birth_date  TEXT ${C} NOT NULL,
    sex         TEXT ${C} NOT NULL,
    nationality TEXT ${C} NOT NULL,
    address     ${BYTES},
    updated_at  BIGINT NOT NULL,
    as_of       TEXT ${C} NOT NULL,
    source      TEXT ${C} NOT NULL,
    digest      ${BYTES} NOT NULL
);
CREATE INDEX immigration_person_search ON immigration_person (birth_date, name_key);

-- Passports and residence cards. cancelled_on is the first day on which it no
-- longer counts, by the source or a decision here; told_on the expiry for which news was sent.
CREATE TABLE immigration_document (
    person       ${BYTES} NOT NULL,
    blind        ${BYTES} NOT NULL,
    kind         TEXT ${C} NOT NULL,
    country      TEXT ${C} NOT NULL,
    number       ${BYTES} NOT NULL,
    category     TEXT ${C},
    issued_on    TEXT ${C} NOT NULL,
    expires_on   TEXT ${C},
    cancelled_on TEXT ${C},
    cancelled_by TEXT ${C},
    told_on      TEXT ${C},
    PRIMARY KEY (person, blind)
);
CREATE INDEX immigration_document_expiry ON immigration_document (expires_on) WHERE told_on IS NULL;

-- Whose a document is.
CREATE TABLE immigration_document_index (
    blind  ${BYTES} NOT NULL PRIMARY KEY,
    person ${BYTES} NOT NULL
) ${BY_KEY};

-- Which deliveries were imported to their end.
CREATE TABLE immigration_import (
    file        ${BYTES} NOT NULL PRIMARY KEY,
    source      TEXT ${C} NOT NULL,
    as_of       TEXT ${C} NOT NULL,
    finished_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE immigration_import;
DROP TABLE immigration_document_index;
DROP TABLE immigration_document;
DROP TABLE immigration_person;
