-- +goose Up
-- The portrait that the border or the issuer of a residence card took, sealed
-- with the person's key; digest and as_of are those of the source's last line.
CREATE TABLE immigration_portrait (
    person   ${BYTES} NOT NULL,
    taken_on TEXT ${C} NOT NULL,
    jpeg     ${BYTES} NOT NULL,
    PRIMARY KEY (person, taken_on)
);
CREATE TABLE immigration_delivery (
    person ${BYTES} NOT NULL PRIMARY KEY,
    digest ${BYTES} NOT NULL,
    as_of  TEXT ${C} NOT NULL
) ${BY_KEY};

-- +goose Down
DROP TABLE immigration_delivery;
DROP TABLE immigration_portrait;
