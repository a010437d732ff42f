-- +goose Up
-- What people report of calls, messages and sites that pretend to be somebody.
-- What was said is sealed for the owner named by the report's key: it may name
-- the one who reports, and whoever it accuses is not heard. reporter is an
-- account's key when one was signed in.
CREATE TABLE account_scam_report (
    id             ${BYTES} NOT NULL PRIMARY KEY,
    code           TEXT ${C} NOT NULL,
    kind           TEXT ${C} NOT NULL,   -- call, message, site, visit
    place          ${BYTES} NOT NULL,    -- sealed: the number, sender or address it came from
    words          ${BYTES} NOT NULL,    -- sealed
    reporter       ${BYTES},
    state          TEXT ${C} NOT NULL,   -- open, published, closed
    at             BIGINT NOT NULL,
    trick          ${BYTES},             -- it was published as, or belongs to
    decided_at     BIGINT,
    decided_by     ${BYTES},
    decided_office TEXT ${C} NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX account_scam_report_code ON account_scam_report (code);
CREATE INDEX account_scam_report_state ON account_scam_report (state, at);

-- The known tricks, as officers put them: never in a reporter's words.
CREATE TABLE account_scam_trick (
    id         ${BYTES} NOT NULL PRIMARY KEY,
    kind       TEXT ${C} NOT NULL,
    title_vi   TEXT ${C} NOT NULL,
    title_en   TEXT ${C} NOT NULL,
    words_vi   TEXT ${C} NOT NULL,
    words_en   TEXT ${C} NOT NULL,
    office     TEXT ${C} NOT NULL,
    since      BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX account_scam_trick_since ON account_scam_trick (since);

-- The telephone numbers of offices that may be told about a scam or a theft.
CREATE TABLE account_scam_number (
    phone      TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    position   INTEGER NOT NULL,
    name_vi    TEXT ${C} NOT NULL,
    name_en    TEXT ${C} NOT NULL,
    for_vi     TEXT ${C} NOT NULL,
    for_en     TEXT ${C} NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (phone, valid_from)
);
INSERT INTO account_scam_number (phone, valid_from, valid_to, position, name_vi, name_en, for_vi, for_en, source, verified) VALUES
    ('113', '2021-02-25', NULL, 1, 'Cảnh sát 113', 'Police 113', 'Khi việc đang xảy ra hoặc bạn bị đe doạ', 'When it is happening or you are threatened', 'Số khẩn cấp toàn quốc', FALSE),
    ('0693187344', '2022-10-20', NULL, 2, 'Đường dây nóng của Công an thành phố Thủ Đức', 'Hotline of the Thủ Đức police', 'Hỏi về tài khoản định danh ở Thủ Đức', 'Questions about identity accounts in Thủ Đức', 'Thông báo năm 2022 của Công an thành phố Thủ Đức', TRUE),
    ('156', '2022-11-01', NULL, 3, 'Tổng đài 156', 'Line 156', 'Phản ánh cuộc gọi lừa đảo', 'Report a fraudulent call', 'Thông báo của cơ quan an toàn thông tin, tháng 11/2022', FALSE),
    ('5656', '2021-02-25', NULL, 4, 'Đầu số 5656', 'Short code 5656', 'Nhắn tin để phản ánh tin nhắn rác, lừa đảo', 'Text it to report fraudulent messages', 'Nghị định 91/2020/NĐ-CP và thông báo kèm theo', FALSE);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('scam_per_address', '2021-02-25', NULL, 10,   'house rule: reports from one network in an hour', TRUE),
    ('scam_per_account', '2021-02-25', NULL, 10,   'house rule: reports from one account in a day', TRUE),
    ('scam_per_day',     '2021-02-25', NULL, 5000, 'house rule: reports in a day; beyond that the queue itself is under attack', TRUE),
    ('scam_days',        '2021-02-25', NULL, 365,  'house rule: a decided report is forgotten after', TRUE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('scam_per_address', 'scam_per_account', 'scam_per_day', 'scam_days');
DROP TABLE account_scam_number;
DROP TABLE account_scam_trick;
DROP TABLE account_scam_report;
