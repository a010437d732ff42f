-- +goose Up
-- Of which events of her card she was told: deliveries repeat, messages do not.
CREATE TABLE account_card_news (
    person  ${BYTES} NOT NULL,
    event   ${BYTES} NOT NULL,
    told_at BIGINT NOT NULL,
    PRIMARY KEY (person, event)
) ${BY_KEY};
CREATE INDEX account_card_news_told ON account_card_news (told_at);

-- +goose Down
DROP TABLE account_card_news;
