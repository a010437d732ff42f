-- +goose Up
-- Whose the client is, whether it is under trial, what else it registered, and
-- the purposes for which it may ask, each as JSON. Certificates become ways to
-- prove itself (RFC 8705, section 2), so the check on the method is another,
-- and a table's check cannot be changed in place on both engines.
CREATE TABLE partner_client_new (
    id               TEXT ${C} NOT NULL PRIMARY KEY,
    name_vi          TEXT ${C} NOT NULL,
    name_en          TEXT ${C} NOT NULL,
    profile          TEXT ${C} NOT NULL CHECK (profile IN ('oidc', 'fapi2')),
    auth_method      TEXT ${C} NOT NULL CHECK (auth_method IN ('client_secret_basic', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth')),
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
    default_acr_values ${JSON} NOT NULL DEFAULT '[]',
    default_max_age  BIGINT NOT NULL DEFAULT 0,
    party            TEXT ${C} NOT NULL DEFAULT '',
    trial            BOOLEAN NOT NULL DEFAULT FALSE,
    settings         ${JSON} NOT NULL DEFAULT '{}',
    purposes         ${JSON} NOT NULL DEFAULT '[]',
    CHECK (auth_method <> 'client_secret_basic' OR secret_hash IS NOT NULL)
);
INSERT INTO partner_client_new (id, name_vi, name_en, profile, auth_method, secret_hash, jwks, redirect_uris, post_logout_uris, asks, own_door, sector, valid_until, created_at, updated_at, retired_at, default_acr_values, default_max_age)
    SELECT id, name_vi, name_en, profile, auth_method, secret_hash, jwks, redirect_uris, post_logout_uris, asks, own_door, sector, valid_until, created_at, updated_at, retired_at, default_acr_values, default_max_age FROM partner_client;
DROP TABLE partner_client;
ALTER TABLE partner_client_new RENAME TO partner_client;
CREATE UNIQUE INDEX partner_client_own_sector ON partner_client (sector) WHERE own_door;
CREATE INDEX partner_client_party ON partner_client (party);

-- +goose Down
CREATE TABLE partner_client_old (
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
    default_acr_values ${JSON} NOT NULL DEFAULT '[]',
    default_max_age  BIGINT NOT NULL DEFAULT 0,
    CHECK (auth_method <> 'client_secret_basic' OR secret_hash IS NOT NULL),
    CHECK (auth_method <> 'private_key_jwt' OR jwks IS NOT NULL)
);
INSERT INTO partner_client_old (id, name_vi, name_en, profile, auth_method, secret_hash, jwks, redirect_uris, post_logout_uris, asks, own_door, sector, valid_until, created_at, updated_at, retired_at, default_acr_values, default_max_age)
    SELECT id, name_vi, name_en, profile, auth_method, secret_hash, jwks, redirect_uris, post_logout_uris, asks, own_door, sector, valid_until, created_at, updated_at, retired_at, default_acr_values, default_max_age FROM partner_client WHERE auth_method IN ('client_secret_basic', 'private_key_jwt');
DROP TABLE partner_client;
ALTER TABLE partner_client_old RENAME TO partner_client;
CREATE UNIQUE INDEX partner_client_own_sector ON partner_client (sector) WHERE own_door;
