// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"danh/account"
	"danh/partner"
)

// Kind is what a request needs next.
type Kind string

// The steps. Each ends with the browser back at /authorize, where next decides
// again from what is stored; no step leads to another by itself.
const (
	Stale          Kind = "stale"           // finished, expired or unknown: nothing more will come of it
	Stranger       Kind = "stranger"        // another browser began it
	Barred         Kind = "barred"          // the client is under trial, and she is not one of those whom it is for
	Outside        Kind = "outside"         // she acts for an organisation, and her mandate does not cover this
	SignIn         Kind = "sign_in"         // she must sign in, or sign in afresh
	UsePasskey     Kind = "passkey"         // she must use one of her passkeys, beside what she signed in with
	RaiseSession   Kind = "raise"           // she must prove herself by several things that she has; ACR says up to what
	ChangePassword Kind = "change_password" // her password is too old to be used for anything else
	AskConsent     Kind = "consent"         // she must be asked
	Refuse         Kind = "refuse"          // the client gets an error
	Issue          Kind = "issue"           // the client gets a code
)

// Step is the answer of next.
type Step struct {
	Kind  Kind
	Error string // with Refuse: the code for the client
	ACR   string // with RaiseSession: the class to reach
}

// request is what is stored of an authorization request.
type request struct {
	id       grantID
	client   partner.Client
	asked    *asked
	created  time.Time
	expires  time.Time
	finished bool
	browser  []byte   // hash of the cookie of the browser that it is bound to; nil before the first hop
	caller   []byte   // hash of the cookie of the browser that asks
	floor    []string // the class that the fields it asks for demand, by the dated rows; empty: none
	outside  bool     // whoever acts for an organisation may not do this for it
	barred   bool     // the client is under trial and not for her
	answered bool     // she has just agreed on the consent page, in this very request
}

// seen is who is signed in, with the name by which this client knows her.
type seen struct {
	account.Session
	subject string
	reach   account.Reach // how far one more factor would raise the session; zero when no class must be held
}

// next decides what a request needs, from the request, the session and the
// consent that stands, and from nothing else. The order matters: nothing is
// told to a stranger, nobody is asked to agree before it is sure who she is,
// and prompt=none never shows a page (OpenID Connect Core 1.0, section 3.1.2.3
// and 3.1.2.4).
func next(now time.Time, r request, s *seen, c *Consent) Step {
	silent := r.asked.prompts("none")
	need := func(k Kind, code string) Step {
		if silent {
			return Step{Kind: Refuse, Error: code}
		}
		return Step{Kind: k}
	}
	switch {
	case r.finished || !now.Before(r.expires):
		return Step{Kind: Stale}
	case r.browser != nil && !slices.Equal(r.browser, r.caller):
		return Step{Kind: Stranger}
	case s == nil || s.Status != account.Active:
		return need(SignIn, "login_required")
	case r.barred:
		return need(Barred, "access_denied")
	case r.outside:
		return need(Outside, "access_denied")
	}
	// A sign-in within this request satisfies every wish for a fresh one, even
	// max_age=0; otherwise the two of us would go in circles.
	fresh := !s.AuthTime.Before(r.created)
	if (r.asked.prompts("login") || r.asked.prompts("select_account")) && !fresh {
		return Step{Kind: SignIn}
	}
	if r.asked.MaxAge != nil && !fresh && now.Sub(s.AuthTime) > time.Duration(*r.asked.MaxAge)*time.Second {
		return need(SignIn, "login_required")
	}
	if r.asked.Subject != "" && r.asked.Subject != s.subject {
		if fresh {
			return Step{Kind: Refuse, Error: "login_required"}
		}
		return need(SignIn, "login_required")
	}
	if s.MustChangePassword {
		return need(ChangePassword, "interaction_required")
	}
	// OpenID Connect Core Unmet Authentication Requirements 1.0.
	for _, must := range [][]string{r.asked.ACRMust, r.floor} {
		if s.holds(must) {
			continue
		}
		if step, ok := s.toward(must); ok {
			if silent {
				return Step{Kind: Refuse, Error: step.Error}
			}
			return Step{Kind: step.Kind, ACR: step.ACR}
		}
		return Step{Kind: Refuse, Error: "unmet_authentication_requirements"}
	}
	// A class that is only wished for is tried where she can reach it (RFC 9470,
	// section 5), and never stands in the way.
	if !silent && !s.holds(r.asked.ACR) {
		if step, ok := s.toward(r.asked.ACR); ok {
			return Step{Kind: step.Kind, ACR: step.ACR}
		}
	}
	if r.asked.Details != "" && s.Acting != nil {
		return Step{Kind: Refuse, Error: "access_denied"} // a representative moves no money by this way
	}
	if !r.answered {
		// What moves money is never remembered: each time is another yes.
		if r.asked.Details != "" {
			return need(AskConsent, "consent_required")
		}
		if r.asked.prompts("consent") {
			return Step{Kind: AskConsent}
		}
		// Nobody comes to a partner as somebody else without a page that says so.
		// Our own doors say it on every page themselves.
		if s.Acting != nil && !r.client.OwnDoor {
			return need(AskConsent, "consent_required")
		}
		if c == nil || !now.Before(c.ExpiresAt) || !c.covers(r.client, r.asked.wants(r.client)) {
			return need(AskConsent, "consent_required")
		}
	}
	return Step{Kind: Issue}
}

// holds reports whether the session is one of the classes; no classes ask nothing.
func (s *seen) holds(classes []string) bool {
	return len(classes) == 0 || slices.ContainsFunc(classes, func(want string) bool { return satisfies(s.Session, want) })
}

// toward is the step by which she reaches one of the classes, with the error
// that a silent request gets instead; false when nothing she has is enough.
func (s *seen) toward(classes []string) (Step, bool) {
	switch {
	case s.reaches(classes, s.reach.Passkey):
		return Step{Kind: UsePasskey, Error: "interaction_required"}, true
	case s.reaches(classes, s.reach.Password):
		return Step{Kind: SignIn, Error: "login_required"}, true
	}
	for _, want := range classes {
		if s.reaches([]string{want}, s.reach.Most) {
			return Step{Kind: RaiseSession, Error: "interaction_required", ACR: want}, true
		}
	}
	return Step{}, false
}

// reaches reports whether one of the classes would be held with the assurance
// that another factor brings.
func (s *seen) reaches(classes []string, assurance int) bool {
	then := s.Session
	then.Assurance = assurance
	return assurance > s.Assurance && slices.ContainsFunc(classes, func(want string) bool { return satisfies(then, want) })
}

// acrPrefix begins the authentication context classes: urn:danh:acr:l2:a3 is
// account level 2 signed in with assurance 3 (Decree 69/2024, article 7; Law on
// Identification 2023 and Decree 69/2024, article 20). Level 0 is a provisional
// account, of which nobody has shown that it is hers.
const acrPrefix = "urn:danh:acr:"

func levelOf(s account.Session) int {
	if s.Provisional {
		return 0
	}
	if actsForBody(s) { // an organisation's account has no level: it is as sure as who uses it
		return int(s.Holder().Level)
	}
	return int(s.Level)
}

func acrOf(level, assurance int) string {
	return acrPrefix + "l" + strconv.Itoa(level) + ":a" + strconv.Itoa(assurance)
}

// ACR reads the account level and the assurance from a class.
func ACR(class string) (level, assurance int, ok bool) { return parseACR(class) }

func parseACR(s string) (level, assurance int, ok bool) {
	rest, ok := strings.CutPrefix(s, acrPrefix)
	if !ok || len(rest) != 5 || rest[0] != 'l' || rest[2] != ':' || rest[3] != 'a' ||
		rest[1] < '0' || rest[1] > '2' || rest[4] < '1' || rest[4] > '4' {
		return 0, 0, false
	}
	return int(rest[1] - '0'), int(rest[4] - '0'), true
}

// satisfies reports whether a session is at least what a class asks for.
func satisfies(s account.Session, want string) bool {
	level, assurance, ok := parseACR(want)
	return ok && levelOf(s) >= level && s.Assurance >= assurance
}

// achieved is the class to state: the first that was asked for and holds, or
// else what the session is.
func (a *asked) achieved(s account.Session) string {
	for _, want := range append(slices.Clone(a.ACRMust), a.ACR...) {
		if satisfies(s, want) {
			return want
		}
	}
	return acrOf(levelOf(s), max(s.Assurance, 1))
}

// ACRValues lists the classes for metadata.
func ACRValues() []string {
	var out []string
	for level := range 3 {
		for assurance := 1; assurance <= 4; assurance++ {
			out = append(out, acrOf(level, assurance))
		}
	}
	return out
}
