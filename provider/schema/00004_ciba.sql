-- +goose Up
-- Under which pairwise name a sector knows an account: only so can a request
-- that names her by it find her. The name itself is a keyed hash.
CREATE TABLE provider_subject (
    subject ${BYTES} NOT NULL PRIMARY KEY,
    account ${BYTES} NOT NULL
);

-- Requests that came without a browser and are answered on her phone. Of a
-- request that asks nobody, the account is a number drawn for it, so that it
-- costs the client as much and tells it as little as any other. Rows live a day.
CREATE TABLE provider_backchannel (
    account     ${BYTES} NOT NULL,
    id          ${BYTES} NOT NULL,
    client      TEXT ${C} NOT NULL,
    asked       ${JSON} NOT NULL,
    message     ${BYTES},                -- sealed: what the client's screen says beside the number
    called      ${BYTES},                -- sealed: by what the client is called back
    number      INTEGER NOT NULL,        -- two digits that the client shows
    choices     TEXT ${C} NOT NULL,      -- three numbers for her to pick from, always the same three
    state       TEXT ${C} NOT NULL,      -- asked, picked, approved, used, refused, reported, wrong, replaced, nobody
    pace        BIGINT NOT NULL,         -- seconds between two polls; grows when the client is too fast
    poll_from   BIGINT NOT NULL,         -- earlier than this a poll is too fast
    asked_at    BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    session     ${BYTES},                -- of her phone, from the right number on
    ticked      TEXT ${C} NOT NULL DEFAULT '',
    facts       ${JSON},
    answered_at BIGINT,
    used_at     BIGINT,
    called_at   BIGINT,
    PRIMARY KEY (account, id)
);
CREATE INDEX provider_backchannel_expires ON provider_backchannel (expires_at);

-- Who may not ask her: after a refusal for a while, after "it was not me" and by
-- her own word until she says otherwise. client '' is everybody.
CREATE TABLE provider_unasked (
    account  ${BYTES} NOT NULL,
    client   TEXT ${C} NOT NULL,
    why      TEXT ${C} NOT NULL,         -- refused, reported, self
    refusals INTEGER NOT NULL,
    since_at BIGINT NOT NULL,
    until_at BIGINT,                     -- NULL: until she says otherwise
    PRIMARY KEY (account, client)
);

-- +goose Down
DROP TABLE provider_unasked;
DROP TABLE provider_backchannel;
DROP TABLE provider_subject;
