-- +goose Up
-- The day on which a feature can be used here; NULL: its journey does not exist
-- yet, whatever the level. The level that the law asks stands beside it.
ALTER TABLE account_feature ADD COLUMN open_from TEXT ${C};
UPDATE account_feature SET open_from = valid_from WHERE feature IN ('home', 'security', 'inbox', 'sign_on', 'identity_shown', 'looked', 'lodging_notice',
    'scam_report', 'card_request', 'eid', 'act_for_others');

-- +goose Down
ALTER TABLE account_feature DROP COLUMN open_from;
