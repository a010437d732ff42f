-- +goose Up
-- DPoP proofs that were used, so that none is used twice (RFC 9449, section
-- 11.1). The name is a hash of key and jti; a row says nothing about anybody.
CREATE TABLE provider_proof (
    name       ${BYTES} NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX provider_proof_expires ON provider_proof (expires_at);

-- +goose Down
DROP TABLE provider_proof;
