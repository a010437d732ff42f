-- +goose Up
-- When the holder of a mandate that ended with its organisation was told. Those
-- of before were not, and are not told so much later.
ALTER TABLE organisation_mandate ADD COLUMN told_at BIGINT;
UPDATE organisation_mandate SET told_at = ended_at WHERE ended_at IS NOT NULL;

-- +goose Down
ALTER TABLE organisation_mandate DROP COLUMN told_at;
