-- +goose Up
-- A person as the source last described her. Names and birth dates stay clear
-- for search; religion and marital status are sealed in particulars.
CREATE TABLE population_person (
    id            ${BYTES} NOT NULL PRIMARY KEY,
    name          TEXT ${C} NOT NULL,
    name_key      TEXT ${C} NOT NULL,
    sort_key      TEXT ${C} NOT NULL,
    birth_date    TEXT ${C} NOT NULL,
    sex           TEXT ${C} NOT NULL,
    origin_text   TEXT ${C},
    origin_unit   TEXT ${C},
    origin_from   TEXT ${C},
    birthplace_text TEXT ${C},
    birthplace_unit TEXT ${C},
    birthplace_from TEXT ${C},
    nationality   TEXT ${C},
    ethnicity     TEXT ${C},
    particulars   ${BYTES},
    died_on       TEXT ${C},
    updated_at    BIGINT NOT NULL,
    source        TEXT ${C} NOT NULL,
    ref           TEXT ${C} NOT NULL,
    digest        ${BYTES}
);
CREATE INDEX population_person_search ON population_person (birth_date, name_key);

-- Every number a person has or had, sealed with her key. blind is its index.
CREATE TABLE population_number (
    person     ${BYTES} NOT NULL,
    blind      ${BYTES} NOT NULL,
    kind       TEXT ${C} NOT NULL,
    sealed     ${BYTES} NOT NULL,
    valid_from TEXT ${C},
    valid_to   TEXT ${C},
    reason     TEXT ${C},
    PRIMARY KEY (person, blind)
) ${BY_KEY};

-- Whose a number is: its holder, or its last holder when nobody has it now.
CREATE TABLE population_number_index (
    blind   ${BYTES} NOT NULL PRIMARY KEY,
    person  ${BYTES} NOT NULL,
    in_force BOOLEAN NOT NULL
) ${BY_KEY};

-- other is the person's father, mother, spouse … The counterpart is a row of its own.
CREATE TABLE population_relation (
    person     ${BYTES} NOT NULL,
    kind       TEXT ${C} NOT NULL,
    other      ${BYTES} NOT NULL,
    valid_from TEXT ${C},
    valid_to   TEXT ${C},
    PRIMARY KEY (person, kind, other)
) ${BY_KEY};

-- What a record said before it was changed. before holds the changed fields,
-- sealed; numbers and relations keep their own history.
CREATE TABLE population_history (
    person     ${BYTES} NOT NULL,
    id         ${BYTES} NOT NULL,
    changed_at BIGINT NOT NULL,
    cause      TEXT ${C} NOT NULL,
    fields     ${JSON} NOT NULL,
    before     ${BYTES} NOT NULL,
    PRIMARY KEY (person, id)
);

-- +goose Down
DROP TABLE population_history;
DROP TABLE population_relation;
DROP TABLE population_number_index;
DROP TABLE population_number;
DROP TABLE population_person;
