-- +goose Up
-- Request objects that were used, so that none is used twice (RFC 9101).
CREATE TABLE provider_request_object (
    client     TEXT ${C} NOT NULL,
    jti_hash   ${BYTES} NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client, jti_hash)
);
CREATE INDEX provider_request_object_expires ON provider_request_object (expires_at);

-- +goose Down
DROP TABLE provider_request_object;
