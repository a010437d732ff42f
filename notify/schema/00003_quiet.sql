-- +goose Up
-- The hours of the day in which an account's messages wait, when they can.
-- Minutes after midnight in Vietnam; no row: none.
CREATE TABLE notify_quiet (
    account     ${BYTES} PRIMARY KEY,
    from_minute INTEGER NOT NULL,
    to_minute   INTEGER NOT NULL,
    changed_at  BIGINT NOT NULL
);

-- +goose Down
DROP TABLE notify_quiet;
