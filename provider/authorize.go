// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/provider/claim"
	"danh/provider/jar"
)

// Pushed is the answer to a pushed request (RFC 9126, section 2.2).
type Pushed struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int    `json:"expires_in"`
}

const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// Push keeps a client's authorization request until a browser brings its name
// (RFC 9126).
func (p *Provider) Push(ctx context.Context, c partner.Client, b Binding, v url.Values) (Pushed, error) {
	if bad := single(v); bad != nil {
		return Pushed{}, bad
	}
	if v.Has("request_uri") {
		return Pushed{}, refuse("invalid_request", "request_uri must not be pushed")
	}
	if got := v.Get("client_id"); got != "" && got != string(c.ID) {
		return Pushed{}, refuse("invalid_request", "client_id is another client's")
	}
	v, o, bad := p.unwrap(ctx, c, v)
	if bad != nil {
		return Pushed{}, bad
	}
	a, bad := p.read(c, v)
	if bad != nil {
		return Pushed{}, bad
	}
	if err := a.hold(c, b); err != nil {
		return Pushed{}, err
	}
	handle, err := p.keep(ctx, c, a, o, nil, pushedLife)
	if err != nil {
		return Pushed{}, err
	}
	return Pushed{requestURIPrefix + handle, int(pushedLife / time.Second)}, nil
}

// hold binds a request to the keys that were proved when it was pushed: whoever
// gets hold of the code cannot redeem it without them (RFC 9449, section 10.1).
func (a *asked) hold(c partner.Client, b Binding) error {
	if b.JKT != "" {
		if a.Bound.JKT != "" && a.Bound.JKT != b.JKT {
			return refuse(InvalidProof, "dpop_jkt names another key than the DPoP proof")
		}
		a.Bound.JKT = b.JKT
	}
	if c.Settings.TLSBound {
		a.Bound.X5T = b.X5T
	}
	return nil
}

// mustPush reports whether a client's requests must come by the back channel.
func mustPush(c partner.Client) bool { return c.Profile == partner.FAPI2 || c.Settings.RequirePushed }

// keep writes a request down, and with it that its request object, if it came in
// one, was used.
func (p *Provider) keep(ctx context.Context, c partner.Client, a *asked, o *jar.Object, browser []byte, life time.Duration) (string, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("keep request: %w", err)
	}
	id, handle := newHandle()
	now := p.c.Clock.Now()
	err = p.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := useObjectTx(ctx, tx, c, o); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO provider_request (id, handle_hash, client, asked, created_at, expires_at, browser)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, id, hash(handle), string(c.ID), string(text), clock.Micros(now), clock.Micros(now.Add(life)), browser)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keep request: %w", err)
	}
	return handle, nil
}

// Faults of the browser's side, shown as pages because no client can be told.
var (
	errStale    = fault.New(fault.Conflict, "provider.stale")
	errStranger = fault.New(fault.Forbidden, "provider.stranger")
	errUnknown  = fault.New(fault.Invalid, "provider.client")
)

// Begin reads what a browser brought to the authorization endpoint: the name of
// a pushed request, or a whole request. It returns the request's handle, or the
// client's error answer. A client or redirect address that is not registered
// is a fault: then nobody may be told by redirect (RFC 6749, section 4.1.2.1).
// Without a browser's mark the request waits, shortly, for the first browser
// that brings its handle, as a pushed one does.
func (p *Provider) Begin(ctx context.Context, v url.Values, browser string) (handle string, out *Answer, err error) {
	if bad := single(v); bad != nil {
		return "", nil, errUnknown
	}
	c, err := p.findClient(ctx, partner.ID(v.Get("client_id")))
	if rest := p.rests(ctx, c, v.Get("client_id"), err); rest != nil {
		return "", nil, rest
	}
	if fault.Is(err, fault.NotFound) {
		return "", nil, errUnknown
	}
	if err != nil {
		return "", nil, err
	}
	if name := v.Get("request_uri"); name != "" {
		// Only a name that was given here is looked up; nothing is ever fetched. Clients
		// of OpenID Connect repeat some parameters beside it (Core 1.0, section 6.1):
		// what was not pushed was not authenticated, and is not read (RFC 9101, section
		// 6.3). Two requests in one are none (section 5).
		handle, ok := strings.CutPrefix(name, requestURIPrefix)
		if !ok || v.Has("request") {
			return "", nil, errStale
		}
		r, err := p.findRequest(ctx, handle)
		if err != nil {
			return "", nil, err
		}
		if r.client.ID != c.ID {
			return "", nil, errStale
		}
		return handle, nil, nil
	}
	v, o, bad := p.unwrap(ctx, c, v)
	to, unknown := redirect(c, v)
	if unknown != nil {
		return "", nil, errUnknown
	}
	var a *asked
	if bad == nil && mustPush(c) {
		bad = refuse("invalid_request", "this client must push its requests (RFC 9126)")
	}
	if bad == nil {
		a, bad = p.read(c, v)
	}
	if bad == nil {
		if browser == "" {
			handle, err = p.keep(ctx, c, a, o, nil, pushedLife)
		} else {
			handle, err = p.keep(ctx, c, a, o, hash(browser), requestLife)
		}
		if !errors.As(err, &bad) {
			return handle, nil, err
		}
	}
	brief := &asked{RedirectURI: to, State: v.Get("state")}
	if len(brief.State) > maxOpaque {
		brief.State = ""
	}
	brief.Mode, _ = readMode(v.Get("response_mode"))
	out, err = p.failure(brief, c, bad)
	return "", out, err
}

// Visit is a browser at a request: the request's handle, the browser's cookie
// and who is signed in, if anybody.
type Visit struct {
	Handle  string
	Browser string
	Session *account.Session
	Seen    string // with Approve: what the page showed, from its Question

	Language string      // with Approve: of the page
	Approval approval.ID // with Approve: what she signed, when it takes that
}

// Decision says what the door does now.
type Decision struct {
	Step
	Answer   *Answer // with Issue and Refuse
	Language string  // what the client asked for in ui_locales, or ""
}

func (p *Provider) findRequest(ctx context.Context, handle string) (request, error) {
	key, ok := parseHandle(handle)
	if !ok {
		return request{}, errStale
	}
	var r request
	var client, text string
	var created, expires int64
	var finished sql.NullInt64
	err := p.c.DB.Read().QueryRowContext(ctx, `SELECT client, asked, created_at, expires_at, browser, finished_at FROM provider_request
		WHERE id = $1 AND handle_hash = $2`, key, hash(handle)).Scan(&client, &text, &created, &expires, &r.browser, &finished)
	if errors.Is(err, sql.ErrNoRows) {
		return request{}, errStale
	}
	if err != nil {
		return request{}, fmt.Errorf("find request: %w", err)
	}
	r.id, r.created, r.expires, r.finished = key, clock.FromMicros(created), clock.FromMicros(expires), finished.Valid
	r.asked = &asked{}
	if err := json.Unmarshal([]byte(text), r.asked); err != nil {
		return request{}, fmt.Errorf("read request: %w", err)
	}
	if r.client, err = p.findClient(ctx, partner.ID(client)); err != nil {
		if rest := p.rests(ctx, r.client, client, err); rest != nil {
			return request{}, rest
		}
		if fault.Is(err, fault.NotFound) {
			return request{}, errUnknown // retired since
		}
		return request{}, err
	}
	// From here on the client is what it may be for this purpose, and no more.
	if r.client, ok = r.client.For(r.asked.Purpose); !ok {
		return request{}, errUnknown // the purpose was taken back since
	}
	return r, nil
}

// ReturnOrigin is the origin to which a request's answer will lead, or "" when
// it is none of ours. Pages whose form may end there let it into form-action.
func (p *Provider) ReturnOrigin(ctx context.Context, handle string) string {
	r, err := p.findRequest(ctx, handle)
	if err != nil || r.finished {
		return ""
	}
	return Origin(r.asked.RedirectURI)
}

// Asker is the public name of the client whose request is under way, empty when
// there is none. Pages on the way to its answer say for whom they ask.
func (p *Provider) Asker(ctx context.Context, handle string) partner.Text {
	r, err := p.findRequest(ctx, handle)
	if err != nil || r.finished {
		return partner.Text{}
	}
	return r.client.Name
}

// look gathers everything that next decides from.
func (p *Provider) look(ctx context.Context, v Visit) (r request, s *seen, c *Consent, err error) {
	if r, err = p.findRequest(ctx, v.Handle); err != nil {
		return r, nil, nil, err
	}
	if v.Browser != "" {
		r.caller = hash(v.Browser)
	}
	if v.Session != nil {
		if v.Session.Acting != nil {
			// What a representative lets in ends with her acting: nothing is given that
			// could be used when she is away.
			r.asked.Scopes = slices.DeleteFunc(r.asked.Scopes, func(s string) bool { return s == claim.Offline })
		}
		r.outside = p.outside(r, *v.Session)
		r.asked.organisation = actsForBody(*v.Session)
		s = &seen{Session: *v.Session, subject: p.subject(r.client, v.Session.Account)}
		var admitted bool
		if admitted, err = p.Admits(ctx, r.client, *v.Session); err != nil {
			return r, nil, nil, err
		}
		r.barred = !admitted
		if r.floor, err = p.floor(ctx, r.asked.wants(r.client)); err != nil {
			return r, nil, nil, err
		}
		if err = p.detailFloor(ctx, &r); err != nil {
			return r, nil, nil, err
		}
		if len(r.asked.ACRMust)+len(r.asked.ACR)+len(r.floor) > 0 {
			if s.reach, err = p.c.Accounts.Reach(ctx, s.Session); err != nil {
				return r, nil, nil, err
			}
		}
		c, err = p.currentConsent(ctx, p.c.DB.Read(), v.Session.Account, r.client.ID, r.asked.Purpose)
	}
	return r, s, c, err
}

// Continue takes a request one step further: it decides, binds the request to
// the browser on its first hop, and finishes it when it can be finished.
func (p *Provider) Continue(ctx context.Context, v Visit) (Decision, error) {
	r, s, c, err := p.look(ctx, v)
	if err != nil {
		return Decision{}, err
	}
	now := p.c.Clock.Now()
	d := Decision{Step: next(now, r, s, c), Language: r.asked.Language}
	switch d.Kind {
	case Stale:
		return d, errStale
	case Stranger:
		return d, errStranger
	case Barred:
		return d, errTrial(r.client)
	case Outside:
		return d, errOutside(r.client)
	case Refuse:
		if d.Answer, err = p.failure(r.asked, r.client, refuse(d.Error, "")); err != nil {
			return Decision{}, err
		}
		return d, p.c.DB.Write(ctx, func(tx *db.Tx) error { return p.finishTx(ctx, tx, r, now, nil, "") })
	case Issue:
		f := p.facts(r, s, c)
		code := p.seal(forCode, place{s.Account, r.id})
		err := p.c.DB.Write(ctx, func(tx *db.Tx) error {
			if err := p.finishTx(ctx, tx, r, now, &f, code); err != nil {
				return err
			}
			return p.recordSignInTx(ctx, tx, r, s, f)
		})
		if err != nil {
			return Decision{}, err
		}
		d.Answer, err = p.answer(r.asked, r.client, url.Values{"code": {code}})
		return d, err
	}
	if r.browser == nil {
		return d, p.bind(ctx, r, now)
	}
	return d, nil
}

// bind ties a pushed request to the first browser that brings it, and gives
// the person in it time.
func (p *Provider) bind(ctx context.Context, r request, now time.Time) error {
	if r.caller == nil {
		return errStranger
	}
	return p.c.DB.Write(ctx, func(tx *db.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE provider_request SET browser = $2, expires_at = $3
			WHERE id = $1 AND finished_at IS NULL AND (browser IS NULL OR browser = $2)`, r.id, r.caller, clock.Micros(now.Add(requestLife)))
		if err != nil {
			return fmt.Errorf("bind request: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(errStranger, err)
		}
		return nil
	})
}

// finishTx ends a request, once: of many that try, one gets through. Nothing
// resumes it afterwards.
func (p *Provider) finishTx(ctx context.Context, tx *db.Tx, r request, now time.Time, f *facts, code string) error {
	if r.caller == nil {
		return errStranger
	}
	var facts, codeHash, codeUntil any
	if f != nil {
		b, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("finish request: %w", err)
		}
		facts, codeHash, codeUntil = string(b), hash(code), clock.Micros(now.Add(codeLife))
	}
	res, err := tx.ExecContext(ctx, `UPDATE provider_request SET finished_at = $2, browser = $3, facts = $4, code_hash = $5, code_expires_at = $6
		WHERE id = $1 AND finished_at IS NULL AND expires_at > $2 AND (browser IS NULL OR browser = $3)`,
		r.id, clock.Micros(now), r.caller, facts, codeHash, codeUntil)
	if err != nil {
		return fmt.Errorf("finish request: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errStale, err)
	}
	return nil
}

// facts is what a grant knows of how it came about.
type facts struct {
	Person    id.Person         `json:"p"`
	Session   account.SessionID `json:"s"`
	AuthTime  int64             `json:"at"`
	AMR       []string          `json:"amr"`
	ACR       string            `json:"acr"`
	Fields    []Field           `json:"f"`
	Consent   ConsentID         `json:"c"`
	Scopes    []string          `json:"sc"`
	Language  string            `json:"l,omitempty"`
	ConsentTo int64             `json:"ct"`            // until when the consent stands
	Act       *act              `json:"act,omitempty"` // who acted for her; nil: she herself
	Details   string            `json:"rd,omitempty"`  // digest of what she authorised
}

func (p *Provider) facts(r request, s *seen, c *Consent) facts {
	f := facts{
		Person: s.Person, Session: s.ID, AuthTime: s.AuthTime.Unix(), AMR: account.Published(s.AMR), ACR: r.asked.achieved(s.Session),
		Fields: c.release(r.asked.wants(r.client)), Consent: c.ID, Scopes: r.asked.Scopes, Language: r.asked.Language, ConsentTo: clock.Micros(c.ExpiresAt),
	}
	if r.asked.Details != "" {
		f.Details = digest(r.asked.Details)
	}
	if s.Acting != nil {
		f.Act = &act{s.Acting.Account, s.Acting.Relation, s.Acting.Until, s.Acting.EndsAt.Unix(), actsForBody(s.Session)}
	}
	return f
}

// act is the representative who acted when a grant came about.
type act struct {
	Account  account.ID `json:"a"`
	Relation string     `json:"r"`
	Until    clock.Date `json:"u,omitzero"`
	Ends     int64      `json:"e"`
	Body     bool       `json:"b,omitempty"` // for an organisation
}

// citizen is the signed-in person as an actor.
func citizen(s account.Session) audit.Actor {
	return s.Actor()
}

func (p *Provider) recordSignInTx(ctx context.Context, tx *db.Tx, r request, s *seen, f facts) error {
	return p.c.Audit.RecordTx(ctx, tx, audit.Entry{
		Actor: citizen(s.Session), Action: "provider.signed_in", Subject: s.Person, Purpose: "provider.sign_in",
		Ground: "consent:" + f.Consent.String(), Fields: texts(f.Fields), Detail: map[string]string{"client": string(r.client.ID), "acr": f.ACR},
	})
}

func texts(fields []Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = string(f)
	}
	return out
}
