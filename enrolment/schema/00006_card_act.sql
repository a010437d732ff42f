-- +goose Up
-- Who took a card into custody at a counter: whoever did does not give it back.
CREATE TABLE enrolment_card_act (
    person         ${BYTES} NOT NULL,
    id             ${BYTES} NOT NULL,
    card           ${BYTES} NOT NULL,
    step           TEXT ${C} NOT NULL,  -- of the card registry: lose, hold, release, revoke
    officer        ${BYTES} NOT NULL,
    officer_person ${BYTES} NOT NULL,
    visit          ${BYTES} NOT NULL,
    at             BIGINT NOT NULL,
    PRIMARY KEY (person, id)
);
CREATE INDEX enrolment_card_act_at ON enrolment_card_act (at);

-- +goose Down
DROP TABLE enrolment_card_act;
