-- +goose Up
-- Who holds which role, where and when. Rows are never changed but to end
-- them: who could do what on a day must stay readable.
CREATE TABLE office_staff (
    account      ${BYTES} NOT NULL,   -- the account that signs in
    id           ${BYTES} NOT NULL,
    person       ${BYTES} NOT NULL,   -- who was appointed; an account of somebody else does not inherit it
    role         TEXT ${C} NOT NULL,  -- operator, registrar, auditor
    office       ${BYTES} REFERENCES office_office (id),
    valid_from   BIGINT NOT NULL,
    valid_to     BIGINT,
    appointed_at BIGINT NOT NULL,
    appointed_by TEXT ${C} NOT NULL,
    ended_at     BIGINT,              -- set when it was ended or found lapsed
    ended_by     TEXT ${C} NOT NULL DEFAULT '',
    PRIMARY KEY (account, id)
);
-- One standing appointment per account and role.
CREATE UNIQUE INDEX office_staff_standing ON office_staff (account, role) WHERE ended_at IS NULL;

-- +goose Down
DROP TABLE office_staff;
