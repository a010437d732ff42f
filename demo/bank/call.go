// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// call is a request to a customer's phone (OpenID CIBA Core 1.0): somebody stands
// at the counter and says who she is, and she confirms it in her own app.
type call struct {
	Name    string // ours, for the page
	Number  string // to be read out: she picks it on her phone
	State   string // "waiting", "approved", "denied", "expired", "failed"
	Binding string
	Subject string

	id      string
	notice  string // bearer of the ping
	ask     chan struct{}
	expires time.Time
}

// ring begins a request for a customer that the bank knows.
func (b *bank) ring(w http.ResponseWriter, r *http.Request) {
	subject := strings.TrimSpace(r.PostFormValue("subject"))
	b.mu.Lock()
	_, known := b.customers[subject]
	b.mu.Unlock()
	if !known {
		b.show(w, r, http.StatusUnprocessableEntity, "unknown_customer", nil)
		return
	}
	c := &call{Name: rand.Text(), State: "waiting", Binding: "SH-" + rand.Text()[:4], Subject: subject, notice: rand.Text(), ask: make(chan struct{}, 1)}
	var out struct {
		ID       string `json:"auth_req_id"`
		Expires  int    `json:"expires_in"`
		Interval int    `json:"interval"`
		Match    string `json:"danh_match"`
	}
	now := time.Now()
	request, err := sign(b.fapi.keys.client, "JWT", false, map[string]any{"iss": b.c.Client, "aud": b.c.Issuer, "jti": rand.Text(), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"scope": "openid purpose:counter profile", "login_hint": subject, "binding_message": c.Binding, "client_notification_token": c.notice, "requested_expiry": 180})
	if err == nil {
		err = b.fapi.post(r.Context(), b.fapi.at.CIBA, url.Values{"request": {request}}, &out)
	}
	if err != nil {
		b.fail(w, r, "Danh did not ring", err)
		return
	}
	c.id, c.Number, c.expires = out.ID, out.Match, time.Now().Add(time.Duration(out.Expires)*time.Second)
	b.mu.Lock()
	b.calls[c.Name] = c
	b.mu.Unlock()
	go b.wait(context.WithoutCancel(r.Context()), c, time.Duration(max(out.Interval, 1))*time.Second)
	http.Redirect(w, r, "/call/"+c.Name, http.StatusSeeOther)
}

func (b *bank) ringing(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	c := b.calls[r.PathValue("name")]
	b.mu.Unlock()
	if c == nil {
		http.NotFound(w, r)
		return
	}
	if c.State == "waiting" {
		w.Header().Set("Refresh", "3")
	}
	b.show(w, r, http.StatusOK, "", c)
}

// ping is told that an answer is there (CIBA, section 10.2).
func (b *bank) ping(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ID string `json:"auth_req_id"`
	}
	scheme, bearer, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10)).Decode(&body) != nil || !strings.EqualFold(scheme, "Bearer") {
		http.Error(w, "no such request", http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if subtle.ConstantTimeCompare([]byte(c.id), []byte(body.ID)) == 1 && subtle.ConstantTimeCompare([]byte(c.notice), []byte(bearer)) == 1 {
			select {
			case c.ask <- struct{}{}:
			default:
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	http.Error(w, "no such request", http.StatusUnauthorized)
}

// wait asks for the tokens, in the interval that the server wants or when it
// was told.
func (b *bank) wait(ctx context.Context, c *call, interval time.Duration) {
	for time.Now().Before(c.expires.Add(interval)) {
		select {
		case <-time.After(interval):
		case <-c.ask:
		}
		var t tokens
		err := b.fapi.post(ctx, b.fapi.at.Token, url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {c.id}}, &t)
		var e *answerError
		switch {
		case err == nil:
			it, err := b.fapi.verify(ctx, t)
			if err != nil || it.Subject != c.Subject {
				b.log.Error("the ID token is not good", "err", err)
				b.settle(c, "failed")
				return
			}
			b.settle(c, "approved")
			return
		case errors.As(err, &e) && e.Code == "authorization_pending":
		case errors.As(err, &e) && e.Code == "slow_down":
			interval += 5 * time.Second
		case errors.As(err, &e) && e.Code == "access_denied":
			b.settle(c, "denied")
			return
		case errors.As(err, &e) && e.Code == "expired_token":
			b.settle(c, "expired")
			return
		default:
			b.log.Error("the tokens were refused", "err", err)
			b.settle(c, "failed")
			return
		}
	}
	b.settle(c, "expired")
}

func (b *bank) settle(c *call, state string) {
	b.mu.Lock()
	c.State = state
	b.mu.Unlock()
}
