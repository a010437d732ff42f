-- +goose Up
-- A request is nobody's until it is finished; its life is minutes.
CREATE TABLE provider_request (
    id              ${BYTES} NOT NULL PRIMARY KEY,
    handle_hash     ${BYTES} NOT NULL,
    client          TEXT ${C} NOT NULL,
    asked           ${JSON} NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    browser         ${BYTES},
    finished_at     BIGINT,
    facts           ${JSON},
    code_hash       ${BYTES},
    code_expires_at BIGINT,
    code_used_at    BIGINT
);
CREATE INDEX provider_request_expires ON provider_request (expires_at);

CREATE TABLE provider_consent (
    account       ${BYTES} NOT NULL,
    id            ${BYTES} NOT NULL,
    person        ${BYTES} NOT NULL,
    client        TEXT ${C} NOT NULL,
    fields        ${JSON} NOT NULL,
    declined      ${JSON} NOT NULL,
    shown         ${JSON} NOT NULL,
    offline       BOOLEAN NOT NULL,
    authenticator TEXT ${C} NOT NULL,
    given_at      BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    ended_why     TEXT ${C},
    PRIMARY KEY (account, id)
);
CREATE UNIQUE INDEX provider_consent_current ON provider_consent (account, client) WHERE ended_at IS NULL;
CREATE INDEX provider_consent_expires ON provider_consent (expires_at);

-- A grant has the id of the request that it came from, so that a code redeemed
-- twice names the grant that must die.
CREATE TABLE provider_grant (
    account            ${BYTES} NOT NULL,
    id                 ${BYTES} NOT NULL,
    client             TEXT ${C} NOT NULL,
    session            ${BYTES},
    asked              ${JSON} NOT NULL,
    facts              ${JSON} NOT NULL,
    offline            BOOLEAN NOT NULL,
    created_at         BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL,
    refresh_hash       ${BYTES},
    refresh_expires_at BIGINT,
    refreshed_at       BIGINT,
    revoked_at         BIGINT,
    revoked_why        TEXT ${C},
    PRIMARY KEY (account, id)
);
CREATE INDEX provider_grant_expires ON provider_grant (expires_at);

-- Client assertions that were used, so that none is used twice (RFC 7523, section 3).
CREATE TABLE provider_assertion (
    client     TEXT ${C} NOT NULL,
    jti_hash   ${BYTES} NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client, jti_hash)
);
CREATE INDEX provider_assertion_expires ON provider_assertion (expires_at);

-- +goose Down
DROP TABLE provider_assertion;
DROP TABLE provider_grant;
DROP TABLE provider_consent;
DROP TABLE provider_request;
