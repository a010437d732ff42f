-- +goose Up
INSERT INTO account_demand (journey, valid_from, valid_to, level, assurance, max_age_seconds, source, verified) VALUES
    ('backchannel_approve', '2024-07-01', NULL, 1, 2, 0, 'house rule, decision 0036: a yes to a request from afar is proved at the act', TRUE);

INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES
    ('backchannel_seconds',       '2024-07-01', NULL, 300,   'house rule: a partner''s request waits so long for her answer when it does not say', TRUE),
    ('backchannel_least_seconds', '2024-07-01', NULL, 30,    'house rule: the shortest wait that a partner may ask for', TRUE),
    ('backchannel_most_seconds',  '2024-07-01', NULL, 600,   'house rule: the longest', TRUE),
    ('backchannel_poll_seconds',  '2024-07-01', NULL, 5,     'CIBA Core 1.0, section 7.3: the least time between two polls', TRUE),
    ('backchannel_per_client',    '2024-07-01', NULL, 6,     'house rule: requests of one partner to one person within an hour', TRUE),
    ('backchannel_per_person',    '2024-07-01', NULL, 10,    'house rule: requests of all partners to one person within an hour', TRUE),
    ('backchannel_waiting',       '2024-07-01', NULL, 3,     'house rule: requests that wait for one person at a time', TRUE),
    ('backchannel_pause_minutes', '2024-07-01', NULL, 10,    'house rule: after a refusal that partner''s requests do not reach her for so long; four times as long after each further one', TRUE),
    ('backchannel_pause_most',    '2024-07-01', NULL, 10080, 'house rule: no such pause is longer than so many minutes', TRUE),
    ('backchannel_forget_days',   '2024-07-01', NULL, 30,    'house rule: after so many days a refusal does not lengthen the next pause', TRUE);

-- +goose Down
DELETE FROM account_rule WHERE name LIKE 'backchannel_%';
DELETE FROM account_demand WHERE journey = 'backchannel_approve';
