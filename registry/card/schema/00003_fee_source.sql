-- +goose Up
-- People read by which rule their fee is lowered, in Vietnamese as they read the
-- rule that sets it. No circular's number was found for the half fee: its last
-- day is what is known.
UPDATE card_rule SET source = 'giảm một nửa đến hết 31/12/2026' WHERE name = 'fee.percent' AND valid_from = '2024-10-21';
UPDATE card_rule SET source = 'hết thời gian giảm một nửa' WHERE name = 'fee.percent' AND valid_from = '2027-01-01';
UPDATE card_rule SET source = 'NQ 66.22/2026: miễn cho người đã tích hợp năm nhóm dữ liệu cơ bản, đến hết 28/2/2027' WHERE name = 'fee.integrated_percent' AND valid_from = '2026-01-01';

-- +goose Down
UPDATE card_rule SET source = 'half of the fees until 31/12/2026' WHERE name = 'fee.percent' AND valid_from = '2024-10-21';
UPDATE card_rule SET source = 'the half fee ends' WHERE name = 'fee.percent' AND valid_from = '2027-01-01';
UPDATE card_rule SET source = 'NQ 66.22/2026: waived for who integrated five basic sets of data, until 28/2/2027; its first day was not found' WHERE name = 'fee.integrated_percent' AND valid_from = '2026-01-01';
