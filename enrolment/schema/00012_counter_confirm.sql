-- +goose Up
-- A pairing takes effect when another officer has compared its key. Counters that
-- were paired before this wait for it like any other.
ALTER TABLE enrolment_counter ADD COLUMN paired_person ${BYTES};
ALTER TABLE enrolment_counter ADD COLUMN confirmed_at BIGINT;
ALTER TABLE enrolment_counter ADD COLUMN confirmed_by ${BYTES};

-- +goose Down
ALTER TABLE enrolment_counter DROP COLUMN confirmed_by;
ALTER TABLE enrolment_counter DROP COLUMN confirmed_at;
ALTER TABLE enrolment_counter DROP COLUMN paired_person;
