-- +goose Up
-- Who represents whom, as a counter accepted it. until is the last day.
CREATE TABLE account_representation (
    person         ${BYTES} NOT NULL,       -- who is represented
    id             ${BYTES} NOT NULL,
    representative ${BYTES} NOT NULL,
    relation       TEXT ${C} NOT NULL,
    proof          TEXT ${C} NOT NULL,      -- the kind of paper that was seen
    confirms       BOOLEAN NOT NULL,        -- each use of the person's own account is confirmed
    valid_from     TEXT ${C} NOT NULL,
    valid_to       TEXT ${C},
    accepted_at    BIGINT NOT NULL,
    accepted_by    ${BYTES} NOT NULL,       -- the officer's account
    office         TEXT ${C} NOT NULL,
    ended_at       BIGINT,
    ended_why      TEXT ${C},
    PRIMARY KEY (person, id)
);
CREATE UNIQUE INDEX account_representation_standing ON account_representation (person, representative) WHERE ended_at IS NULL;
CREATE INDEX account_representation_by ON account_representation (representative);
CREATE INDEX account_representation_due ON account_representation (valid_to) WHERE ended_at IS NULL;

-- Which relation is proved by which paper, until which age (an account_rule),
-- and whether it makes somebody confirm each use. The relation is what the
-- representative is to the person. A proof of '*' is any paper.
CREATE TABLE account_relation (
    relation   TEXT ${C} NOT NULL,
    proof      TEXT ${C} NOT NULL,
    valid_from TEXT ${C} NOT NULL,
    valid_to   TEXT ${C},
    until_age  TEXT ${C},                   -- NULL: until the decision's day, or until it is ended
    confirms   BOOLEAN NOT NULL,
    source     TEXT ${C} NOT NULL,
    verified   BOOLEAN NOT NULL,
    PRIMARY KEY (relation, proof, valid_from)
);

-- Each sign-in to a represented account, and what became of it.
CREATE TABLE account_use (
    account     ${BYTES} NOT NULL REFERENCES account_account (id),
    session     ${BYTES} NOT NULL,
    label       TEXT ${C} NOT NULL,
    asked_at    BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    answered_at BIGINT,
    answered_by ${BYTES},                   -- the representative
    answer      TEXT ${C},                  -- "yes" or "no"
    PRIMARY KEY (account, session)
);
CREATE INDEX account_use_asked ON account_use (asked_at);

ALTER TABLE account_session ADD COLUMN awaiting BOOLEAN NOT NULL DEFAULT FALSE;

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('representation_age_child', '2021-02-25', NULL, 14, 'Decree 69/2024 arts 10 and 14: under 14 by parents or guardian', FALSE),
    ('representation_age_minor', '2021-02-25', NULL, 18, 'Civil Code 2015 arts 20 and 62: guardianship of a minor ends at majority', FALSE),
    ('use_minutes',              '2024-07-01', NULL, 10, 'house rule: a sign-in waits so long for its confirmation', TRUE),
    ('use_days',                 '2024-07-01', NULL, 1826, 'Decree 69/2024 art 28: usage history 5 years', FALSE),
    ('use_per_account',          '2024-07-01', NULL, 20, 'house rule: sign-ins to a represented account that are asked about in one hour', TRUE);

INSERT INTO account_relation (relation, proof, valid_from, valid_to, until_age, confirms, source, verified) VALUES
    ('father',   'registry',              '2021-02-25', NULL, 'representation_age_child', TRUE,  'Decree 69/2024 art 10; Civil Code 2015 art 136', FALSE),
    ('father',   'birth_certificate',     '2021-02-25', NULL, 'representation_age_child', TRUE,  'Decree 69/2024 art 10; Civil Code 2015 art 136', FALSE),
    ('father',   'adoption_decision',     '2021-02-25', NULL, 'representation_age_child', TRUE,  'Law on Adoption art 24', FALSE),
    ('mother',   'registry',              '2021-02-25', NULL, 'representation_age_child', TRUE,  'Decree 69/2024 art 10; Civil Code 2015 art 136', FALSE),
    ('mother',   'birth_certificate',     '2021-02-25', NULL, 'representation_age_child', TRUE,  'Decree 69/2024 art 10; Civil Code 2015 art 136', FALSE),
    ('mother',   'adoption_decision',     '2021-02-25', NULL, 'representation_age_child', TRUE,  'Law on Adoption art 24', FALSE),
    ('guardian', 'registry',              '2021-02-25', NULL, 'representation_age_minor', TRUE,  'Civil Code 2015 arts 47 and 52: guardian of a minor by law', FALSE),
    ('guardian', 'guardianship_record',   '2021-02-25', NULL, 'representation_age_minor', TRUE,  'Civil Code 2015 art 54: appointed for a minor', FALSE),
    ('guardian', 'guardianship_decision', '2021-02-25', NULL, NULL,                       TRUE,  'Civil Code 2015 arts 22 and 23: by a court''s decision, whatever the age', FALSE),
    ('dependant', '*', '2021-02-25', NULL, NULL, FALSE, 'seed 000: dependants with their papers; an adult acts herself', FALSE),
    ('spouse', '*', '2021-02-25', NULL, NULL, FALSE, 'seed 000: dependants with their papers; an adult acts herself', FALSE),
    ('parent', '*', '2021-02-25', NULL, NULL, FALSE, 'seed 000: dependants with their papers; an adult acts herself', FALSE),
    ('child', '*', '2021-02-25', NULL, NULL, FALSE, 'seed 000: dependants with their papers; an adult acts herself', FALSE),
    ('grandparent', '*', '2021-02-25', NULL, NULL, FALSE, 'seed 000: dependants with their papers; an adult acts herself', FALSE),
    ('grandchild', '*', '2021-02-25', NULL, NULL, FALSE, 'seed 000: dependants with their papers; an adult acts herself', FALSE),
    ('sibling', '*', '2021-02-25', NULL, NULL, FALSE, 'seed 000: dependants with their papers; an adult acts herself', FALSE),
    ('other', '*', '2021-02-25', NULL, NULL, FALSE, 'seed 000: dependants with their papers; an adult acts herself', FALSE);

-- +goose Down
DELETE FROM account_rule WHERE name IN ('representation_age_child', 'representation_age_minor', 'use_minutes', 'use_days', 'use_per_account');
ALTER TABLE account_session DROP COLUMN awaiting;
DROP TABLE account_use;
DROP TABLE account_relation;
DROP TABLE account_representation;
