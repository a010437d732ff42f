-- +goose Up
-- A dossier. What she presented and stated is sealed with her key in content;
-- clear columns are those that queues and deadlines need.
CREATE TABLE enrolment_dossier (
    person         ${BYTES} NOT NULL,
    id             ${BYTES} NOT NULL,
    code           TEXT ${C} NOT NULL,
    kind           TEXT ${C} NOT NULL,
    state          TEXT ${C} NOT NULL,   -- state.go
    office         ${BYTES} NOT NULL REFERENCES office_office (id),
    office_name    TEXT ${C} NOT NULL,
    intake         ${BYTES} NOT NULL,    -- the first officer's account
    intake_person  ${BYTES} NOT NULL,
    second         ${BYTES},             -- the drawn officer's account
    second_person  ${BYTES},
    second_at      BIGINT,               -- when she was drawn
    visit          ${BYTES} NOT NULL,    -- the latest visit that she was at the counter in
    proved         BOOLEAN NOT NULL,
    foreigner      BOOLEAN NOT NULL,
    representative ${BYTES},
    language       TEXT ${C} NOT NULL,
    revision       BIGINT NOT NULL,      -- counts every change
    version        BIGINT NOT NULL,      -- counts the saves of typed data
    content        ${BYTES} NOT NULL,
    missing        BIGINT NOT NULL,      -- tasks that are not done
    card           ${BYTES},
    opened_at      BIGINT NOT NULL,
    complete_at    BIGINT,
    due_at         BIGINT,               -- empty while the clock stands
    decided_at     BIGINT,
    closed_at      BIGINT,
    touched_at     BIGINT NOT NULL,
    PRIMARY KEY (person, id)
);
-- One dossier about a person at a time.
CREATE UNIQUE INDEX enrolment_dossier_open ON enrolment_dossier (person) WHERE closed_at IS NULL;
CREATE INDEX enrolment_dossier_office ON enrolment_dossier (office, state, opened_at);
CREATE INDEX enrolment_dossier_intake ON enrolment_dossier (intake, state, opened_at);
CREATE INDEX enrolment_dossier_second ON enrolment_dossier (second, state, opened_at);
CREATE INDEX enrolment_dossier_representative ON enrolment_dossier (representative) WHERE representative IS NOT NULL;
CREATE INDEX enrolment_dossier_touched ON enrolment_dossier (touched_at);

-- Whose a dossier is, by its key and by the code that she was given.
CREATE TABLE enrolment_dossier_key (
    id     ${BYTES} NOT NULL PRIMARY KEY,
    person ${BYTES} NOT NULL
) ${BY_KEY};
CREATE TABLE enrolment_dossier_code (
    code   TEXT ${C} NOT NULL PRIMARY KEY,
    id     ${BYTES} NOT NULL,
    person ${BYTES} NOT NULL
) ${BY_KEY};

-- Files of a dossier, sealed with her key: portrait, photos of papers,
-- signatures, the forms as PDF, the chip's key until the card is made.
CREATE TABLE enrolment_dossier_file (
    person  ${BYTES} NOT NULL,
    dossier ${BYTES} NOT NULL,
    name    TEXT ${C} NOT NULL,
    type    TEXT ${C} NOT NULL,
    sha256  TEXT ${C} NOT NULL,
    file    ${BYTES} NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (person, dossier, name)
);

-- Impressions of fingers, forgotten once the dossier is decided: what is kept of
-- them is in the gallery.
CREATE TABLE enrolment_dossier_finger (
    person         ${BYTES} NOT NULL,
    dossier        ${BYTES} NOT NULL,
    position       BIGINT NOT NULL,
    attempt        BIGINT NOT NULL,
    quality        BIGINT NOT NULL,
    missing        TEXT ${C} NOT NULL,
    source         TEXT ${C} NOT NULL,
    hints          ${JSON} NOT NULL,
    engine         TEXT ${C} NOT NULL,
    engine_version TEXT ${C} NOT NULL,
    template       ${BYTES},
    image          ${BYTES},
    made_at        BIGINT NOT NULL,
    PRIMARY KEY (person, dossier, position, attempt)
);

-- The code that was sent to a phone, keyed and hashed.
CREATE TABLE enrolment_dossier_otp (
    person     ${BYTES} NOT NULL,
    dossier    ${BYTES} NOT NULL,
    code_hash  ${BYTES} NOT NULL,
    phone      ${BYTES} NOT NULL,       -- blind: a changed phone takes no old code
    tries      BIGINT NOT NULL,
    sent_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    PRIMARY KEY (person, dossier)
);

-- Attempts within a time, under blind keys.
CREATE TABLE enrolment_limit (
    scope   TEXT ${C} NOT NULL,
    key     ${BYTES} NOT NULL,
    hits    BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);

-- What each kind of dossier needs and gives, by age and by date. A kind may have
-- several rows, one for each span of ages; valid_to is the first day after it.
CREATE TABLE enrolment_kind (
    kind            TEXT ${C} NOT NULL,
    least_age       BIGINT NOT NULL,
    most_age        BIGINT,
    valid_from      TEXT ${C} NOT NULL,
    valid_to        TEXT ${C},
    makes_card      TEXT ${C} NOT NULL,  -- yes, no, unless_held
    cause           TEXT ${C} NOT NULL,  -- why the card is made, unless the officer says another
    level           BIGINT NOT NULL,     -- the account's; 0: none is given
    holds           TEXT ${C} NOT NULL,  -- card: she must hold one in force; no_card: none; old: a paper without chip; or nothing
    needs_account   BIGINT NOT NULL,     -- the level that she must have; 0: nothing is asked
    procedure       TEXT ${C} NOT NULL,  -- the office's competence
    limit_name      TEXT ${C} NOT NULL,  -- of office_time_limit, when registries hold what is compared
    limit_unheld    TEXT ${C} NOT NULL,  -- when they do not
    representative  BOOLEAN NOT NULL,
    biometrics      BOOLEAN NOT NULL,    -- portrait and fingers
    gallery         TEXT ${C} NOT NULL,
    papers          TEXT ${C} NOT NULL,  -- kinds of which one original must have been seen; by spaces
    elsewhere       BOOLEAN NOT NULL,    -- it restores an identity: another office decides
    proved          BOOLEAN NOT NULL,    -- a visit that proves nothing sends it to another office
    ground          TEXT ${C} NOT NULL,  -- law for entries
    source          TEXT ${C} NOT NULL,
    verified        BOOLEAN NOT NULL,
    PRIMARY KEY (kind, least_age, valid_from)
);
INSERT INTO enrolment_kind (kind, least_age, most_age, valid_from, valid_to, makes_card, cause, level, holds, needs_account, procedure, limit_name, limit_unheld,
        representative, biometrics, gallery, papers, elsewhere, proved, ground, source, verified) VALUES
    ('first_card', 14, NULL, '2024-07-01', NULL, 'yes', 'first', 2, 'no_card', 0, 'cap-the-can-cuoc', 'account.level_2.no_card', 'account.level_2.no_card',
        FALSE, TRUE, 'card', '', FALSE, FALSE, 'Luật Căn cước 26/2023/QH15, Điều 23; NĐ 69/2024, Điều 10', 'Luật Căn cước Điều 19, 23; NĐ 69/2024 Điều 10, 13: without a card together with its issue', TRUE),
    ('account', 14, NULL, '2024-07-01', NULL, 'no', '', 2, 'card', 0, 'nang-muc-2', 'account.level_2.card', 'account.level_2.no_card',
        FALSE, TRUE, 'card', '', FALSE, TRUE, 'NĐ 69/2024, Điều 10', 'NĐ 69/2024 Điều 10, 13', TRUE),
    ('upgrade', 14, NULL, '2022-02-25', '2024-07-01', 'no', '', 2, 'card', 1, 'nang-muc-2', 'account.level_2.card', 'account.level_2.no_card',
        FALSE, TRUE, 'card', '', FALSE, TRUE, 'QĐ 34/2021; NĐ 59/2022', 'seed 004: Đội Cảnh sát QLHC về TTXH', FALSE),
    ('upgrade', 14, NULL, '2024-07-01', NULL, 'no', '', 2, 'card', 1, 'nang-muc-2', 'account.level_2.card', 'account.level_2.no_card',
        FALSE, TRUE, 'card', '', FALSE, TRUE, 'NĐ 69/2024, Điều 10', 'NĐ 69/2024 Điều 10, 13', TRUE),
    ('conversion', 14, NULL, '2024-07-01', NULL, 'yes', 'convert', 2, 'old', 0, 'doi-the-can-cuoc', 'account.level_2.no_card', 'account.level_2.no_card',
        FALSE, TRUE, 'card', '', TRUE, FALSE, 'Luật Căn cước 26/2023/QH15, Điều 24, 46', 'Luật Căn cước Điều 24; that another office decides is a house rule: number and card change at once', FALSE),
    ('renewal', 14, NULL, '2024-07-01', NULL, 'yes', 'age', 0, '', 0, 'doi-the-can-cuoc', 'card', 'card',
        FALSE, TRUE, 'card', '', FALSE, TRUE, 'Luật Căn cước 26/2023/QH15, Điều 21, 24', 'Luật Căn cước Điều 21, 24, 26', TRUE),
    ('reissue', 14, NULL, '2024-07-01', NULL, 'yes', 'reissue', 0, '', 0, 'cap-lai-the-can-cuoc', 'card', 'card',
        FALSE, TRUE, 'card', '', TRUE, TRUE, 'Luật Căn cước 26/2023/QH15, Điều 24', 'Luật Căn cước Điều 24, 26; that another office decides is a house rule: it restores an identity', FALSE),
    ('child', 0, 5, '2024-07-01', NULL, 'no', '', 1, '', 0, 'cap-the-can-cuoc', 'account.level_1', 'account.level_1',
        TRUE, FALSE, '', '', FALSE, FALSE, 'NĐ 69/2024, Điều 7, 10', 'NĐ 69/2024 Điều 7: under 6 level 1. Cards without a portrait (Luật Căn cước Điều 23) are not made here: the chip has a portrait', TRUE),
    ('child', 6, 13, '2024-07-01', NULL, 'unless_held', 'first', 2, '', 0, 'cap-the-can-cuoc', 'account.level_2.card', 'account.level_2.no_card',
        TRUE, TRUE, 'card', '', FALSE, FALSE, 'Luật Căn cước 26/2023/QH15, Điều 23; NĐ 69/2024, Điều 7, 10', 'NĐ 69/2024 Điều 7: 6 to 13 with a card', TRUE),
    ('ward', 14, NULL, '2024-07-01', NULL, 'unless_held', 'first', 2, '', 0, 'cap-the-can-cuoc', 'account.level_2.card', 'account.level_2.no_card',
        TRUE, TRUE, 'card', 'guardianship_decision', FALSE, FALSE, 'NĐ 69/2024, Điều 10', 'NĐ 69/2024 Điều 10: through the guardian', TRUE),
    ('foreigner', 0, 5, '2024-07-01', NULL, 'no', '', 1, '', 0, 'dinh-danh-nguoi-nuoc-ngoai', 'account.level_1', 'account.level_1',
        TRUE, FALSE, '', '', FALSE, FALSE, 'NĐ 69/2024, Điều 7, 11', 'NĐ 69/2024 Điều 7, 11, 13', TRUE),
    ('foreigner', 6, 13, '2024-07-01', NULL, 'no', '', 2, '', 0, 'dinh-danh-nguoi-nuoc-ngoai', 'account.level_2.card', 'account.level_2.no_card',
        TRUE, TRUE, 'immigration', '', FALSE, FALSE, 'NĐ 69/2024, Điều 7, 11', 'NĐ 69/2024 Điều 7, 11, 13: 3 days when biometrics are held, 7 else', TRUE),
    ('foreigner', 14, NULL, '2024-07-01', NULL, 'no', '', 2, '', 0, 'dinh-danh-nguoi-nuoc-ngoai', 'account.level_2.card', 'account.level_2.no_card',
        FALSE, TRUE, 'immigration', '', FALSE, FALSE, 'NĐ 69/2024, Điều 7, 11', 'NĐ 69/2024 Điều 7, 11, 13: 3 days when biometrics are held, 7 else', TRUE);

-- Numbers of law and of the house, dated.
CREATE TABLE enrolment_rule (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    value      BIGINT NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);
INSERT INTO enrolment_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('elsewhere.search_hit', '2022-01-01', NULL, 1, 'house rule: fingers that are found with somebody else are for another office', FALSE),
    ('elsewhere.no_match', '2022-01-01', NULL, 1, 'house rule: fingers unlike those that are held', FALSE),
    ('elsewhere.locked', '2022-01-01', NULL, 1, 'house rule: an account that is locked', FALSE),
    ('elsewhere.provisional', '2022-01-01', NULL, 0, 'house rule: a provisional account that will fall is no contest', FALSE),
    ('elsewhere.disputed', '2022-01-01', NULL, 1, 'house rule: two officers who saw different faces', FALSE),
    ('otp.minutes', '2022-01-01', NULL, 3, 'house rule, as at an opening', FALSE),
    ('otp.tries', '2022-01-01', NULL, 5, 'house rule', FALSE),
    ('otp.sends', '2022-01-01', NULL, 5, 'house rule: to one dossier in an hour', FALSE),
    ('otp.per_phone', '2022-01-01', NULL, 5, 'house rule: to one phone in an hour', FALSE),
    ('track.code', '2022-01-01', NULL, 10, 'house rule: tries at one code in an hour', FALSE),
    ('track.address', '2022-01-01', NULL, 60, 'house rule: tries from one network in an hour', FALSE),
    ('finger.tries', '2022-01-01', NULL, 5, 'house rule: impressions of one finger that are kept', FALSE),
    ('paper.most', '2022-01-01', NULL, 20, 'house rule', FALSE),
    ('redraw.hours', '2022-01-01', NULL, 4, 'house rule: working hours after which the first officer may ask for another second one', FALSE),
    ('draft.days', '2022-01-01', NULL, 14, 'house rule: a draft that nobody touched', FALSE),
    ('supplement.days', '2022-01-01', NULL, 60, 'house rule: a supplement that never came', FALSE),
    ('keep.days', '2022-01-01', NULL, 1826, 'NĐ 69/2024 Điều 28: five years, taken over for dossiers', FALSE),
    ('appointment.hour', '2022-01-01', NULL, 9, 'house rule: when a card can be collected, on the working day after the deadline', FALSE);

-- Grounds of refusal, dated. kind '*' stands for all.
CREATE TABLE enrolment_reason (
    kind       TEXT ${C} NOT NULL,
    reason     TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    ground     TEXT ${C} NOT NULL,
    words      TEXT ${C} NOT NULL,  -- as the refusal says it
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (kind, reason, valid_from)
);
INSERT INTO enrolment_reason (kind, reason, valid_from, valid_to, ground, words, verified) VALUES
    ('*', 'not_same', '2024-07-01', NULL, 'Nghị định 69/2024/NĐ-CP, Điều 10', 'Ảnh chân dung hoặc vân tay không khớp với dữ liệu đã có', FALSE),
    ('*', 'false_paper', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 7', 'Giấy tờ xuất trình là giả hoặc đã bị sửa chữa', FALSE),
    ('*', 'other_identity', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 7', 'Thông tin sinh trắc học trùng với một người khác', FALSE),
    ('*', 'data_differ', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 24', 'Thông tin khai khác dữ liệu đã đăng ký, cần điều chỉnh trước', FALSE),
    ('*', 'ineligible', '2024-07-01', NULL, 'Luật Căn cước 26/2023/QH15, Điều 19; Nghị định 69/2024/NĐ-CP, Điều 7', 'Chưa đủ điều kiện theo quy định', FALSE),
    ('foreigner', 'stay_ended', '2024-07-01', NULL, 'Nghị định 69/2024/NĐ-CP, Điều 11', 'Hộ chiếu hoặc thẻ cư trú không còn giá trị', FALSE);

-- Papers that can be presented: to be integrated, as evidence, for a dependant.
CREATE TABLE enrolment_paper_kind (
    kind       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    integrate  BOOLEAN NOT NULL,
    evidence   BOOLEAN NOT NULL,
    dependant  BOOLEAN NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (kind, valid_from)
);
INSERT INTO enrolment_paper_kind (kind, valid_from, valid_to, integrate, evidence, dependant, source, verified) VALUES
    ('driving_licence', '2022-02-25', NULL, TRUE, TRUE, FALSE, 'seeds 000 to 004', TRUE),
    ('vehicle_registration', '2022-02-25', NULL, TRUE, FALSE, FALSE, 'seeds 000 to 004', TRUE),
    ('health_insurance', '2022-02-25', NULL, TRUE, TRUE, FALSE, 'seeds 000 to 004', TRUE),
    ('social_insurance', '2022-02-25', NULL, TRUE, TRUE, FALSE, 'seed 004', TRUE),
    ('tax_number', '2022-02-25', NULL, TRUE, FALSE, FALSE, 'seed 004', TRUE),
    ('birth_certificate', '2022-02-25', NULL, TRUE, TRUE, TRUE, 'Luật Hộ tịch 60/2014/QH13', FALSE),
    ('marriage_certificate', '2022-02-25', NULL, TRUE, TRUE, TRUE, 'Luật Hộ tịch 60/2014/QH13', FALSE),
    ('guardianship_decision', '2022-02-25', NULL, FALSE, TRUE, TRUE, 'Bộ luật Dân sự 2015, Điều 54; Luật Hộ tịch 60/2014/QH13', FALSE),
    ('adoption_decision', '2022-02-25', NULL, FALSE, TRUE, TRUE, 'Luật Nuôi con nuôi 52/2010/QH12', FALSE),
    ('civil_status_extract', '2022-02-25', NULL, FALSE, TRUE, TRUE, 'Luật Hộ tịch 60/2014/QH13', FALSE),
    ('guardianship_record', '2022-02-25', NULL, FALSE, TRUE, TRUE, 'Bộ luật Dân sự 2015, Điều 54', FALSE),
    ('court_decision', '2022-02-25', NULL, FALSE, TRUE, TRUE, 'house rule', FALSE),
    ('residence_confirmation', '2022-02-25', NULL, FALSE, TRUE, TRUE, 'CT07; Luật Cư trú 68/2020/QH14', TRUE),
    ('passport', '2022-02-25', NULL, FALSE, TRUE, FALSE, 'NĐ 69/2024, Điều 11', TRUE),
    ('residence_card', '2022-02-25', NULL, FALSE, TRUE, FALSE, 'NĐ 69/2024, Điều 11', TRUE),
    ('old_identity_card', '2022-02-25', NULL, FALSE, TRUE, FALSE, 'Luật Căn cước 26/2023/QH15, Điều 46', FALSE);

-- Papers that must not be asked for, by whatever words: folded, without signs.
CREATE TABLE enrolment_paper_barred (
    words      TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    ground     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (words, valid_from)
);
INSERT INTO enrolment_paper_barred (words, valid_from, valid_to, ground, verified) VALUES
    ('so ho khau', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE),
    ('sohokhau', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE),
    ('ho khau', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE),
    ('hokhau', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE),
    ('shk', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE),
    ('so tam tru', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE),
    ('sotamtru', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE),
    ('so gia dinh', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE),
    ('household book', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE),
    ('household register', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14, Điều 38', TRUE);

-- Why a fee is not paid, dated.
CREATE TABLE enrolment_exemption (
    reason     TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (reason, valid_from)
);
INSERT INTO enrolment_exemption (reason, valid_from, valid_to, source, verified) VALUES
    ('merit', '2024-10-21', NULL, 'Thông tư 73/2024/TT-BTC: parents, spouse and children under 18 of martyrs; war invalids', FALSE),
    ('poor', '2024-10-21', NULL, 'Thông tư 73/2024/TT-BTC: citizens of poor households in hardship communes', FALSE),
    ('orphan', '2024-10-21', NULL, 'Thông tư 73/2024/TT-BTC: under 18 without parents or support', FALSE),
    ('fault_of_office', '2024-10-21', NULL, 'Thông tư 73/2024/TT-BTC: an error of the office', FALSE),
    ('integrated', '2026-01-01', '2027-03-01', 'NQ 66.22/2026: five basic sets of data are integrated', FALSE);

-- +goose Down
DROP TABLE enrolment_exemption;
DROP TABLE enrolment_paper_barred;
DROP TABLE enrolment_paper_kind;
DROP TABLE enrolment_reason;
DROP TABLE enrolment_rule;
DROP TABLE enrolment_kind;
DROP TABLE enrolment_limit;
DROP TABLE enrolment_dossier_otp;
DROP TABLE enrolment_dossier_finger;
DROP TABLE enrolment_dossier_file;
DROP TABLE enrolment_dossier_code;
DROP TABLE enrolment_dossier_key;
DROP TABLE enrolment_dossier;
