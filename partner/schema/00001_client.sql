-- +goose Up
CREATE TABLE partner_client (
    id               TEXT ${C} NOT NULL PRIMARY KEY,
    name_vi          TEXT ${C} NOT NULL,
    name_en          TEXT ${C} NOT NULL,
    profile          TEXT ${C} NOT NULL CHECK (profile IN ('oidc', 'fapi2')),
    auth_method      TEXT ${C} NOT NULL CHECK (auth_method IN ('client_secret_basic', 'private_key_jwt')),
    secret_hash      ${BYTES},
    jwks             ${JSON},
    redirect_uris    ${JSON} NOT NULL,
    post_logout_uris ${JSON} NOT NULL,
    asks             ${JSON} NOT NULL,
    own_door         BOOLEAN NOT NULL,
    sector           TEXT ${C} NOT NULL,
    valid_until      BIGINT,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    retired_at       BIGINT,
    CHECK (auth_method <> 'client_secret_basic' OR secret_hash IS NOT NULL),
    CHECK (auth_method <> 'private_key_jwt' OR jwks IS NOT NULL)
);
CREATE UNIQUE INDEX partner_client_own_sector ON partner_client (sector) WHERE own_door;

-- +goose Down
DROP TABLE partner_client;
