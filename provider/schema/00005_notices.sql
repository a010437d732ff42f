-- +goose Up
-- What clients are to be told, by channel: 'logout' or 'events'. A row is made
-- in the transaction that made it true. It names an account by its key and by
-- the client's own subject, and holds no data about her.
CREATE TABLE provider_notice (
    client      TEXT ${C} NOT NULL,
    channel     TEXT ${C} NOT NULL,
    id          ${BYTES} NOT NULL,
    account     ${BYTES} NOT NULL,
    kind        TEXT ${C} NOT NULL,
    said        ${JSON} NOT NULL,
    cause       ${BYTES},
    made_at     BIGINT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    sent_at     BIGINT,
    dropped_at  BIGINT,
    dropped_why TEXT ${C},
    PRIMARY KEY (client, channel, id)
);
CREATE INDEX provider_notice_waiting ON provider_notice (client, channel, id) WHERE sent_at IS NULL AND dropped_at IS NULL;
CREATE INDEX provider_notice_made ON provider_notice (made_at);
CREATE UNIQUE INDEX provider_notice_cause ON provider_notice (client, channel, kind, account, cause) WHERE cause IS NOT NULL;

-- A client's channel: whether it is open, who is at it just now, and how it has
-- been going. The authorization header is sealed under the stream's own key.
CREATE TABLE provider_stream (
    client        TEXT ${C} NOT NULL,
    channel       TEXT ${C} NOT NULL,
    id            ${BYTES} NOT NULL,
    status        TEXT ${C} NOT NULL,
    reason        TEXT,
    set_up        BOOLEAN NOT NULL DEFAULT FALSE,
    requested     ${JSON},
    description   TEXT,
    header        ${BYTES},
    failures      INTEGER NOT NULL DEFAULT 0,
    failing_since BIGINT,
    next_at       BIGINT NOT NULL DEFAULT 0,
    lease         ${BYTES},
    lease_until   BIGINT NOT NULL DEFAULT 0,
    last_answer   TEXT ${C},
    last_at       BIGINT,
    verified_at   BIGINT NOT NULL DEFAULT 0,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (client, channel)
);

-- +goose Down
DROP TABLE provider_stream;
DROP TABLE provider_notice;
