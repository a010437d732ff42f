-- +goose Up
-- How surely and how freshly the client wants people to be signed in when its
-- request does not say (OpenID Connect Dynamic Client Registration 1.0, section
-- 2): classes as JSON, and seconds, 0 for none.
ALTER TABLE partner_client ADD COLUMN default_acr_values ${JSON} NOT NULL DEFAULT '[]';
ALTER TABLE partner_client ADD COLUMN default_max_age BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE partner_client DROP COLUMN default_max_age;
ALTER TABLE partner_client DROP COLUMN default_acr_values;
