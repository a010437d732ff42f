-- +goose Up
-- How often a partner guessed wrong about a person on a day (in Vietnam). tried
-- holds keyed digests of the wrong values of each field, so that the same wrong
-- value counts once. person is derived from the number where nobody bears it.
CREATE TABLE provider_verify_try (
    person  ${BYTES} NOT NULL,
    client  TEXT ${C} NOT NULL,
    day     TEXT ${C} NOT NULL,
    tried   ${JSON} NOT NULL,
    told    BOOLEAN NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (person, client, day)
);
CREATE INDEX provider_verify_try_at ON provider_verify_try (at);

-- How many numbers a partner asked about without her on a day that did not match.
CREATE TABLE provider_verify_miss (
    client TEXT ${C} NOT NULL,
    day    TEXT ${C} NOT NULL,
    misses BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (client, day)
);

-- What a partner's verifications came to in a month: counts about nobody.
CREATE TABLE provider_verify_month (
    client  TEXT ${C} NOT NULL,
    purpose TEXT ${C} NOT NULL,
    month   TEXT ${C} NOT NULL,
    calls   BIGINT NOT NULL,
    yes     BIGINT NOT NULL,
    no      BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    limited BIGINT NOT NULL,
    PRIMARY KEY (client, purpose, month)
);

-- +goose Down
DROP TABLE provider_verify_month;
DROP TABLE provider_verify_miss;
DROP TABLE provider_verify_try;
