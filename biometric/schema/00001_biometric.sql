-- +goose Up
-- What a person is called towards an engine: random, so that it says nothing.
CREATE TABLE biometric_reference (
    person     ${BYTES} NOT NULL PRIMARY KEY,
    reference  ${BYTES} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE biometric_reference_person (
    reference ${BYTES} NOT NULL PRIMARY KEY,
    person    ${BYTES} NOT NULL
);

-- One print of one finger of one encounter, or why there is none.
CREATE TABLE biometric_template (
    person         ${BYTES} NOT NULL,
    id             ${BYTES} NOT NULL,
    encounter      ${BYTES} NOT NULL,
    gallery        TEXT ${C} NOT NULL,
    position       BIGINT NOT NULL,   -- ISO/IEC 19794-2, table 2
    attempt        BIGINT NOT NULL,   -- of several prints of one finger, from 0
    missing        TEXT ${C} NOT NULL DEFAULT '',
    quality        BIGINT NOT NULL,
    engine         TEXT ${C} NOT NULL, -- that extracted it
    engine_version TEXT ${C} NOT NULL,
    template       ${BYTES},          -- sealed for the person; NULL when the finger is missing
    created_at     BIGINT NOT NULL,
    keep_until     BIGINT,            -- NULL: as long as the person is in the gallery
    PRIMARY KEY (person, id)
);
CREATE UNIQUE INDEX biometric_template_finger ON biometric_template (person, encounter, position, attempt);
CREATE INDEX biometric_template_gallery ON biometric_template (gallery, person);
CREATE INDEX biometric_template_keep ON biometric_template (keep_until) WHERE keep_until IS NOT NULL;

-- What was compared, by what, with which result, and who decided.
CREATE TABLE biometric_evidence (
    owner            ${BYTES} NOT NULL, -- the person, or the dossier of somebody not known yet
    id               ${BYTES} NOT NULL,
    kind             TEXT ${C} NOT NULL, -- verify, search, face
    dossier          ${BYTES},
    gallery          TEXT ${C} NOT NULL,
    engine           TEXT ${C} NOT NULL,
    engine_version   TEXT ${C} NOT NULL,
    policy           TEXT ${C} NOT NULL, -- the rule by which the band was drawn
    band             TEXT ${C} NOT NULL, -- match, no_match, officer
    detail           ${BYTES} NOT NULL,  -- sealed for the owner
    at               BIGINT NOT NULL,
    by_account       ${BYTES},
    by_person        ${BYTES},
    by_name          TEXT ${C} NOT NULL,
    finding          TEXT ${C} NOT NULL DEFAULT '', -- same, different: the first officer's
    found_at         BIGINT,
    found_account    ${BYTES},
    found_person     ${BYTES},
    found_name       TEXT ${C} NOT NULL DEFAULT '',
    outcome          TEXT ${C} NOT NULL DEFAULT '', -- same, different, disputed: with the second officer's
    decided_at       BIGINT,
    decided_account  ${BYTES},
    decided_person   ${BYTES},
    decided_name     TEXT ${C} NOT NULL DEFAULT '',
    keep_until       BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX biometric_evidence_keep ON biometric_evidence (keep_until);

-- +goose Down
DROP TABLE biometric_evidence;
DROP TABLE biometric_template;
DROP TABLE biometric_reference_person;
DROP TABLE biometric_reference;
