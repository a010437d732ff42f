-- +goose Up
-- The certificate by which a client that registered a name alone proved itself
-- (RFC 8705, section 2.1): its thumbprint and the time for which it is good, so
-- that its end is watched like a registered one's.
ALTER TABLE partner_client ADD COLUMN seen_print TEXT ${C} NOT NULL DEFAULT '';
ALTER TABLE partner_client ADD COLUMN seen_from BIGINT;
ALTER TABLE partner_client ADD COLUMN seen_until BIGINT;

-- +goose Down
ALTER TABLE partner_client DROP COLUMN seen_until;
ALTER TABLE partner_client DROP COLUMN seen_from;
ALTER TABLE partner_client DROP COLUMN seen_print;
