-- +goose Up
-- How long whoever holds her data has for each kind of request, as dated rows: an
-- acknowledgement in working days, an answer in days, more when the data went on
-- to third parties (Decree 356/2025, article 5).
CREATE TABLE provider_right_limit (
    kind        TEXT ${C} NOT NULL,
    ack_days    BIGINT NOT NULL,
    answer_days BIGINT NOT NULL,
    shared_days BIGINT NOT NULL,
    valid_from  TEXT ${C} NOT NULL,
    valid_to    TEXT ${C},
    source      TEXT ${C} NOT NULL,
    verified    BOOLEAN NOT NULL,
    PRIMARY KEY (kind, valid_from)
);
INSERT INTO provider_right_limit (kind, ack_days, answer_days, shared_days, valid_from, valid_to, source, verified) VALUES
    ('access', 2, 10, 10, '2026-01-01', NULL, 'Nghị định 356/2025/NĐ-CP, Điều 5', FALSE),
    ('correction', 2, 10, 10, '2026-01-01', NULL, 'Nghị định 356/2025/NĐ-CP, Điều 5', FALSE),
    ('deletion', 2, 20, 20, '2026-01-01', NULL, 'Nghị định 356/2025/NĐ-CP, Điều 5', FALSE),
    ('restriction', 2, 15, 20, '2026-01-01', NULL, 'Nghị định 356/2025/NĐ-CP, Điều 5', FALSE),
    ('objection', 2, 15, 20, '2026-01-01', NULL, 'Nghị định 356/2025/NĐ-CP, Điều 5', FALSE);

-- What she asks of whoever holds her data: a partner, or Danh itself (client '').
-- Her words and the answer are sealed for her account; subject is the name by
-- which the partner knows her.
CREATE TABLE provider_right (
    account         ${BYTES} NOT NULL,
    id              ${BYTES} NOT NULL,
    person          ${BYTES} NOT NULL,
    code            TEXT ${C} NOT NULL,
    kind            TEXT ${C} NOT NULL CHECK (kind IN ('access', 'correction', 'deletion', 'restriction', 'objection')),
    client          TEXT ${C} NOT NULL,
    party           TEXT ${C} NOT NULL,
    name_vi         TEXT ${C} NOT NULL,
    name_en         TEXT ${C} NOT NULL,
    subject         TEXT ${C} NOT NULL,
    consent         ${BYTES},
    fields          ${JSON} NOT NULL,
    words           ${BYTES} NOT NULL,
    shared          BOOLEAN NOT NULL,
    source          TEXT ${C} NOT NULL,
    state           TEXT ${C} NOT NULL CHECK (state IN ('made', 'acknowledged', 'done', 'refused', 'taken_back')),
    made_at         BIGINT NOT NULL,
    ack_due         BIGINT NOT NULL,
    due             BIGINT NOT NULL,
    acknowledged_at BIGINT,
    ended_at        BIGINT,
    late            BOOLEAN NOT NULL DEFAULT FALSE,
    escalated_at    BIGINT,
    reason          TEXT ${C} NOT NULL DEFAULT '',
    answer          ${BYTES},
    answered_by     ${BYTES},
    answered_office TEXT ${C} NOT NULL DEFAULT '',
    PRIMARY KEY (account, id)
);
CREATE UNIQUE INDEX provider_right_open ON provider_right (account, client, kind) WHERE ended_at IS NULL;
CREATE INDEX provider_right_party ON provider_right (party, due);
CREATE INDEX provider_right_waiting ON provider_right (due) WHERE ended_at IS NULL;

-- Where a code is.
CREATE TABLE provider_right_code (
    code    TEXT ${C} NOT NULL PRIMARY KEY,
    account ${BYTES} NOT NULL,
    id      ${BYTES} NOT NULL
);

-- Which reminder of a request went out: each goes out once.
CREATE TABLE provider_right_notice (
    account ${BYTES} NOT NULL,
    id      ${BYTES} NOT NULL,
    what    TEXT ${C} NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (account, id, what)
);

-- +goose Down
DROP TABLE provider_right_notice;
DROP TABLE provider_right_code;
DROP TABLE provider_right;
DROP TABLE provider_right_limit;
