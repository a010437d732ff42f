-- +goose Up
-- A code is used again after a merger: code and valid_from together name a version.
CREATE TABLE unit_unit (
    code       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    level      TEXT ${C} NOT NULL,
    kind       TEXT ${C} NOT NULL,
    name       TEXT ${C} NOT NULL,
    parent     TEXT ${C} NOT NULL,
    edition    TEXT ${C} NOT NULL,
    PRIMARY KEY (code, valid_from)
);

CREATE TABLE unit_succession (
    old_code TEXT ${C} NOT NULL,
    on_day   TEXT ${C} NOT NULL,
    new_code TEXT ${C} NOT NULL,
    whole    BOOLEAN NOT NULL,
    basis    TEXT ${C} NOT NULL,
    edition  TEXT ${C} NOT NULL,
    PRIMARY KEY (old_code, on_day, new_code)
);

-- What the first three digits of a personal identification number stand for: frozen, unlike the units.
CREATE TABLE unit_pin_place (
    code    TEXT ${C} NOT NULL PRIMARY KEY,
    kind    TEXT ${C} NOT NULL,
    name    TEXT ${C} NOT NULL,
    edition TEXT ${C} NOT NULL
);

-- Which edition of the compiled-in facts the tables hold.
CREATE TABLE unit_edition (
    only_row BIGINT PRIMARY KEY,
    edition  TEXT ${C} NOT NULL
);

-- +goose Down
DROP TABLE unit_edition;
DROP TABLE unit_pin_place;
DROP TABLE unit_succession;
DROP TABLE unit_unit;
