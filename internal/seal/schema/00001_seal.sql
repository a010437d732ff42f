-- +goose Up
CREATE TABLE seal_key (
    owner        ${BYTES} NOT NULL PRIMARY KEY,
    wrapped      ${BYTES} NOT NULL,
    created_at   BIGINT NOT NULL,
    destroyed_at BIGINT
);

-- +goose Down
DROP TABLE seal_key;
