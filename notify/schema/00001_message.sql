-- +goose Up
-- A message to a person. data and secret are sealed under the owner's key; a
-- one-time code lies in secret alone and is erased once it left or expired.
CREATE TABLE notify_message (
    owner      ${BYTES} NOT NULL,
    id         ${BYTES} NOT NULL,
    template   TEXT ${C} NOT NULL,
    language   TEXT ${C} NOT NULL,
    purpose    TEXT ${C} NOT NULL,
    urgent     BOOLEAN NOT NULL,
    data       ${BYTES} NOT NULL,
    secret     ${BYTES},
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX notify_message_created ON notify_message (created_at);

-- One way that a message goes. States: queued sending sent delivered expired failed dead.
CREATE TABLE notify_delivery (
    owner      ${BYTES} NOT NULL,
    message    ${BYTES} NOT NULL,
    channel    TEXT ${C} NOT NULL,
    address    ${BYTES} NOT NULL,
    state      TEXT ${C} NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    doubtful   INTEGER NOT NULL DEFAULT 0,
    claim      ${BYTES},
    code       TEXT ${C} NOT NULL DEFAULT '',
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (owner, message, channel),
    FOREIGN KEY (owner, message) REFERENCES notify_message (owner, id) ON DELETE CASCADE
);
CREATE INDEX notify_delivery_trouble ON notify_delivery (changed_at) WHERE state IN ('failed', 'dead');
CREATE INDEX notify_delivery_state ON notify_delivery (state, channel);

-- A carrier's reference of each part that it took. A receipt may come before
-- the sender has written its own row: then owner is not yet known.
CREATE TABLE notify_part (
    channel TEXT ${C} NOT NULL,
    ref     TEXT ${C} NOT NULL,
    owner   ${BYTES},
    message ${BYTES},
    state   TEXT ${C} NOT NULL,
    code    TEXT ${C} NOT NULL DEFAULT '',
    at      BIGINT NOT NULL,
    PRIMARY KEY (channel, ref)
);
CREATE INDEX notify_part_message ON notify_part (owner, message, channel);
CREATE INDEX notify_part_at ON notify_part (at);

-- What she finds in her account. data is sealed under the account's key and never holds a code.
CREATE TABLE notify_inbox (
    account  ${BYTES} NOT NULL,
    id       ${BYTES} NOT NULL,
    template TEXT ${C} NOT NULL,
    data     ${BYTES} NOT NULL,
    at       BIGINT NOT NULL,
    read_at  BIGINT,
    PRIMARY KEY (account, id)
);
CREATE INDEX notify_inbox_unread ON notify_inbox (account) WHERE read_at IS NULL;
CREATE INDEX notify_inbox_at ON notify_inbox (at);

-- +goose Down
DROP TABLE notify_inbox;
DROP TABLE notify_part;
DROP TABLE notify_delivery;
DROP TABLE notify_message;
