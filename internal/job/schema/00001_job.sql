-- +goose Up
CREATE TABLE job_item (
    id           ${BYTES} NOT NULL PRIMARY KEY,
    kind         TEXT ${C} NOT NULL,
    key          TEXT ${C},
    payload      ${JSON} NOT NULL,
    run_at       BIGINT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    lease_until  BIGINT NOT NULL DEFAULT 0,
    lease        ${BYTES},
    done_at      BIGINT,
    dead_at      BIGINT,
    last_error   TEXT,
    created_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX job_item_key ON job_item (kind, key) WHERE key IS NOT NULL;
CREATE INDEX job_item_due ON job_item (run_at) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX job_item_done ON job_item (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX job_item_dead ON job_item (dead_at) WHERE dead_at IS NOT NULL;

-- +goose Down
DROP TABLE job_item;
