-- +goose Up
-- A lost or damaged card is asked for at the portal; whoever has no portrait or
-- prints on record goes to an office.
UPDATE procedure_catalogue SET state = 'counter', details = replace(replace(details,
        'Danh sẽ nhận đề nghị trên mạng khi phần thẻ mở.', 'Hoặc gửi đề nghị trên mạng với ảnh và vân tay đã lấy lần gần nhất.'),
        'Danh will take the request online once its card part opens.', 'Or ask for it online, with the portrait and prints that were taken last.')
    WHERE code = 'cap-lai-the-can-cuoc';

-- +goose Down
UPDATE procedure_catalogue SET state = 'coming' WHERE code = 'cap-lai-the-can-cuoc';
