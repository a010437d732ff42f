-- +goose Up
-- A card that was made for a person. number is sealed with her key; the states
-- stand in state.go.
CREATE TABLE card_card (
    person     ${BYTES} NOT NULL,
    id         ${BYTES} NOT NULL,
    number     ${BYTES} NOT NULL,
    kind       TEXT ${C} NOT NULL,
    cause      TEXT ${C} NOT NULL,
    issued_on  TEXT ${C} NOT NULL,
    expires_on TEXT ${C},
    state      TEXT ${C} NOT NULL,
    reason     TEXT ${C},
    state_at   BIGINT NOT NULL,
    ended_at   BIGINT,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (person, id)
);
-- Nobody has two cards in force.
CREATE UNIQUE INDEX card_card_in_force ON card_card (person) WHERE state IN ('delivered', 'held');
CREATE INDEX card_card_expiry ON card_card (expires_on) WHERE state IN ('delivered', 'held');
CREATE INDEX card_card_ended ON card_card (ended_at) WHERE ended_at IS NOT NULL;

-- Which cards bear a number.
CREATE TABLE card_number (
    blind  ${BYTES} NOT NULL,
    card   ${BYTES} NOT NULL,
    person ${BYTES} NOT NULL,
    PRIMARY KEY (blind, card)
) ${BY_KEY};

-- Which card a chip belongs to: by the digest of its security object, which
-- says nothing to whoever does not hold the chip.
CREATE TABLE card_chip (
    digest ${BYTES} NOT NULL PRIMARY KEY,
    card   ${BYTES} NOT NULL,
    person ${BYTES} NOT NULL
) ${BY_KEY};

-- The files of a chip, sealed: com, sod, dg1 …
CREATE TABLE card_data_group (
    person ${BYTES} NOT NULL,
    card   ${BYTES} NOT NULL,
    name   TEXT ${C} NOT NULL,
    file   ${BYTES} NOT NULL,
    PRIMARY KEY (person, card, name)
);

-- A challenge that a chip may answer once. issued_to is the account that asked.
CREATE TABLE card_challenge (
    id         ${BYTES} NOT NULL PRIMARY KEY,
    nonce      ${BYTES} NOT NULL,
    issued_to  ${BYTES},
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

-- Certificates of the installation's own keys, and authorities that are
-- believed beside its own.
CREATE TABLE card_certificate (
    purpose    TEXT ${C} NOT NULL,
    kid        TEXT ${C} NOT NULL,
    der        ${BYTES} NOT NULL,
    issuer_kid TEXT ${C} NOT NULL,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (purpose, kid)
);
CREATE TABLE card_trust (
    fingerprint TEXT ${C} NOT NULL PRIMARY KEY,
    der         ${BYTES} NOT NULL,
    ground      TEXT ${C} NOT NULL,
    added_at    BIGINT NOT NULL,
    removed_at  BIGINT
);

-- Rules of law and of the house, dated. verified says whether the source was
-- read; valid_to is the first day on which the rule no longer holds.
CREATE TABLE card_rule (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    value      BIGINT NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);
INSERT INTO card_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('age.25', '2016-01-01', '2024-07-01', 25, 'Luật Căn cước công dân 59/2014/QH13, Điều 21', FALSE),
    ('age.40', '2016-01-01', '2024-07-01', 40, 'Luật Căn cước công dân 59/2014/QH13, Điều 21', FALSE),
    ('age.60', '2016-01-01', '2024-07-01', 60, 'Luật Căn cước công dân 59/2014/QH13, Điều 21', FALSE),
    ('age.14', '2024-07-01', NULL, 14, 'Luật Căn cước 26/2023/QH15, Điều 21', TRUE),
    ('age.25', '2024-07-01', NULL, 25, 'Luật Căn cước 26/2023/QH15, Điều 21', TRUE),
    ('age.40', '2024-07-01', NULL, 40, 'Luật Căn cước 26/2023/QH15, Điều 21', TRUE),
    ('age.60', '2024-07-01', NULL, 60, 'Luật Căn cước 26/2023/QH15, Điều 21', TRUE),
    ('early_years', '2016-01-01', NULL, 2, 'Luật Căn cước 26/2023/QH15, Điều 21; before it Luật 59/2014/QH13, Điều 21', TRUE),
    ('youngest', '2016-01-01', '2024-07-01', 14, 'Luật Căn cước công dân 59/2014/QH13, Điều 19', FALSE),
    ('youngest', '2024-07-01', NULL, 0, 'Luật Căn cước 26/2023/QH15, Điều 19', TRUE),
    ('fee.first', '2024-10-21', NULL, 0, 'Thông tư 73/2024/TT-BTC', FALSE),
    ('fee.age', '2024-10-21', NULL, 0, 'Thông tư 73/2024/TT-BTC', FALSE),
    ('fee.boundary', '2024-10-21', NULL, 0, 'Thông tư 73/2024/TT-BTC', FALSE),
    ('fee.convert', '2024-10-21', NULL, 30000, 'Thông tư 73/2024/TT-BTC', TRUE),
    ('fee.change', '2024-10-21', NULL, 50000, 'Thông tư 73/2024/TT-BTC', TRUE),
    ('fee.reissue', '2024-10-21', NULL, 70000, 'Thông tư 73/2024/TT-BTC', TRUE),
    ('fee.percent', '2024-10-21', '2027-01-01', 50, 'half of the fees until 31/12/2026', TRUE),
    ('fee.percent', '2027-01-01', NULL, 100, 'the half fee ends', TRUE),
    ('fee.integrated_percent', '2026-01-01', '2027-03-01', 0, 'NQ 66.22/2026: waived for who integrated five basic sets of data, until 28/2/2027; its first day was not found', FALSE),
    ('challenge_seconds', '2016-01-01', NULL, 120, 'house rule', FALSE),
    ('keep.file_days', '2016-01-01', NULL, 1826, 'house rule, counted from the day on which the card ended: no period was found in the law', FALSE),
    ('signer.use_days', '2016-01-01', NULL, 365, 'house rule; ICAO Doc 9303-12 advises three months', FALSE),
    ('signer.valid_years', '2016-01-01', NULL, 24, 'the use of a signer and the longest dated card, from 38 to 60', FALSE),
    ('csca.valid_years', '2016-01-01', NULL, 30, 'five years of use and the validity of a signer', FALSE);

-- For which reasons a card is held, revoked or reported, dated.
CREATE TABLE card_ground (
    step       TEXT ${C} NOT NULL,
    reason     TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (step, reason, valid_from)
);
INSERT INTO card_ground (step, reason, valid_from, valid_to, source, verified) VALUES
    ('hold', 'detention', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 29', FALSE),
    ('hold', 'prison', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 29', FALSE),
    ('hold', 'reform_school', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 29', FALSE),
    ('hold', 'compulsory_education', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 29', FALSE),
    ('hold', 'compulsory_treatment', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 29', FALSE),
    ('revoke', 'citizenship_ended', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 29', FALSE),
    ('revoke', 'issued_wrongly', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 29', FALSE),
    ('revoke', 'altered', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 29', FALSE),
    ('revoke', 'spoiled', '2016-01-01', NULL, 'house rule: a card that failed its inspection before it was handed over', FALSE),
    ('revoke', 'death', '2016-01-01', NULL, 'house rule: the bearer died', FALSE),
    ('lose', 'lost', '2016-01-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 24', FALSE),
    ('lose', 'stolen', '2016-01-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 24', FALSE);

-- +goose Down
DROP TABLE card_ground;
DROP TABLE card_rule;
DROP TABLE card_trust;
DROP TABLE card_certificate;
DROP TABLE card_challenge;
DROP TABLE card_data_group;
DROP TABLE card_chip;
DROP TABLE card_number;
DROP TABLE card_card;
