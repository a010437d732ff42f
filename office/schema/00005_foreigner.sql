-- +goose Up
-- Who identifies foreigners at a counter.
INSERT INTO office_competence (procedure, kind, area, valid_from, valid_to, source, verified) VALUES
    ('dinh-danh-nguoi-nuoc-ngoai', 'province_police', 'any', '2024-07-01', NULL, 'Nghị định 69/2024/NĐ-CP Điều 11: cơ quan quản lý xuất nhập cảnh', TRUE),
    ('dinh-danh-nguoi-nuoc-ngoai', 'commune_police', 'any', '2024-07-01', NULL, 'house rule: until the desks of the immigration authority are among the offices', FALSE);

-- +goose Down
DELETE FROM office_competence WHERE procedure = 'dinh-danh-nguoi-nuoc-ngoai';
