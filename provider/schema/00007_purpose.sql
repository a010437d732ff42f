-- +goose Up
-- Consents and grants are per purpose: '' is signing in as the client is
-- registered. A grant holds to the consent of its own purpose, and withdrawing
-- one leaves the others. What she was shown is kept with its hash, her language,
-- the methods of her session and what she signed.
ALTER TABLE provider_consent ADD COLUMN purpose TEXT ${C} NOT NULL DEFAULT '';
ALTER TABLE provider_consent ADD COLUMN language TEXT ${C} NOT NULL DEFAULT '';
ALTER TABLE provider_consent ADD COLUMN amr ${JSON} NOT NULL DEFAULT '[]';
ALTER TABLE provider_consent ADD COLUMN approval ${BYTES};
ALTER TABLE provider_consent ADD COLUMN words_hash ${BYTES};
DROP INDEX provider_consent_current;
CREATE UNIQUE INDEX provider_consent_current ON provider_consent (account, client, purpose) WHERE ended_at IS NULL;
CREATE INDEX provider_consent_client ON provider_consent (client, id);
ALTER TABLE provider_grant ADD COLUMN purpose TEXT ${C} NOT NULL DEFAULT '';

-- +goose Down
DELETE FROM provider_grant WHERE purpose <> '';
ALTER TABLE provider_grant DROP COLUMN purpose;
DROP INDEX provider_consent_client;
DROP INDEX provider_consent_current;
DELETE FROM provider_consent WHERE purpose <> '';
CREATE UNIQUE INDEX provider_consent_current ON provider_consent (account, client) WHERE ended_at IS NULL;
ALTER TABLE provider_consent DROP COLUMN words_hash;
ALTER TABLE provider_consent DROP COLUMN approval;
ALTER TABLE provider_consent DROP COLUMN amr;
ALTER TABLE provider_consent DROP COLUMN language;
ALTER TABLE provider_consent DROP COLUMN purpose;
