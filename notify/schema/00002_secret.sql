-- +goose Up
-- Codes are erased every few minutes: those that are left, not all messages.
CREATE INDEX notify_message_secret ON notify_message (expires_at) WHERE secret IS NOT NULL;

-- +goose Down
DROP INDEX notify_message_secret;
