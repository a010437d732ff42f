// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"danh/account"
	"danh/account/approval"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/notify"
	"danh/partner"
	"danh/provider/claim"
	"danh/provider/detail"
	"danh/provider/words"
)

// Line is one fact on the consent page.
type Line struct {
	Field    Field
	Value    string       // "" when nothing is on record
	Words    partner.Text // for a value that is a code; zero when it speaks for itself
	Source   string       // "population registry", "residence registry", "account", "declared"
	AsOf     time.Time
	Purpose  partner.Text
	Ground   string
	Optional bool
}

// Question is what she is asked.
type Question struct {
	Client      partner.Client
	Purpose     partner.Text // of signing in
	Ground      string
	Keep        clock.Period   // how long they keep it; zero with a named purpose: not at all
	Given       []partner.Text // whom else they pass it to
	Rights      partner.Text
	Lines       []Line
	Kept        []Line         // what she agreed to before, which stands on beside the lines
	Absent      []Field        // what this partner will not get
	Details     []detail.Shown // what it would do, in full
	Offline     bool
	OfflineWhy  partner.Text
	Provisional bool
	Signs       string // the journey whose demand a yes must be proved by; "" when none is signed. The page says beforehand whether she can
	SignsIf     string // the same with every optional fact, where that is another
	Origin      string // where the answer will lead
	ExpiresAt   time.Time
	Until       time.Time // how long a yes holds
	Language    string
	Seen        string // binds her yes to all this, and to her
}

// errElsewhere says that the request does not need consent now: back to /authorize.
var errElsewhere = errors.New("provider: the request needs another step")

// Elsewhere reports that a request needs another step than consent.
func Elsewhere(err error) bool { return errors.Is(err, errElsewhere) }

// Ask prepares the consent page with the real values. Her own look at them is
// recorded like every other.
func (p *Provider) Ask(ctx context.Context, v Visit) (Question, error) {
	r, s, c, err := p.look(ctx, v)
	if err != nil {
		return Question{}, err
	}
	now := p.c.Clock.Now()
	if err := mustAsk(next(now, r, s, c)); err != nil {
		return Question{}, err
	}
	return p.question(ctx, r, s, c, now, v.Language)
}

// question is what she is asked by a request, whatever way it came.
func (p *Provider) question(ctx context.Context, r request, s *seen, c *Consent, now time.Time, language string) (Question, error) {
	w := r.asked.wants(r.client)
	all := slices.Concat(w.required, w.optional)
	look := audit.Look{By: citizen(s.Session), Purpose: "provider.consent", Ground: "own_data"}
	known, err := p.known(ctx, look, s, all)
	if err != nil {
		return Question{}, err
	}
	details, err := p.shown(r, language)
	if err != nil {
		return Question{}, err
	}
	signIn, _ := r.client.Ask(claim.OpenID)
	// What will stand after a yes is more than what this request asks for, when
	// she agreed to other facts before: the page shows all of it.
	will := p.agree(r, s, c, nil, now)
	keep, _ := clock.ParsePeriod(r.client.Only.Keep) // checked when it was registered
	q := Question{Client: r.client, Purpose: signIn.Purpose, Ground: signIn.Ground, Keep: keep, Given: r.client.Only.Given, Rights: will.Shown.Told(), Offline: will.Offline, OfflineWhy: will.Shown.Purposes[claim.Offline], Provisional: s.Provisional,
		Origin: Origin(r.asked.RedirectURI), ExpiresAt: r.expires, Until: will.ExpiresAt, Language: r.asked.Language, Seen: seenOf(r, w, will), Details: details}
	if q.Signs, err = p.signs(ctx, r, details, w.required); err != nil {
		return Question{}, err
	}
	if q.SignsIf, err = p.signs(ctx, r, details, all); err != nil {
		return Question{}, err
	}
	if q.SignsIf == q.Signs {
		q.SignsIf = ""
	}
	for _, f := range Fields {
		a, _ := r.client.Ask(claim.ScopeOf(f))
		required := slices.Contains(w.required, f)
		if !required && !slices.Contains(w.optional, f) {
			if _, ok := will.Fields[f]; ok {
				q.Kept = append(q.Kept, Line{Field: f, Purpose: a.Purpose, Ground: a.Ground})
			} else {
				q.Absent = append(q.Absent, f)
			}
			continue
		}
		fact := known[f]
		if f == claim.Match {
			fact = matching(r.client)
		}
		q.Lines = append(q.Lines, Line{Field: f, Value: fact.shown, Words: fact.words, Source: fact.source, AsOf: fact.asOf, Purpose: a.Purpose, Ground: a.Ground, Optional: !required})
	}
	slices.SortStableFunc(q.Lines, func(a, b Line) int { return order(a.Optional) - order(b.Optional) })
	return q, nil
}

// seenOf names what the consent page showed and to whom: her account, the
// request, each field with the words of today. A yes to another page is none:
// the words may have changed since, or somebody else may have signed in.
func seenOf(r request, w wanted, will *Consent) string {
	h := sha256.New()
	put := func(parts ...string) {
		for _, s := range parts {
			h.Write([]byte(s))
			h.Write([]byte{0})
		}
	}
	put(will.Account.String(), r.id.String(), version(r.client, ""), will.Shown.Rights, r.asked.Details)
	for _, f := range Fields {
		switch _, stands := will.Fields[f]; {
		case slices.Contains(w.optional, f):
			put("optional", version(r.client, f))
		case stands:
			put(version(r.client, f))
		}
	}
	if will.Offline {
		why := will.Shown.Purposes[claim.Offline]
		put("offline", why.VI, why.EN)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func order(last bool) int {
	if last {
		return 1
	}
	return 0
}

func mustAsk(s Step) error {
	switch s.Kind {
	case AskConsent:
		return nil
	case Stale:
		return errStale
	case Stranger:
		return errStranger
	}
	return errElsewhere // also Barred: /authorize says why
}

// Approve records her yes, with the optional fields that she ticked, and
// answers the client. Consent, audit entries, message and code are one commit:
// after a crash there is all of it or none.
func (p *Provider) Approve(ctx context.Context, v Visit, ticked []Field) (*Answer, error) {
	r, s, old, err := p.look(ctx, v)
	if err != nil {
		return nil, err
	}
	now := p.c.Clock.Now()
	if err := mustAsk(next(now, r, s, old)); err != nil {
		return nil, err
	}
	c := p.agree(r, s, old, ticked, now)
	if subtle.ConstantTimeCompare([]byte(v.Seen), []byte(seenOf(r, r.asked.wants(r.client), c))) != 1 {
		return nil, errElsewhere // it was a yes to another page: she is asked again
	}
	r.answered = true
	if step := next(now, r, s, c); step.Kind != Issue {
		return nil, errElsewhere
	}
	var doc *approval.Document
	if fields := r.asked.wants(r.client).released(ticked); p.takesApproval(r, fields) {
		d, err := p.document(ctx, v.Language, r, s, c, fields)
		if err != nil {
			return nil, err
		}
		if doc = &d; v.Approval.IsZero() {
			return nil, &Signature{d}
		}
	}
	c.Language = v.Language
	f := p.facts(r, s, c)
	code := p.seal(forCode, place{s.Account, r.id})
	to, err := p.c.Accounts.Recipient(ctx, s.Account)
	if err != nil {
		return nil, err
	}
	write := func(tx *db.Tx) error {
		if err := p.finishTx(ctx, tx, r, now, &f, code); err != nil {
			return err
		}
		if doc != nil {
			proved, err := p.c.Approvals.ConsumeTx(ctx, tx, s.Session, v.Approval, *doc)
			if err != nil {
				return err
			}
			c.Authenticator, c.Approval = acrOf(levelOf(s.Session), max(s.Assurance, proved.Assurance)), v.Approval
			c.Methods = proved.AMR() // what she signed by, and then what she had signed in by
			for _, m := range account.Published(s.AMR) {
				if !slices.Contains(c.Methods, m) {
					c.Methods = append(c.Methods, m)
				}
			}
			if err := p.recordDetailsTx(ctx, tx, r, s.Session, v.Approval); err != nil {
				return err
			}
		}
		if err := p.replaceConsentTx(ctx, tx, c); err != nil {
			return err
		}
		if err := p.keepSubjectTx(ctx, tx, r.client, s.Account); err != nil {
			return err
		}
		if err := p.recordConsentTx(ctx, tx, "consent.given", citizen(s.Session), c); err != nil {
			return err
		}
		if err := p.recordSignInTx(ctx, tx, r, s, f); err != nil {
			return err
		}
		return p.tellTx(ctx, tx, citizen(s.Session), to, "consent_given", r.client.Name)
	}
	if err = p.c.DB.Write(ctx, write); db.IsUnique(err) {
		err = p.c.DB.Write(ctx, write) // she agreed to another request of this client at the same instant
	}
	if err != nil {
		return nil, err
	}
	return p.answer(r.asked, r.client, url.Values{"code": {code}})
}

// agree makes the consent that follows from a yes: what stood already in the
// same words stays, optional fields are as she ticked them this time.
func (p *Provider) agree(r request, s *seen, old *Consent, ticked []Field, now time.Time) *Consent {
	w := r.asked.wants(r.client)
	c := &Consent{
		ID: id.New[consentKind](), Account: s.Account, Person: s.Person, Client: r.client.ID, Purpose: r.asked.Purpose,
		Fields: map[Field]string{"": version(r.client, "")}, Declined: map[Field]string{},
		Shown: Shown{Client: r.client.Name, Purposes: map[string]partner.Text{}, Party: r.client.Party, Grounds: map[string]string{}, Keep: r.client.Only.Keep,
			Lasts: r.client.Only.Lasts, Given: r.client.Only.Given, Rights: words.On(clock.DateOf(now)).Version}, Offline: w.offline,
		Methods:       account.Published(s.AMR),
		Authenticator: acrOf(levelOf(s.Session), max(s.Assurance, 1)), GivenAt: now, ExpiresAt: now.Add(consentLife),
	}
	if lasts, err := clock.ParsePeriod(r.client.Only.Lasts); err == nil && !lasts.IsZero() {
		c.ExpiresAt = earlier(c.ExpiresAt, lasts.After(now))
	}
	if old != nil && now.Before(old.ExpiresAt) {
		c.Offline = c.Offline || old.awayInWords(r.client)
		for f, v := range old.Fields {
			if v == version(r.client, f) {
				c.Fields[f] = v
			}
		}
		for f, v := range old.Declined {
			c.Declined[f] = v
		}
	}
	for _, f := range w.required {
		c.Fields[f] = version(r.client, f)
		delete(c.Declined, f)
	}
	for _, f := range w.optional {
		delete(c.Fields, f)
		delete(c.Declined, f)
		if slices.Contains(ticked, f) {
			c.Fields[f] = version(r.client, f)
		} else {
			c.Declined[f] = version(r.client, f)
		}
	}
	if c.Offline {
		a, _ := r.client.Ask(claim.Offline)
		c.Shown.say(claim.Offline, a)
	}
	for f := range c.Fields {
		scope := claim.OpenID
		if f != "" {
			scope = claim.ScopeOf(f)
		}
		a, _ := r.client.Ask(scope)
		c.Shown.say(scope, a)
	}
	if _, ok := c.Fields[claim.Match]; ok {
		c.Shown.Compared = compared(r.client)
	}
	return c
}

func (s *Shown) say(scope string, a partner.Ask) {
	s.Purposes[scope] = a.Purpose
	if a.Ground != "" {
		s.Grounds[scope] = a.Ground
	}
}

func (p *Provider) replaceConsentTx(ctx context.Context, tx *db.Tx, c *Consent) error {
	c.Words = c.hash()
	if _, err := tx.ExecContext(ctx, `UPDATE provider_consent SET ended_at = $3, ended_why = 'replaced' WHERE account = $1 AND client = $2 AND purpose = $4 AND ended_at IS NULL`,
		c.Account, string(c.Client), clock.Micros(c.GivenAt), c.Purpose); err != nil {
		return fmt.Errorf("replace consent: %w", err)
	}
	var parts [4]string
	for i, v := range []any{c.Fields, c.Declined, c.Shown, nonNil(c.Methods)} {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("keep consent: %w", err)
		}
		parts[i] = string(b)
	}
	var signed any
	if !c.Approval.IsZero() {
		signed = c.Approval[:]
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO provider_consent (account, id, person, client, purpose, fields, declined, shown, offline, authenticator, given_at, expires_at, language, amr, approval, words_hash)
		VALUES ($1, $2, $3, $4, $12, $5, $6, $7, $8, $9, $10, $11, $13, $14, $15, $16)`, c.Account, c.ID, c.Person, string(c.Client), parts[0], parts[1], parts[2],
		c.Offline, c.Authenticator, clock.Micros(c.GivenAt), clock.Micros(c.ExpiresAt), c.Purpose,
		c.Language, parts[3], signed, c.Words); err != nil {
		return fmt.Errorf("keep consent: %w", err)
	}
	return nil
}

func (p *Provider) recordConsentTx(ctx context.Context, tx *db.Tx, action string, by audit.Actor, c *Consent) error {
	detail := map[string]string{"client": string(c.Client)}
	if c.Purpose != "" {
		detail["purpose"] = c.Purpose
	}
	if len(c.Words) > 0 {
		detail["words"] = hex.EncodeToString(c.Words)
	}
	if !c.Approval.IsZero() {
		detail["approval"] = c.Approval.String()
	}
	return p.c.Audit.RecordTx(ctx, tx, audit.Entry{
		Actor: by, Action: action, Subject: c.Person, Purpose: "provider.consent", Ground: "consent:" + c.ID.String(),
		Fields: texts(c.List()), Detail: detail,
	})
}

// tellTx tells her, so that a consent given by somebody else at her open
// session does not stay unseen.
func (p *Provider) tellTx(ctx context.Context, tx *db.Tx, by audit.Actor, to notify.Recipient, template string, name partner.Text) error {
	if p.c.Notify == nil {
		return nil
	}
	_, err := p.c.Notify.SendTx(ctx, tx, by, notify.Message{To: to, Template: template, Purpose: "provider.consent",
		Data: map[string]string{"partner": name.In(to.Language), "at": p.c.Clock.Now().In(clock.Vietnam).Format("15:04 02/01/2006")}})
	return err
}

// Decline records her no and answers the client with it.
func (p *Provider) Decline(ctx context.Context, v Visit) (*Answer, error) {
	r, s, c, err := p.look(ctx, v)
	if err != nil {
		return nil, err
	}
	now := p.c.Clock.Now()
	if err := mustAsk(next(now, r, s, c)); err != nil {
		return nil, err
	}
	err = p.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := p.finishTx(ctx, tx, r, now, nil, ""); err != nil {
			return err
		}
		return p.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: citizen(s.Session), Action: "consent.declined", Subject: s.Person, Purpose: "provider.consent",
			Ground: "own_data", Fields: texts(r.asked.wants(r.client).required), Outcome: "refused", Detail: map[string]string{"client": string(r.client.ID)}})
	})
	if err != nil {
		return nil, err
	}
	return p.failure(r.asked, r.client, refuse("access_denied", "the person declined"))
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
