-- +goose Up
-- What clients under trial sent and what they were answered, for their own
-- developers: names of parameters, values only where they are no secret and
-- about nobody.
CREATE TABLE provider_exchange (
    client      TEXT ${C} NOT NULL,
    id          ${BYTES} NOT NULL,
    at          BIGINT NOT NULL,
    endpoint    TEXT ${C} NOT NULL,
    method      TEXT ${C} NOT NULL,
    status      INTEGER NOT NULL,
    error       TEXT ${C} NOT NULL,
    description TEXT ${C} NOT NULL,
    parts       ${JSON} NOT NULL,
    PRIMARY KEY (client, id)
);
CREATE INDEX provider_exchange_at ON provider_exchange (at);

-- +goose Down
DROP TABLE provider_exchange;
