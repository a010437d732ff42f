// SPDX-License-Identifier: Apache-2.0

package relyingparty

import (
	"context"
	"crypto/sha256"
	"net/url"
	"sync"
	"time"
)

// A door asks the issuer about its token again after askAgain; while the issuer
// cannot be reached the last answer counts for trust, and then nobody is signed
// in any more.
const (
	askAgain = 5 * time.Second
	trust    = time.Minute
	mostKept = 100_000
)

// standing remembers what the issuer said about tokens. It is a memory of
// seconds: a restart only asks anew.
type standing struct {
	mu sync.Mutex
	m  map[[32]byte]answer
}

type answer struct {
	asked  time.Time
	active bool
}

// stands reports whether the session behind a token has not been taken back at
// the issuer: signed out, here or everywhere, consent withdrawn, account locked
// (RFC 7662). A sealed cookie alone cannot know. It is sure unless the issuer
// could not be asked: then nobody is signed in, and nothing is forgotten.
func (c *Client) stands(ctx context.Context, token string) (stands, sure bool) {
	if token == "" {
		return true, true // kept by a version that did not ask; its time ends soon
	}
	is, err := c.discover(ctx)
	if err == nil && is.meta.Introspect == "" {
		return true, true // an issuer that answers no such question
	}
	key, now := sha256.Sum256([]byte(token)), c.c.Clock.Now()
	c.standing.mu.Lock()
	known, ok := c.standing.m[key]
	c.standing.mu.Unlock()
	if ok && (!known.active || now.Sub(known.asked) < askAgain) {
		return known.active, true
	}
	var got struct {
		Active bool `json:"active"`
	}
	if err == nil {
		err = c.post(ctx, is.meta.Introspect, url.Values{"token": {token}, "token_type_hint": {"access_token"}}, &got)
	}
	if err != nil {
		c.c.Log.WarnContext(ctx, "the issuer cannot be asked whether a session stands", "err", reason(err))
		return ok && now.Sub(known.asked) < trust, false
	}
	c.standing.mu.Lock()
	defer c.standing.mu.Unlock()
	if c.standing.m == nil || len(c.standing.m) >= mostKept {
		c.standing.m = map[[32]byte]answer{}
	}
	c.standing.m[key] = answer{asked: now, active: got.Active}
	return got.Active, true
}
