-- +goose Up
-- One row per look or change. The subject comes first in the key: a person's
-- history is one range, and the table can be spread by person. 16 zero bytes
-- stand for "about nobody".
CREATE TABLE audit_entry (
    subject      ${BYTES} NOT NULL,
    id           ${BYTES} NOT NULL,
    at           BIGINT NOT NULL,
    actor_kind   TEXT ${C} NOT NULL,
    actor_account ${BYTES},
    actor_person ${BYTES},
    actor_partner TEXT ${C} NOT NULL,
    actor_name   TEXT ${C} NOT NULL,
    on_behalf_of ${BYTES},
    session      TEXT ${C} NOT NULL,
    action       TEXT ${C} NOT NULL,
    purpose      TEXT ${C} NOT NULL,
    ground       TEXT ${C} NOT NULL,
    fields       ${JSON} NOT NULL,
    outcome      TEXT ${C} NOT NULL,
    detail       ${JSON} NOT NULL,
    salt         ${BYTES} NOT NULL,
    leaf         ${BYTES} NOT NULL,
    seq          BIGINT,
    PRIMARY KEY (subject, id)
);
CREATE INDEX audit_entry_unsealed ON audit_entry (id) WHERE seq IS NULL;

-- The order of the log: leaf number seq of the tree. It outlives the entry,
-- whose content and salt are erased when the law no longer orders to keep it.
CREATE TABLE audit_leaf (
    seq       BIGINT NOT NULL PRIMARY KEY,
    leaf      ${BYTES} NOT NULL,
    at        BIGINT NOT NULL,
    subject   ${BYTES},
    entry     ${BYTES},
    erased_at BIGINT
);

-- Who seals, until when, and which number comes next.
CREATE TABLE audit_sealer (
    only_row     INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    holder       ${BYTES},
    lease_until  BIGINT NOT NULL,
    next_seq     BIGINT NOT NULL,
    erased_below BIGINT NOT NULL
);
INSERT INTO audit_sealer (only_row, holder, lease_until, next_seq, erased_below) VALUES (1, NULL, 0, 0, 0);

-- Signed checkpoints that were published, thinned out: what the tree promised
-- once, it must keep.
CREATE TABLE audit_checkpoint (
    size BIGINT NOT NULL PRIMARY KEY,
    at   BIGINT NOT NULL,
    note TEXT NOT NULL
);

-- +goose Down
DROP TABLE audit_checkpoint;
DROP TABLE audit_sealer;
DROP TABLE audit_leaf;
DROP TABLE audit_entry;
