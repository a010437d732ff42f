-- +goose Up
-- A browser that takes notices for an account (Web Push). endpoint and keys are
-- sealed under the account's key: whoever has them can ring at her device.
-- mark is the endpoint's blind index, kid the key under which she subscribed.
CREATE TABLE notify_subscription (
    account    ${BYTES} NOT NULL,
    id         ${BYTES} NOT NULL,
    mark       ${BYTES} NOT NULL,
    endpoint   ${BYTES} NOT NULL,
    keys       ${BYTES} NOT NULL,
    kid        TEXT ${C} NOT NULL,
    device     ${BYTES} NOT NULL,
    label      TEXT ${C} NOT NULL,
    language   TEXT ${C} NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    told_at    BIGINT,
    failures   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, id),
    UNIQUE (account, mark)
);
CREATE INDEX notify_subscription_mark ON notify_subscription (mark);
CREATE INDEX notify_subscription_seen ON notify_subscription (seen_at);

-- What one subscription is told about one kind of news. serial counts the
-- messages, told is the serial up to which she was told, waits_from the serial
-- that brought the job: news that come while others wait make no further one.
-- No foreign key: a subscription that ends at this moment must not undo what a
-- message tells of.
CREATE TABLE notify_notice (
    account      ${BYTES} NOT NULL,
    subscription ${BYTES} NOT NULL,
    category     TEXT ${C} NOT NULL,
    message      ${BYTES} NOT NULL,
    rousing      BOOLEAN NOT NULL,
    urgency      TEXT ${C} NOT NULL,
    serial       BIGINT NOT NULL,
    told         BIGINT NOT NULL DEFAULT 0,
    told_at      BIGINT NOT NULL DEFAULT 0,
    waits_from   BIGINT NOT NULL,
    waiting_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    claim        ${BYTES},
    claimed_at   BIGINT NOT NULL DEFAULT 0,
    code         TEXT ${C} NOT NULL DEFAULT '',
    PRIMARY KEY (account, subscription, category)
);

-- +goose Down
DROP TABLE notify_notice;
DROP TABLE notify_subscription;
