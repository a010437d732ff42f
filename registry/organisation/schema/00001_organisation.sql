-- +goose Up
-- An enterprise, agency or other body as the source last described it. What is
-- public by law (name, code, seat, status) stays clear; who represents it is a
-- person's data: by key, with the declared name sealed under the organisation's key.
CREATE TABLE organisation_organisation (
    id            ${BYTES} NOT NULL PRIMARY KEY,
    number        TEXT ${C} NOT NULL,
    name          TEXT ${C} NOT NULL,
    name_en       TEXT ${C} NOT NULL,
    kind          TEXT ${C} NOT NULL,
    status        TEXT ${C} NOT NULL,
    status_from   TEXT ${C} NOT NULL,
    registered_on TEXT ${C} NOT NULL,
    address       TEXT ${C} NOT NULL,
    unit          TEXT ${C},
    unit_from     TEXT ${C},
    successor     ${BYTES},
    updated_at    BIGINT NOT NULL,
    as_of         TEXT ${C} NOT NULL,
    source        TEXT ${C} NOT NULL,
    digest        ${BYTES} NOT NULL
);

-- Whose an enterprise code is.
CREATE TABLE organisation_number (
    number       TEXT ${C} NOT NULL PRIMARY KEY,
    organisation ${BYTES} NOT NULL
) ${BY_KEY};

-- Legal representatives. person is NULL while the population registry does not
-- know whom the source names, or by another name; ended_on is the day from
-- which the source does not name her any more.
CREATE TABLE organisation_representative (
    organisation ${BYTES} NOT NULL,
    blind        ${BYTES} NOT NULL,
    person       ${BYTES},
    declared     ${BYTES} NOT NULL,
    position     TEXT ${C} NOT NULL,
    valid_from   TEXT ${C} NOT NULL,
    valid_to     TEXT ${C},
    ended_on     TEXT ${C},
    PRIMARY KEY (organisation, blind)
);
CREATE INDEX organisation_representative_person ON organisation_representative (person) WHERE person IS NOT NULL;

-- What an organisation lets a person do in its name, and until when.
CREATE TABLE organisation_mandate (
    person       ${BYTES} NOT NULL,
    id           ${BYTES} NOT NULL,
    organisation ${BYTES} NOT NULL,
    grantor      ${BYTES} NOT NULL,
    scopes       TEXT ${C} NOT NULL,
    valid_from   TEXT ${C} NOT NULL,
    valid_to     TEXT ${C} NOT NULL,
    granted_at   BIGINT NOT NULL,
    ended_at     BIGINT,
    ended_why    TEXT ${C},
    PRIMARY KEY (person, id)
);
CREATE UNIQUE INDEX organisation_mandate_standing ON organisation_mandate (person, organisation) WHERE ended_at IS NULL;
CREATE INDEX organisation_mandate_organisation ON organisation_mandate (organisation, granted_at);

-- +goose Down
DROP TABLE organisation_mandate;
DROP TABLE organisation_representative;
DROP TABLE organisation_number;
DROP TABLE organisation_organisation;
