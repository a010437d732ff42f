-- +goose Up
-- What an office found of a guest's dispute. words are sealed for the case.
ALTER TABLE procedure_guest ADD COLUMN outcome TEXT ${C};          -- upheld, unfounded
ALTER TABLE procedure_guest ADD COLUMN words ${BYTES};
ALTER TABLE procedure_guest ADD COLUMN decided_at BIGINT;
ALTER TABLE procedure_guest ADD COLUMN decided_by ${BYTES};        -- the registrar's account
ALTER TABLE procedure_guest ADD COLUMN decided_office TEXT ${C};
CREATE INDEX procedure_guest_waiting ON procedure_guest (disputed_at) WHERE disputed_at IS NOT NULL AND decided_at IS NULL;

-- +goose Down
DROP INDEX procedure_guest_waiting;
ALTER TABLE procedure_guest DROP COLUMN decided_office;
ALTER TABLE procedure_guest DROP COLUMN decided_by;
ALTER TABLE procedure_guest DROP COLUMN decided_at;
ALTER TABLE procedure_guest DROP COLUMN words;
ALTER TABLE procedure_guest DROP COLUMN outcome;
