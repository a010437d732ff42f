-- +goose Up
-- For whom an appointment counts: the code of a commune or of a province, '*'
-- for the whole country, '' for the commune of the office.
ALTER TABLE office_staff ADD COLUMN area TEXT ${C} NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE office_staff DROP COLUMN area;
