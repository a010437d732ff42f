-- +goose Up
-- Where a case's person is registered to live, once that was found out: only
-- registrars whose area it lies in see it. NULL: nobody in the registry, or
-- not found out yet; every registrar sees such a case.
ALTER TABLE account_case ADD COLUMN commune TEXT ${C};
ALTER TABLE account_case ADD COLUMN province TEXT ${C};

-- +goose Down
ALTER TABLE account_case DROP COLUMN province;
ALTER TABLE account_case DROP COLUMN commune;
