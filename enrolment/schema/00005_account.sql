-- +goose Up
-- Why an officer locks an account at a counter: on its holder's own request, or a
-- competent body's, whose document is then named. Dated.
CREATE TABLE enrolment_lock_reason (
    reason     TEXT ${C} NOT NULL,
    ground     TEXT ${C} NOT NULL,  -- of the account room
    paper      BOOLEAN NOT NULL,    -- a document must be named
    law        TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (reason, valid_from)
);
INSERT INTO enrolment_lock_reason (reason, ground, paper, law, valid_from, valid_to, verified) VALUES
    ('asked',         'own_request',    FALSE, 'Nghị định 69/2024/NĐ-CP, Điều 30', '2024-07-01', NULL, FALSE),
    ('device_lost',   'own_request',    FALSE, 'Nghị định 69/2024/NĐ-CP, Điều 30', '2024-07-01', NULL, FALSE),
    ('misuse',        'own_request',    FALSE, 'Nghị định 69/2024/NĐ-CP, Điều 30', '2024-07-01', NULL, FALSE),
    ('proceedings',   'competent_body', TRUE,  'Nghị định 69/2024/NĐ-CP, Điều 30', '2024-07-01', NULL, FALSE),
    ('investigation', 'competent_body', TRUE,  'Nghị định 69/2024/NĐ-CP, Điều 30', '2024-07-01', NULL, FALSE),
    ('court',         'competent_body', TRUE,  'Nghị định 69/2024/NĐ-CP, Điều 30', '2024-07-01', NULL, FALSE);

-- Who locked and who unlocked at a counter, and what was said of it: whoever locked
-- does not unlock. words are sealed with the person's key.
CREATE TABLE enrolment_account_act (
    person         ${BYTES} NOT NULL,
    id             ${BYTES} NOT NULL,
    account        ${BYTES} NOT NULL,
    act            TEXT ${C} NOT NULL,  -- lock, unlock
    ground         TEXT ${C} NOT NULL,
    reason         TEXT ${C} NOT NULL,
    words          ${BYTES},
    officer        ${BYTES} NOT NULL,
    officer_person ${BYTES} NOT NULL,
    visit          ${BYTES} NOT NULL,
    at             BIGINT NOT NULL,
    PRIMARY KEY (person, id)
);
CREATE INDEX enrolment_account_act_at ON enrolment_account_act (at);

-- +goose Down
DROP TABLE enrolment_account_act;
DROP TABLE enrolment_lock_reason;
