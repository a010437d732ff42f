-- +goose Up
-- By what the party's two clients prove themselves, as JSON: public keys, the
-- days on which they end, hashes of secrets. Keys may be handed in before
-- production is approved.
ALTER TABLE partner_party ADD COLUMN live_keys ${JSON} NOT NULL DEFAULT '{}';
ALTER TABLE partner_party ADD COLUMN trial_keys ${JSON} NOT NULL DEFAULT '{}';
-- Working days that were left when a supplement stopped the clock.
ALTER TABLE partner_application ADD COLUMN left_days BIGINT;

-- +goose Down
ALTER TABLE partner_application DROP COLUMN left_days;
ALTER TABLE partner_party DROP COLUMN trial_keys;
ALTER TABLE partner_party DROP COLUMN live_keys;
