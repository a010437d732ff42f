-- +goose Up
-- The latest portrait that came with an earlier card, sealed with her key.
CREATE TABLE card_portrait (
    person   ${BYTES} NOT NULL,
    taken_on TEXT ${C} NOT NULL,
    jpeg     ${BYTES} NOT NULL,
    PRIMARY KEY (person, taken_on)
);

-- What a source said last about a person: a keyed digest of her line, so that
-- the line cannot be found by trying, and the day on which it was true.
CREATE TABLE card_delivery (
    person ${BYTES} NOT NULL PRIMARY KEY,
    digest ${BYTES} NOT NULL,
    as_of  TEXT ${C} NOT NULL
) ${BY_KEY};

-- +goose Down
DROP TABLE card_delivery;
DROP TABLE card_portrait;
