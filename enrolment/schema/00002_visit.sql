-- +goose Up
-- A person before an officer: who came, how that is known, for what, until when.
CREATE TABLE enrolment_visit (
    person         ${BYTES} NOT NULL,
    id             ${BYTES} NOT NULL,
    way            TEXT ${C} NOT NULL,   -- chip, finger, phone, typed, qr, broken
    state          TEXT ${C} NOT NULL,   -- asked, open, closed, declined, lapsed
    purpose        TEXT ${C} NOT NULL,   -- of enrolment_visit_purpose, or of enrolment_visit_reason when broken
    foreigner      BOOLEAN NOT NULL,     -- known to the immigration registry, not to the population's
    proved         BOOLEAN NOT NULL,
    uploaded       BOOLEAN NOT NULL,     -- the prints came as files and not from a paired reader
    shown          ${BYTES} NOT NULL,    -- sealed: name and the number's last four digits
    officer        ${BYTES} NOT NULL,    -- her account
    officer_person ${BYTES} NOT NULL,
    office         ${BYTES} NOT NULL REFERENCES office_office (id),
    office_name    TEXT ${C} NOT NULL,
    account        ${BYTES},             -- on whose phone it was asked
    matching       BIGINT NOT NULL,      -- the two digits that the officer's screen shows; 0 for none
    choices        TEXT ${C} NOT NULL,   -- the three numbers that her own screen shows
    evidence       ${BYTES},             -- of the comparison of fingers
    made_at        BIGINT NOT NULL,
    opened_at      BIGINT,
    ends_at        BIGINT NOT NULL,
    closed_at      BIGINT,
    closed_why     TEXT ${C} NOT NULL DEFAULT '',
    PRIMARY KEY (person, id)
);
CREATE INDEX enrolment_visit_id ON enrolment_visit (id);
CREATE INDEX enrolment_visit_officer ON enrolment_visit (officer, made_at);
CREATE INDEX enrolment_visit_standing ON enrolment_visit (ends_at) WHERE closed_at IS NULL;

-- What was looked at in a visit. The audit log has each look; this is what a reviewer reads.
CREATE TABLE enrolment_visit_look (
    person  ${BYTES} NOT NULL,
    visit   ${BYTES} NOT NULL,
    part    TEXT ${C} NOT NULL,
    times   BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (person, visit, part)
);

-- What another office looks at afterwards: looks without a visit, and visits of
-- an officer's own family.
CREATE TABLE enrolment_visit_review (
    person         ${BYTES} NOT NULL,
    id             ${BYTES} NOT NULL,
    visit          ${BYTES} NOT NULL,
    kind           TEXT ${C} NOT NULL,   -- broken, self, family
    reason         TEXT ${C} NOT NULL,   -- of enrolment_visit_reason; empty for a visit
    words          ${BYTES},             -- sealed: the officer's own
    officer        ${BYTES} NOT NULL,
    officer_person ${BYTES} NOT NULL,
    office         ${BYTES} NOT NULL REFERENCES office_office (id),
    office_name    TEXT ${C} NOT NULL,
    made_at        BIGINT NOT NULL,
    due_at         BIGINT NOT NULL,
    tell_at        BIGINT,               -- when she is to be told; empty: she was told as the visit opened
    told_at        BIGINT,
    reminded_at    BIGINT,
    reviewer       ${BYTES},
    review_office  TEXT ${C} NOT NULL DEFAULT '',
    reviewed_at    BIGINT,
    justified      BOOLEAN,
    said           ${BYTES},             -- sealed: the reviewer's words
    PRIMARY KEY (person, id)
);
CREATE INDEX enrolment_visit_review_id ON enrolment_visit_review (id);
CREATE INDEX enrolment_visit_review_open ON enrolment_visit_review (due_at) WHERE reviewed_at IS NULL;
CREATE INDEX enrolment_visit_review_tell ON enrolment_visit_review (tell_at) WHERE told_at IS NULL;

-- How often something was tried within its window.
CREATE TABLE enrolment_visit_limit (
    scope   TEXT ${C} NOT NULL,
    key     ${BYTES} NOT NULL,
    hits    BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);

-- For what a visit may be opened, what it then lets an officer see, and whether
-- a visit suffices in which nobody proved that she is there.
CREATE TABLE enrolment_visit_purpose (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},                -- first day on which it is no more
    unproved   BOOLEAN NOT NULL,
    parts      TEXT ${C} NOT NULL,       -- person, residence, household, cards, portrait
    ground     TEXT ${C} NOT NULL,
    name_vi    TEXT ${C} NOT NULL,
    name_en    TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);
INSERT INTO enrolment_visit_purpose (name, valid_from, valid_to, unproved, parts, ground, name_vi, name_en, verified) VALUES
    ('enrolment',  '2024-07-01', NULL, TRUE,  'person,residence,household,cards,portrait', 'Nghị định 69/2024/NĐ-CP, Điều 10', 'làm tài khoản định danh', 'enrolling for an identity account', FALSE),
    ('card',       '2024-07-01', NULL, TRUE,  'person,residence,household,cards,portrait', 'Luật Căn cước 26/2023/QH15, Điều 23', 'cấp, đổi hoặc trả thẻ căn cước', 'issuing, changing or handing over an identity card', FALSE),
    ('residence',  '2021-07-01', NULL, TRUE,  'person,residence,household', 'Luật Cư trú 68/2020/QH14, Điều 36', 'xem nơi cư trú, thay sổ hộ khẩu', 'looking up residence in place of the household book', FALSE),
    ('account',    '2024-07-01', NULL, FALSE, 'person,cards,portrait', 'Nghị định 69/2024/NĐ-CP, Điều 10', 'việc của tài khoản định danh', 'a matter of the identity account', FALSE),
    ('correction', '2024-07-01', NULL, FALSE, 'person,residence,household,cards', 'Luật Căn cước 26/2023/QH15, Điều 10', 'sửa dữ liệu đã đăng ký', 'correcting what is registered', FALSE);

-- Why somebody may look who has nobody before her. tell_hours: after how long the
-- person is told; 0 is at once.
CREATE TABLE enrolment_visit_reason (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    tell_hours BIGINT NOT NULL,
    parts      TEXT ${C} NOT NULL,
    ground     TEXT ${C} NOT NULL,
    name_vi    TEXT ${C} NOT NULL,
    name_en    TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);
INSERT INTO enrolment_visit_reason (name, valid_from, valid_to, tell_hours, parts, ground, name_vi, name_en, verified) VALUES
    ('danger', '2026-01-01', NULL, 0,   'person,residence,household,portrait', 'Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15, Điều 19', 'tính mạng, sức khỏe của một người đang bị đe dọa', 'somebody''s life or health is in danger', FALSE),
    ('court',  '2026-01-01', NULL, 720, 'person,residence,cards', 'Bộ luật Tố tụng hình sự 101/2015/QH13, Điều 88', 'theo quyết định của tòa án hoặc cơ quan điều tra', 'by order of a court or an investigating body', FALSE);

CREATE TABLE enrolment_visit_rule (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    value      BIGINT NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);
INSERT INTO enrolment_visit_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('visit_minutes',         '2021-01-01', NULL, 60,   'house rule: a visit ends by itself', TRUE),
    ('after_hours_minutes',   '2021-01-01', NULL, 30,   'house rule: how long a visit may outlast the office hours', TRUE),
    ('outside_hours_minutes', '2021-01-01', NULL, 30,   'house rule: how long a visit lasts that opens while the office is shut', TRUE),
    ('broken_minutes',        '2021-01-01', NULL, 15,   'house rule: how long a look without a visit lasts', TRUE),
    ('asked_seconds',         '2021-01-01', NULL, 120,  'house rule: how long she has to answer on her phone', TRUE),
    ('search_per_hour',       '2021-01-01', NULL, 40,   'house rule: searches per officer', TRUE),
    ('open_per_hour',         '2021-01-01', NULL, 30,   'house rule: visits per officer', TRUE),
    ('asked_per_hour',        '2021-01-01', NULL, 5,    'house rule: requests to one person''s phone', TRUE),
    ('broken_per_day',        '2021-01-01', NULL, 10,   'house rule: looks without a visit per officer', TRUE),
    ('review_hours',          '2021-01-01', NULL, 72,   'house rule: until when another office reviews', TRUE),
    ('remind_hours',          '2021-01-01', NULL, 24,   'house rule: how often a review that waits is called to mind', TRUE),
    ('keep_days',             '2021-01-01', NULL, 1826, 'as long as the audit log: Nghị định 69/2024/NĐ-CP, Điều 28', FALSE);

-- +goose Down
DROP TABLE enrolment_visit_rule;
DROP TABLE enrolment_visit_reason;
DROP TABLE enrolment_visit_purpose;
DROP TABLE enrolment_visit_limit;
DROP TABLE enrolment_visit_review;
DROP TABLE enrolment_visit_look;
DROP TABLE enrolment_visit;
