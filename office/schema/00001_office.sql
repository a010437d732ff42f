-- +goose Up
-- The days that differ from the week's rule. A row of edition 'operator' was put in on the spot and is kept.
CREATE TABLE office_holiday (
    day      TEXT ${C} NOT NULL PRIMARY KEY,
    kind     TEXT ${C} NOT NULL, -- holiday, compensation, swapped: off; working: a weekend day worked instead
    name_vi  TEXT ${C} NOT NULL,
    name_en  TEXT ${C} NOT NULL,
    source   TEXT ${C} NOT NULL,
    verified BOOLEAN NOT NULL,
    edition  TEXT ${C} NOT NULL
);

CREATE TABLE office_office (
    id               ${BYTES} NOT NULL PRIMARY KEY,
    kind             TEXT ${C} NOT NULL,
    name             TEXT ${C} NOT NULL,
    address          TEXT ${C} NOT NULL,
    address_verified BOOLEAN NOT NULL,
    unit_code        TEXT ${C} NOT NULL,
    unit_from        TEXT ${C} NOT NULL,
    phone            TEXT ${C} NOT NULL,
    valid_from       TEXT ${C} NOT NULL,
    valid_to         TEXT ${C},
    source           TEXT ${C} NOT NULL,
    edition          TEXT ${C} NOT NULL
);
CREATE INDEX office_office_unit ON office_office (unit_code, kind);
CREATE INDEX office_office_kind ON office_office (kind);

-- Opening hours by weekday (1 = Monday) in minutes of the day: of one office, or of all of a kind where office is empty.
CREATE TABLE office_hours (
    kind       TEXT ${C} NOT NULL,
    office     TEXT ${C} NOT NULL,
    weekday    BIGINT NOT NULL,
    opens      BIGINT NOT NULL,
    closes     BIGINT NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    edition    TEXT ${C} NOT NULL,
    PRIMARY KEY (kind, office, weekday, opens, valid_from)
);

CREATE TABLE office_edition (
    only_row BIGINT PRIMARY KEY,
    edition  TEXT ${C} NOT NULL
);

-- +goose Down
DROP TABLE office_edition;
DROP TABLE office_hours;
DROP TABLE office_office;
DROP TABLE office_holiday;
