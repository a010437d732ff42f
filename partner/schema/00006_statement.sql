-- +goose Up
-- A software statement that was handed out: by it a party registers clients of
-- its own, which have nothing that the client named here has not.
CREATE TABLE partner_statement (
    id         ${BYTES} NOT NULL PRIMARY KEY,
    party      TEXT ${C} NOT NULL,
    client     TEXT ${C} NOT NULL,
    software   TEXT ${C} NOT NULL,
    hosts      ${JSON} NOT NULL,
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX partner_statement_party ON partner_statement (party);
CREATE INDEX partner_statement_expires ON partner_statement (expires_at);

-- Clients that were registered by a statement. The token is what the party keeps
-- to read, change and end the client (RFC 7592); only its hash is kept.
CREATE TABLE partner_registration (
    client     TEXT ${C} NOT NULL PRIMARY KEY REFERENCES partner_client (id),
    party      TEXT ${C} NOT NULL,
    template   TEXT ${C} NOT NULL REFERENCES partner_client (id),
    software   TEXT ${C} NOT NULL,
    hosts      ${JSON} NOT NULL,
    token_hash ${BYTES} NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX partner_registration_party ON partner_registration (party);
CREATE INDEX partner_registration_template ON partner_registration (template);

-- +goose Down
DROP TABLE partner_registration;
DROP TABLE partner_statement;
