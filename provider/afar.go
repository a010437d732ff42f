// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"danh/account"
	"danh/account/approval"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
	"danh/provider/claim"
	"danh/provider/jar"
)

// Afar is a checked request that a client made itself, without a browser
// (OpenID Connect Client-Initiated Backchannel Authentication 1.0, section 7.1).
// Whoever took it keeps it, and brings her to it.
type Afar struct {
	ID        [16]byte // of the request, and of the grant that comes of it
	ExpiresAt time.Time
	Client    partner.Client // as far as the request's purpose goes

	asked *asked
}

// UnwrapAfar takes such a request out of the object in which its client signed it
// (CIBA Core 1.0, section 7.1.1). A client that registered an algorithm, and
// every bank, signs them all; what stands beside the object is refused.
func (p *Provider) UnwrapAfar(ctx context.Context, c partner.Client, v url.Values) (url.Values, *jar.Object, error) {
	if !v.Has("request") {
		if c.Settings.BackchannelAlg != "" || c.Profile == partner.FAPI2 {
			return nil, nil, refuse("invalid_request", "this client signs its requests")
		}
		return v, nil, nil
	}
	if len(v) > 1 {
		return nil, nil, refuse("invalid_request", "nothing stands beside a signed request")
	}
	if c.Settings.BackchannelAlg == "" {
		return nil, nil, refuse("invalid_request", "this client has not registered that it signs its requests")
	}
	o, err := jar.Read(v.Get("request"), jar.Rules{Client: string(c.ID), Issuer: p.c.Issuer, Algorithm: c.Settings.BackchannelAlg,
		Keys:   func(kid string) []jose.JSONWebKey { return p.KeysOf(ctx, c, kid).Keys },
		Strict: true, Dated: true, Now: p.c.Clock.Now()})
	if err != nil {
		return nil, nil, refuse("invalid_request", badObject(err).Description)
	}
	return o.Values, &o, nil
}

// UseObjectTx uses up the object in which a request came.
func (p *Provider) UseObjectTx(ctx context.Context, tx *db.Tx, c partner.Client, o *jar.Object) error {
	return useObjectTx(ctx, tx, c, o)
}

// ReadAfar checks what a client asks for without a browser: scopes with their
// purpose, claims, classes. Whom it is about is not looked at here.
func (p *Provider) ReadAfar(c partner.Client, v url.Values) (Afar, error) {
	if bad := single(v); bad != nil {
		return Afar{}, bad
	}
	a := &asked{}
	narrow, bad := a.readPurpose(c, v.Get("scope"))
	if bad != nil {
		return Afar{}, bad
	}
	if bad = a.readScopes(narrow, v.Get("scope")); bad != nil {
		return Afar{}, bad
	}
	if a.Resources, bad = p.readResources(c, v["resource"]); bad != nil {
		return Afar{}, bad
	}
	if a.Details, bad = p.readDetails(c, v.Get("authorization_details")); bad != nil {
		return Afar{}, bad
	}
	a.ACR = c.DefaultACR
	if v.Has("acr_values") {
		if a.ACR = strings.Fields(v.Get("acr_values")); len(a.ACR) > 16 {
			return Afar{}, refuse("invalid_request", "acr_values has too many values")
		}
	}
	if s := v.Get("claims"); s != "" {
		var err error
		if a.Request, err = claim.Parse(s, a.ACR); errors.Is(err, claim.ErrVerified) {
			return Afar{}, refuse("invalid_request", "verified_claims does not have the form of OpenID Connect for Identity Assurance")
		} else if err != nil {
			return Afar{}, refuse("invalid_request", "claims is not a JSON object of at most 8 KiB")
		}
	}
	for tag := range strings.FieldsSeq(v.Get("ui_locales")) {
		if base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base == "vi" || base == "en" {
			a.Language = base
			break
		}
	}
	return Afar{Client: narrow, asked: a}, nil
}

// Text is the request as it is kept.
func (a Afar) Text() (string, error) {
	b, err := json.Marshal(a.asked)
	if err != nil {
		return "", fmt.Errorf("keep request: %w", err)
	}
	return string(b), nil
}

// OpenAfar reads a kept request. One whose client, or whose purpose, was taken
// back since is a fault.
func (p *Provider) OpenAfar(ctx context.Context, client partner.ID, text string) (Afar, error) {
	a := Afar{asked: &asked{}}
	if err := json.Unmarshal([]byte(text), a.asked); err != nil {
		return a, fmt.Errorf("read request: %w", err)
	}
	c, err := p.findClient(ctx, client)
	if rest := p.rests(ctx, c, string(client), err); rest != nil {
		return a, rest
	}
	if fault.Is(err, fault.NotFound) {
		return a, errUnknown
	}
	if err != nil {
		return a, err
	}
	var ok bool
	if a.Client, ok = c.For(a.asked.Purpose); !ok {
		return a, errUnknown
	}
	return a, nil
}

func (p *Provider) afar(ctx context.Context, q db.Q, s account.Session, a Afar) (request, *seen, *Consent, error) {
	r := request{id: grantID(a.ID), client: a.Client, asked: a.asked, expires: a.ExpiresAt}
	if ok, err := p.Admits(ctx, a.Client, s); err != nil || !ok {
		return r, nil, nil, errors.Join(err, errTrial(a.Client))
	}
	c, err := p.currentConsent(ctx, q, s.Account, a.Client.ID, a.asked.Purpose)
	return r, &seen{Session: s, subject: p.subject(a.Client, s.Account)}, c, err
}

// AskAfar is what she is asked by such a request, with the real values, as the
// consent page asks it.
func (p *Provider) AskAfar(ctx context.Context, s account.Session, a Afar, language string) (Question, error) {
	r, seen, c, err := p.afar(ctx, p.c.DB.Read(), s, a)
	if err != nil {
		return Question{}, err
	}
	return p.question(ctx, r, seen, c, p.c.Clock.Now(), language)
}

// DocumentAfar is what she signs when she says yes: the same facts, and between
// them and whom they go to what the caller adds. Its demand is the caller's,
// or the stronger one that holds for the personal number.
func (p *Provider) DocumentAfar(ctx context.Context, s account.Session, a Afar, ticked []Field, language, journey, title string, more []approval.Field) (approval.Document, error) {
	r, seen, c, err := p.afar(ctx, p.c.DB.Read(), s, a)
	if err != nil {
		return approval.Document{}, err
	}
	fields := a.asked.wants(a.Client).released(ticked)
	doc, err := p.document(ctx, language, r, seen, p.agree(r, seen, c, ticked, p.c.Clock.Now()), fields)
	if err != nil {
		return doc, err
	}
	if a.asked.Details == "" {
		doc.Title = title
		if !slices.Contains(fields, claim.Number) {
			doc.Journey = journey
		}
	}
	doc.Fields = slices.DeleteFunc(doc.Fields, func(f approval.Field) bool { return f.Label == "approval.site" })
	doc.Fields = slices.Concat(doc.Fields[:1:1], more, doc.Fields[1:])
	return doc, nil
}

// errTooWeak says that what she proved is less than the request's fields, or its
// client, must have.
var errTooWeak = fault.New(fault.Invalid, "account.approval.weak")

// ApproveAfarTx takes her yes, which proved has just been shown for: the consent
// is kept where it is another than the one that stands, and what the grant
// knows of how it came about is given back to be kept.
func (p *Provider) ApproveAfarTx(ctx context.Context, tx *db.Tx, s account.Session, a Afar, ticked []Field, proved account.Proved, by approval.ID, language string) (string, error) {
	now := p.c.Clock.Now()
	s.AuthTime, s.Assurance, s.AMR = now, proved.Assurance, proved.AMR() // she signed in to this by the proof, whatever the session may be
	r, seen, old, err := p.afar(ctx, tx, s, a)
	if err != nil {
		return "", err
	}
	w := a.asked.wants(a.Client)
	floor, err := p.floor(ctx, w)
	if err != nil {
		return "", err
	}
	if !seen.holds(floor) || !seen.holds(a.asked.ACRMust) {
		return "", errTooWeak
	}
	c := p.agree(r, seen, old, ticked, now)
	if old != nil && now.Before(old.ExpiresAt) && old.Offline == c.Offline && maps.Equal(old.Fields, c.Fields) {
		c = old
	} else {
		c.Approval, c.Language = by, language
		if err := p.replaceConsentTx(ctx, tx, c); err != nil {
			return "", err
		}
		if err := p.keepSubjectTx(ctx, tx, a.Client, s.Account); err != nil {
			return "", err
		}
		if err := p.recordConsentTx(ctx, tx, "consent.given", citizen(s), c); err != nil {
			return "", err
		}
		to, err := p.c.Accounts.RecipientTx(ctx, tx, s.Account)
		if err != nil {
			return "", err
		}
		if err := p.tellTx(ctx, tx, citizen(s), to, "consent_given", a.Client.Name); err != nil {
			return "", err
		}
	}
	if err := p.recordDetailsTx(ctx, tx, r, s, by); err != nil {
		return "", err
	}
	f := p.facts(r, seen, c)
	if err := p.recordSignInTx(ctx, tx, r, seen, f); err != nil {
		return "", err
	}
	b, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("finish request: %w", err)
	}
	return string(b), nil
}

// ErrWithdrawn says that she took her yes back before it was used.
var ErrWithdrawn = refuse("access_denied", "the person took it back")

// GrantedAfar is a grant that was kept and whose tokens are about to be issued.
type GrantedAfar struct {
	g       grant
	refresh string
	at      time.Time
}

// MustProve refuses a caller that has not proved what its client promised to prove
// (FAPI-CIBA, section 5.2.2): before it learns how far a request is.
func (p *Provider) MustProve(c partner.Client, b Binding) error {
	_, err := confirm(c, b)
	return err
}

// GrantAfarTx makes the grant of an approved request, for the client that made
// it. Whoever calls it has used the request up in this transaction, and lets an
// error undo that: a client that proved too little, or asks for another
// resource, may try again. ErrWithdrawn alone is final.
func (p *Provider) GrantAfarTx(ctx context.Context, tx *db.Tx, c partner.Client, b Binding, of account.ID, id [16]byte, askedText, factsText string, less ...Narrow) (GrantedAfar, error) {
	now := p.c.Clock.Now()
	out := GrantedAfar{g: grant{place: place{of, grantID(id)}, client: c}, at: now}
	var err error
	if out.g.binding, err = confirm(c, b); err != nil {
		return out, err
	}
	g := &out.g
	if err := json.Unmarshal([]byte(askedText), &g.asked); err != nil {
		return out, fmt.Errorf("read request: %w", err)
	}
	if err := json.Unmarshal([]byte(factsText), &g.facts); err != nil {
		return out, fmt.Errorf("read request: %w", err)
	}
	var ok bool
	if g.client, ok = c.For(g.asked.Purpose); !ok {
		return out, errGrant
	}
	if err := p.narrow(g, nil); err != nil {
		return out, err
	}
	if err := p.narrow(g, less); err != nil {
		return out, err
	}
	stands, err := p.readConsentTx(ctx, tx, g, now)
	if err != nil {
		return out, err
	}
	if !stands { // withdrawn since she said yes
		return out, ErrWithdrawn
	}
	out.refresh, err = p.keepGrantTx(ctx, tx, g, askedText, factsText, now)
	return out, err
}

// IssueAfar signs the tokens. The ID token names the request, so that a client
// with several under way cannot mix them up.
func (p *Provider) IssueAfar(ctx context.Context, out GrantedAfar, request string) (Tokens, error) {
	if err := p.mustLive(ctx, out.g.place, out.g.facts.Session, out.g.offline); err != nil {
		return Tokens{}, err
	}
	out.g.heed()
	out.g.afar = request
	return p.issue(ctx, out.g, out.refresh, "", out.at)
}

// DeclinedAfarTx records her no to what such a request asked for.
func (p *Provider) DeclinedAfarTx(ctx context.Context, tx *db.Tx, s account.Session, a Afar) error {
	return p.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: citizen(s), Action: "consent.declined", Subject: s.Person, Purpose: "provider.consent",
		Ground: "own_data", Fields: texts(a.asked.wants(a.Client).required), Outcome: "refused", Detail: map[string]string{"client": string(a.Client.ID)}})
}

// keepSubjectTx keeps under which name a client's sector knows her from now on.
func (p *Provider) keepSubjectTx(ctx context.Context, tx *db.Tx, c partner.Client, a account.ID) error {
	if c.OwnDoor {
		return nil
	}
	name, err := base64.RawURLEncoding.DecodeString(p.subject(c, a))
	if err != nil {
		return fmt.Errorf("keep a pairwise name: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO provider_subject (subject, account) VALUES ($1, $2) ON CONFLICT (subject) DO NOTHING`, name, a); err != nil {
		return fmt.Errorf("keep a pairwise name: %w", err)
	}
	return nil
}

// FindSubjectTx finds whom a client knows by a pairwise name; the zero key when
// nobody, or when another sector knows her by it.
func (p *Provider) FindSubjectTx(ctx context.Context, tx *db.Tx, c partner.Client, subject string) (account.ID, error) {
	return p.findSubject(ctx, tx, c, subject)
}

func (p *Provider) findSubject(ctx context.Context, q db.Q, c partner.Client, subject string) (account.ID, error) {
	name, err := base64.RawURLEncoding.Strict().DecodeString(subject)
	if err != nil || len(name) != 32 {
		return account.ID{}, nil
	}
	var a account.ID
	found := false
	if err := db.Each(ctx, q, `SELECT account FROM provider_subject WHERE subject = $1`, []any{name}, func(r db.Row) error {
		found = true
		return r.Scan(&a)
	}); err != nil {
		return account.ID{}, fmt.Errorf("find a pairwise name: %w", err)
	}
	if !found || p.subject(c, a) != subject {
		return account.ID{}, nil
	}
	return a, nil
}

// HintedSubject reads the subject of an ID token that a client got from here;
// it may have expired.
func (p *Provider) HintedSubject(hint string, c partner.Client) (string, error) {
	sub, err := p.hintedSubject(hint, c)
	if err != nil {
		return "", refuse("invalid_request", "id_token_hint is not an ID token for this client")
	}
	return sub, nil
}

// HintToken reads whom a client means by a token that it signed itself (CIBA Core
// 1.0, section 7.1, login_hint_token): sub is the pairwise name by which it knows
// her. It is addressed to this issuer and says until when it is good.
func (p *Provider) HintToken(ctx context.Context, text string, c partner.Client) (string, error) {
	bad := refuse("invalid_request", "login_hint_token is not a token that the client signed for this server")
	if len(text) > 8<<10 {
		return "", bad
	}
	o, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA})
	if err != nil || len(o.Signatures) != 1 || !p.verifiedBy(ctx, c, o) {
		return "", bad
	}
	var a struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience audience `json:"aud"`
		Expires  float64  `json:"exp"`
	}
	now := p.c.Clock.Now()
	if json.Unmarshal(o.UnsafePayloadWithoutVerification(), &a) != nil || a.Issuer != string(c.ID) || !slices.Contains(a.Audience, p.c.Issuer) || a.Subject == "" || len(a.Subject) > 200 {
		return "", bad
	}
	if a.Expires == 0 || !now.Before(time.Unix(int64(min(a.Expires, 1e11)), 0).Add(assertionDrift)) {
		return "", refuse("expired_login_hint_token", "login_hint_token has expired")
	}
	return a.Subject, nil
}

// NotificationURI is where a client is called back; "" when nowhere.
func (p *Provider) NotificationURI(ctx context.Context, client string) (string, error) {
	c, err := p.c.Partners.FindClient(ctx, partner.ID(client))
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return c.Settings.NotificationURI, err
}

// describeAfar adds what is offered without a browser (CIBA Core 1.0, section 4).
func (p *Provider) describeAfar(doc map[string]any) {
	doc["grant_types_supported"] = append(doc["grant_types_supported"].([]string), "urn:openid:params:grant-type:ciba")
	doc["backchannel_authentication_endpoint"] = p.c.Issuer + BackchannelPath
	doc["backchannel_token_delivery_modes_supported"] = []string{"poll", "ping"}
	doc["backchannel_authentication_request_signing_alg_values_supported"] = partner.SigningAlgs
	doc["backchannel_user_code_parameter_supported"] = false
}
