-- +goose Up
CREATE TABLE residence_household (
    id         ${BYTES} NOT NULL PRIMARY KEY,
    head       ${BYTES},
    updated_at BIGINT NOT NULL,
    source     TEXT ${C} NOT NULL,
    ref        TEXT ${C} NOT NULL,
    digest     ${BYTES}
);

-- The addresses of a household's permanent residence in time; one is open.
CREATE TABLE residence_address (
    household  ${BYTES} NOT NULL,
    place      INTEGER NOT NULL,
    text       TEXT ${C} NOT NULL,
    unit_code  TEXT ${C},
    unit_from  TEXT ${C},
    valid_from TEXT ${C},
    valid_to   TEXT ${C},
    PRIMARY KEY (household, place)
) ${BY_KEY};

CREATE TABLE residence_member (
    person     ${BYTES} NOT NULL,
    household  ${BYTES} NOT NULL,
    relation   TEXT ${C} NOT NULL,
    valid_from TEXT ${C},
    valid_to   TEXT ${C},
    PRIMARY KEY (person, household)
) ${BY_KEY};
CREATE INDEX residence_member_household ON residence_member (household);

CREATE TABLE residence_temporary (
    person     ${BYTES} NOT NULL,
    id         ${BYTES} NOT NULL,
    text       TEXT ${C} NOT NULL,
    unit_code  TEXT ${C},
    unit_from  TEXT ${C},
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    updated_at BIGINT NOT NULL,
    source     TEXT ${C} NOT NULL,
    ref        TEXT ${C} NOT NULL,
    digest     ${BYTES},
    PRIMARY KEY (person, id)
);

-- A notified stay. guest is what the notifier typed, sealed under the stay's
-- own key, so that it can be made unreadable alone.
CREATE TABLE residence_stay (
    id          ${BYTES} NOT NULL PRIMARY KEY,
    notifier    ${BYTES},
    guest_person ${BYTES},
    guest       ${BYTES},
    text        TEXT ${C} NOT NULL,
    unit_code   TEXT ${C},
    unit_from   TEXT ${C},
    arrival     BIGINT NOT NULL,
    valid_from  TEXT ${C} NOT NULL,
    valid_to    TEXT ${C},
    reason      TEXT ${C} NOT NULL,
    channel     TEXT ${C} NOT NULL,
    reference   TEXT ${C} NOT NULL,
    state       TEXT ${C} NOT NULL,
    recorded_at BIGINT NOT NULL,
    disputed_at BIGINT,
    dispute     ${BYTES},
    source      TEXT ${C} NOT NULL,
    digest      ${BYTES}
);
CREATE INDEX residence_stay_from ON residence_stay (valid_from);

-- Whose stays these are: by person, as guest or as notifier.
CREATE TABLE residence_stay_party (
    person ${BYTES} NOT NULL,
    role   TEXT ${C} NOT NULL,
    stay   ${BYTES} NOT NULL,
    PRIMARY KEY (person, role, stay)
) ${BY_KEY};
CREATE INDEX residence_stay_party_stay ON residence_stay_party (stay);

-- Rules of law and of the house, dated; value is in days unless the name says
-- otherwise. verified says whether the source was read.
CREATE TABLE residence_rule (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    value      BIGINT NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);
INSERT INTO residence_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('stay.max_days', '2021-07-01', NULL, 30, 'Luật Cư trú 68/2020/QH14, Điều 30', TRUE),
    ('stay.notice_hour', '2021-07-01', NULL, 23, 'Luật Cư trú 68/2020/QH14, Điều 30', TRUE),
    ('stay.late_notice_hour', '2021-07-01', NULL, 8, 'Luật Cư trú 68/2020/QH14, Điều 30', TRUE),
    ('stay.keep_days', '2021-07-01', NULL, 730, 'house rule, counted from the first night: no period was found in the law', FALSE),
    ('import.keep_days', '2021-07-01', NULL, 365, 'house rule', FALSE);

-- How far each delivered file has come: a row is advanced in the transaction
-- of the chunk that it counts.
CREATE TABLE residence_import (
    file        ${BYTES} NOT NULL PRIMARY KEY,
    source      TEXT ${C} NOT NULL,
    as_of       TEXT ${C} NOT NULL,
    line        BIGINT NOT NULL,
    place       BIGINT NOT NULL,
    counts      ${JSON} NOT NULL,
    reject_size BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    finished_at BIGINT
);

-- +goose Down
DROP TABLE residence_import;
DROP TABLE residence_rule;
DROP TABLE residence_stay_party;
DROP TABLE residence_stay;
DROP TABLE residence_temporary;
DROP TABLE residence_member;
DROP TABLE residence_address;
DROP TABLE residence_household;
