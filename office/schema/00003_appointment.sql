-- +goose Up
-- Which tiers of police there are, as of when. A day in 1900 stands for "before, day not known".
CREATE TABLE office_tier (
    kind       TEXT ${C} NOT NULL,   -- the kind of its offices
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},            -- first day on which it is no more
    name_vi    TEXT ${C} NOT NULL,
    name_en    TEXT ${C} NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (kind, valid_from)
);

-- Which kind of office may do which procedure at its desks.
CREATE TABLE office_competence (
    procedure  TEXT ${C} NOT NULL,
    kind       TEXT ${C} NOT NULL,
    area       TEXT ${C} NOT NULL,   -- own: the office of the place it is about; any: whichever
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (procedure, kind, valid_from)
);

-- How long an authority has, in working days from a complete dossier.
CREATE TABLE office_time_limit (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    days       BIGINT NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);

-- Desks and slots: of one office or, where office is empty, of all of a kind; for
-- one procedure or, where procedure is empty, for all that have no row of their
-- own. Procedures of one pool share its desks.
CREATE TABLE office_capacity (
    kind         TEXT ${C} NOT NULL,
    office       TEXT ${C} NOT NULL,
    procedure    TEXT ${C} NOT NULL,
    pool         TEXT ${C} NOT NULL,
    desks        BIGINT NOT NULL,    -- 0: no appointments
    slot_minutes BIGINT NOT NULL,
    valid_from   TEXT ${C} NOT NULL,
    valid_to     TEXT ${C},
    source       TEXT ${C} NOT NULL,
    verified     BOOLEAN NOT NULL,
    PRIMARY KEY (kind, office, procedure, valid_from)
);

CREATE TABLE office_rule (
    name       TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    value      TEXT ${C} NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (name, valid_from)
);

-- A citizen's appointment at an office.
CREATE TABLE office_appointment (
    account     ${BYTES} NOT NULL,
    id          ${BYTES} NOT NULL,   -- chosen by the form, so that sending it twice books once
    person      ${BYTES} NOT NULL,
    procedure   TEXT ${C} NOT NULL,
    name_vi     TEXT ${C} NOT NULL,  -- the procedure's name when it was booked
    name_en     TEXT ${C} NOT NULL,
    office      ${BYTES} NOT NULL REFERENCES office_office (id),
    starts_at   BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    state       TEXT ${C} NOT NULL,  -- booked, cancelled, attended, missed, past
    code        TEXT ${C} NOT NULL,
    nth         BIGINT NOT NULL,     -- which of her appointments at a time: bounds them
    changes     BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    booked_at   BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    reminded_at BIGINT,
    PRIMARY KEY (account, id)
);
CREATE UNIQUE INDEX office_appointment_one ON office_appointment (account, procedure) WHERE state = 'booked';
CREATE UNIQUE INDEX office_appointment_nth ON office_appointment (account, nth) WHERE state = 'booked';
CREATE INDEX office_appointment_day ON office_appointment (office, starts_at);
CREATE INDEX office_appointment_over ON office_appointment (ends_at);

CREATE TABLE office_appointment_code (
    code    TEXT ${C} NOT NULL PRIMARY KEY,
    account ${BYTES} NOT NULL,
    booking ${BYTES} NOT NULL,
    FOREIGN KEY (account, booking) REFERENCES office_appointment (account, id)
);

-- The desks that are taken. Free ones have no row; the key decides who gets the last.
CREATE TABLE office_seat (
    office    ${BYTES} NOT NULL,
    pool      TEXT ${C} NOT NULL,
    starts_at BIGINT NOT NULL,
    seat      BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    account   ${BYTES} NOT NULL,
    booking   ${BYTES} NOT NULL,
    PRIMARY KEY (office, pool, starts_at, seat),
    FOREIGN KEY (account, booking) REFERENCES office_appointment (account, id)
);
CREATE INDEX office_seat_booking ON office_seat (account, booking);
CREATE INDEX office_seat_over ON office_seat (ends_at);

INSERT INTO office_tier (kind, valid_from, valid_to, name_vi, name_en, source, verified) VALUES
    ('province_police', '1900-01-01', NULL, 'Công an cấp tỉnh', 'Provincial police', 'Tổ chức công an ba cấp; hai cấp từ 01/3/2025 (chưa đối chiếu văn bản)', FALSE),
    ('district_police', '1900-01-01', '2025-03-01', 'Công an cấp huyện', 'District police', 'Không tổ chức công an cấp huyện từ 01/3/2025 (chưa đối chiếu văn bản)', FALSE),
    ('commune_police', '1900-01-01', NULL, 'Công an cấp xã', 'Commune police', 'Tổ chức công an ba cấp; hai cấp từ 01/3/2025 (chưa đối chiếu văn bản)', FALSE);

INSERT INTO office_competence (procedure, kind, area, valid_from, valid_to, source, verified) VALUES
    ('mo-tai-khoan-muc-1', 'commune_police', 'any', '2022-02-25', NULL, 'Thông báo của Công an thành phố Thủ Đức, 25/02/2022', TRUE),
    ('nang-muc-2', 'district_police', 'own', '2022-02-25', '2024-07-01', 'Thông báo của Công an thành phố Thủ Đức, 25/02/2022', TRUE),
    ('nang-muc-2', 'district_police', 'any', '2024-07-01', '2025-03-01', 'Nghị định 69/2024/NĐ-CP Điều 10', TRUE),
    ('nang-muc-2', 'commune_police', 'any', '2024-07-01', NULL, 'Nghị định 69/2024/NĐ-CP Điều 10', TRUE),
    ('cap-the-can-cuoc', 'district_police', 'own', '2022-02-25', '2025-03-01', 'C06, tháng 3/2022: Công an quận, huyện, tỉnh, thành phố', TRUE),
    ('cap-the-can-cuoc', 'province_police', 'own', '2022-02-25', '2025-03-01', 'C06, tháng 3/2022: Công an quận, huyện, tỉnh, thành phố', TRUE),
    ('cap-the-can-cuoc', 'commune_police', 'any', '2025-03-01', NULL, 'Quyết định 5230/QĐ-BCA-C06 ngày 18/8/2025; ngày bắt đầu chưa đối chiếu', FALSE),
    ('doi-the-can-cuoc', 'district_police', 'own', '2022-02-25', '2025-03-01', 'C06, tháng 3/2022: Công an quận, huyện, tỉnh, thành phố', TRUE),
    ('doi-the-can-cuoc', 'province_police', 'own', '2022-02-25', '2025-03-01', 'C06, tháng 3/2022: Công an quận, huyện, tỉnh, thành phố', TRUE),
    ('doi-the-can-cuoc', 'commune_police', 'any', '2025-03-01', NULL, 'Quyết định 5230/QĐ-BCA-C06 ngày 18/8/2025; ngày bắt đầu chưa đối chiếu', FALSE),
    ('cap-lai-the-can-cuoc', 'district_police', 'own', '2022-02-25', '2025-03-01', 'C06, tháng 3/2022: Công an quận, huyện, tỉnh, thành phố', TRUE),
    ('cap-lai-the-can-cuoc', 'province_police', 'own', '2022-02-25', '2025-03-01', 'C06, tháng 3/2022: Công an quận, huyện, tỉnh, thành phố', TRUE),
    ('cap-lai-the-can-cuoc', 'commune_police', 'any', '2025-03-01', NULL, 'Quyết định 5230/QĐ-BCA-C06 ngày 18/8/2025; ngày bắt đầu chưa đối chiếu', FALSE),
    ('xac-nhan-cu-tru', 'commune_police', 'any', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14', TRUE),
    ('dang-ky-tam-tru', 'commune_police', 'own', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14 Điều 28', TRUE),
    ('dang-ky-thuong-tru', 'commune_police', 'own', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14 Điều 22', TRUE),
    ('tach-ho', 'commune_police', 'own', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14 Điều 25', TRUE),
    ('dieu-chinh-cu-tru', 'commune_police', 'own', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14 Điều 26', TRUE),
    ('khai-bao-tam-vang', 'commune_police', 'own', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14 Điều 31', TRUE),
    ('khai-bao-cu-tru', 'commune_police', 'own', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14 Điều 19', FALSE),
    ('xoa-dang-ky-cu-tru', 'commune_police', 'own', '2021-07-01', NULL, 'Luật Cư trú 68/2020/QH14 Điều 24', TRUE),
    ('thong-bao-luu-tru', 'commune_police', 'own', '2021-07-01', '2026-07-01', 'Luật Cư trú 68/2020/QH14 Điều 30; bỏ cách trực tiếp từ 01/7/2026', TRUE);

INSERT INTO office_time_limit (name, valid_from, valid_to, days, source, verified) VALUES
    ('account.level_1', '2022-10-20', '2024-07-01', 1, 'Nghị định 59/2022/NĐ-CP', FALSE),
    ('account.level_1', '2024-07-01', NULL, 1, 'Nghị định 69/2024/NĐ-CP Điều 13', TRUE),
    ('account.level_2.card', '2022-10-20', '2024-07-01', 3, 'Nghị định 59/2022/NĐ-CP', FALSE),
    ('account.level_2.card', '2024-07-01', NULL, 3, 'Nghị định 69/2024/NĐ-CP Điều 13', TRUE),
    ('account.level_2.no_card', '2022-10-20', '2024-07-01', 7, 'Nghị định 59/2022/NĐ-CP', FALSE),
    ('account.level_2.no_card', '2024-07-01', NULL, 7, 'Nghị định 69/2024/NĐ-CP Điều 13', TRUE),
    ('card', '2024-07-01', NULL, 7, 'Luật Căn cước 26/2023/QH15', TRUE),
    ('residence.permanent', '2021-07-01', NULL, 7, 'Luật Cư trú 68/2020/QH14 Điều 22', TRUE),
    ('residence.temporary', '2021-07-01', NULL, 3, 'Luật Cư trú 68/2020/QH14 Điều 28', TRUE),
    ('residence.split', '2021-07-01', NULL, 5, 'Luật Cư trú 68/2020/QH14 Điều 25', TRUE),
    ('residence.adjust', '2021-07-01', NULL, 3, 'Luật Cư trú 68/2020/QH14 Điều 26', TRUE),
    ('residence.restore', '2026-07-01', NULL, 1, 'Thông tư 116/2026/TT-BCA Điều 13', TRUE);

-- How many desks an office has is for it to say; until it does, these hold.
INSERT INTO office_capacity (kind, office, procedure, pool, desks, slot_minutes, valid_from, valid_to, source, verified) VALUES
    ('commune_police', '', '', 'desk', 2, 15, '2026-07-01', NULL, 'house rule', FALSE),
    ('commune_police', '', 'nang-muc-2', 'capture', 1, 20, '2026-07-01', NULL, 'house rule: one capture station', FALSE),
    ('commune_police', '', 'cap-the-can-cuoc', 'capture', 1, 20, '2026-07-01', NULL, 'house rule: one capture station', FALSE),
    ('commune_police', '', 'doi-the-can-cuoc', 'capture', 1, 20, '2026-07-01', NULL, 'house rule: one capture station', FALSE),
    ('commune_police', '', 'cap-lai-the-can-cuoc', 'capture', 1, 20, '2026-07-01', NULL, 'house rule: one capture station', FALSE);

INSERT INTO office_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('appointment.ahead_days', '2026-07-01', NULL, '21', 'house rule', FALSE),
    ('appointment.lead_minutes', '2026-07-01', NULL, '60', 'house rule', FALSE),
    ('appointment.at_once', '2026-07-01', NULL, '3', 'house rule: standing appointments of one account', FALSE),
    ('appointment.per_day', '2026-07-01', NULL, '6', 'house rule: bookings of one account in 24 hours', FALSE),
    ('appointment.changes', '2026-07-01', NULL, '3', 'house rule: changes of one appointment', FALSE),
    ('appointment.missed', '2026-07-01', NULL, '2', 'house rule: so many missed within missed_days bar from booking online', FALSE),
    ('appointment.missed_days', '2026-07-01', NULL, '90', 'house rule', FALSE),
    ('appointment.bar_days', '2026-07-01', NULL, '30', 'house rule: from the last one missed', FALSE),
    ('appointment.remind_hour', '2026-07-01', NULL, '18', 'house rule: hour of the day before', FALSE),
    ('appointment.mark_days', '2026-07-01', NULL, '7', 'house rule: how long an office may say who came', FALSE),
    ('appointment.keep_days', '2026-07-01', NULL, '180', 'house rule: longer than missed_days', FALSE);

-- +goose Down
DROP TABLE office_seat;
DROP TABLE office_appointment_code;
DROP TABLE office_appointment;
DROP TABLE office_rule;
DROP TABLE office_capacity;
DROP TABLE office_time_limit;
DROP TABLE office_competence;
DROP TABLE office_tier;
