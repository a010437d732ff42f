// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"slices"
	"testing"
	"time"

	"danh/account"
	"danh/partner"
	"danh/provider/claim"
)

// The table of next: each row differs from a request that is signed in, agreed
// to and ready in what its name says.
func TestNext(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	client := partner.Client{ID: "bank", Name: partner.Text{VI: "Ngân hàng", EN: "Bank"}, Asks: []partner.Ask{
		{Scope: "openid", Purpose: partner.Text{VI: "a", EN: "a"}}, {Scope: "profile", Purpose: partner.Text{VI: "b", EN: "b"}},
		{Scope: "email", Purpose: partner.Text{VI: "c", EN: "c"}}, {Scope: "offline_access", Purpose: partner.Text{VI: "d", EN: "d"}},
	}}
	words := func(fields ...Field) map[Field]string {
		m := map[Field]string{"": version(client, "")}
		for _, f := range fields {
			m[f] = version(client, f)
		}
		return m
	}
	seconds := func(n int64) *int64 { return &n }
	type world struct {
		r request
		s *seen
		c *Consent
	}
	type row struct {
		name   string
		change func(w *world)
		want   Step
	}
	stale, stranger, signIn, ask, issue := Step{Kind: Stale}, Step{Kind: Stranger}, Step{Kind: SignIn}, Step{Kind: AskConsent}, Step{Kind: Issue}
	refuse := func(code string) Step { return Step{Kind: Refuse, Error: code} }
	none := func(w *world) { w.r.asked.Prompt = []string{"none"} }
	away := func(w *world, why string) {
		w.c.Offline, w.c.Shown.Purposes = true, map[string]partner.Text{"offline_access": {VI: why, EN: why}}
	}
	rows := []row{
		{"ready", func(w *world) {}, issue},
		{"finished", func(w *world) { w.r.finished = true }, stale},
		{"expired this instant", func(w *world) { w.r.expires = now }, stale},
		{"expires in a moment", func(w *world) { w.r.expires = now.Add(1) }, issue},
		{"first hop", func(w *world) { w.r.browser = nil }, issue},
		{"another browser", func(w *world) { w.r.caller = []byte("other") }, stranger},
		{"a browser without mark", func(w *world) { w.r.caller = nil }, stranger},
		{"a stranger to a finished request", func(w *world) { w.r.finished, w.r.caller = true, nil }, stale},
		{"a stranger, silent", func(w *world) { none(w); w.r.caller = nil }, stranger},
		{"finished, silent", func(w *world) { none(w); w.r.finished = true }, stale},

		{"acting for a child", func(w *world) { w.s.Acting = &account.Acting{} }, ask},
		{"acting for a child, silent", func(w *world) { none(w); w.s.Acting = &account.Acting{} }, refuse("consent_required")},
		{"acting for a child, and said so", func(w *world) { w.s.Acting = &account.Acting{}; w.r.answered = true }, issue},
		{"acting for a child at our own door", func(w *world) { w.s.Acting = &account.Acting{}; w.r.client.OwnDoor = true }, issue},

		{"nobody", func(w *world) { w.s = nil }, signIn},
		{"nobody, silent", func(w *world) { none(w); w.s = nil }, refuse("login_required")},
		{"nobody, wants login", func(w *world) { w.s = nil; w.r.asked.Prompt = []string{"login"} }, signIn},
		{"nobody, wants consent", func(w *world) { w.s = nil; w.r.asked.Prompt = []string{"consent"} }, signIn},
		{"locked account", func(w *world) { w.s.Status = account.Locked }, signIn},
		{"locked account, silent", func(w *world) { none(w); w.s.Status = account.Locked }, refuse("login_required")},

		{"login wanted, signed in before", func(w *world) { w.r.asked.Prompt = []string{"login"} }, signIn},
		{"login wanted, signed in within the request", func(w *world) { w.r.asked.Prompt = []string{"login"}; w.s.AuthTime = w.r.created }, issue},
		{"another account wanted", func(w *world) { w.r.asked.Prompt = []string{"select_account"} }, signIn},
		{"another account wanted and chosen", func(w *world) { w.r.asked.Prompt = []string{"select_account"}; w.s.AuthTime = now }, issue},
		{"login and consent wanted, signed in before", func(w *world) { w.r.asked.Prompt = []string{"login", "consent"} }, signIn},
		{"login and consent wanted, signed in", func(w *world) { w.r.asked.Prompt = []string{"login", "consent"}; w.s.AuthTime = now }, ask},
		{"login and consent wanted, both given", func(w *world) {
			w.r.asked.Prompt = []string{"login", "consent"}
			w.s.AuthTime, w.r.answered = now, true
		}, issue},

		{"young enough", func(w *world) { w.r.asked.MaxAge = seconds(3600) }, issue},
		{"too old", func(w *world) { w.r.asked.MaxAge = seconds(3599) }, signIn},
		{"too old, silent", func(w *world) { none(w); w.r.asked.MaxAge = seconds(3599) }, refuse("login_required")},
		{"age zero", func(w *world) { w.r.asked.MaxAge = seconds(0) }, signIn},
		{"age zero, just signed in", func(w *world) { w.r.asked.MaxAge = seconds(0); w.s.AuthTime = w.r.created.Add(time.Second) }, issue},

		{"she is who is meant", func(w *world) { w.r.asked.Subject = "sub-1" }, issue},
		{"somebody else is meant", func(w *world) { w.r.asked.Subject = "sub-2" }, signIn},
		{"somebody else is meant, silent", func(w *world) { none(w); w.r.asked.Subject = "sub-2" }, refuse("login_required")},
		{"somebody else is meant, she insists", func(w *world) { w.r.asked.Subject = "sub-2"; w.s.AuthTime = now }, refuse("login_required")},

		{"password too old", func(w *world) { w.s.MustChangePassword = true }, Step{Kind: ChangePassword}},
		{"password too old, silent", func(w *world) { none(w); w.s.MustChangePassword = true }, refuse("interaction_required")},
		{"password too old, but first sign in", func(w *world) { w.s.MustChangePassword = true; w.r.asked.Prompt = []string{"login"} }, signIn},

		{"class held", func(w *world) { w.r.asked.ACRMust = []string{"urn:danh:acr:l1:a1"} }, issue},
		{"one of two classes held", func(w *world) { w.r.asked.ACRMust = []string{"urn:danh:acr:l2:a1", "urn:danh:acr:l1:a1"} }, issue},
		{"level too low", func(w *world) { w.r.asked.ACRMust = []string{"urn:danh:acr:l2:a1"} }, refuse("unmet_authentication_requirements")},
		{"assurance too low", func(w *world) { w.r.asked.ACRMust = []string{"urn:danh:acr:l1:a2"} }, refuse("unmet_authentication_requirements")},
		{"assurance too low, but she has a passkey", func(w *world) {
			w.r.asked.ACRMust, w.s.reach.Passkey = []string{"urn:danh:acr:l1:a3"}, 3
		}, Step{Kind: UsePasskey}},
		{"assurance too low, a passkey would not do", func(w *world) {
			w.r.asked.ACRMust, w.s.reach.Passkey = []string{"urn:danh:acr:l1:a4"}, 3
		}, refuse("unmet_authentication_requirements")},
		{"assurance too low and a passkey, but the level too", func(w *world) {
			w.r.asked.ACRMust, w.s.reach.Passkey = []string{"urn:danh:acr:l2:a3"}, 3
		}, refuse("unmet_authentication_requirements")},
		{"a passkey, silent", func(w *world) {
			none(w)
			w.r.asked.ACRMust, w.s.reach.Passkey = []string{"urn:danh:acr:l1:a3"}, 3
		}, refuse("interaction_required")},
		{"signed in by passkey, the password is missing", func(w *world) {
			w.s.Assurance, w.r.asked.ACRMust, w.s.reach = 2, []string{"urn:danh:acr:l1:a3"}, account.Reach{Passkey: 2, Password: 3}
		}, signIn},
		{"it takes the passkey and the passcode", func(w *world) {
			w.r.asked.ACRMust, w.s.reach = []string{"urn:danh:acr:l2:a4", "urn:danh:acr:l1:a4"}, account.Reach{Passkey: 3, Most: 4}
		}, Step{Kind: RaiseSession, ACR: "urn:danh:acr:l1:a4"}},
		{"it takes both, silent", func(w *world) {
			none(w)
			w.r.asked.ACRMust, w.s.reach = []string{"urn:danh:acr:l1:a4"}, account.Reach{Passkey: 3, Most: 4}
		}, refuse("interaction_required")},
		{"class only wished for, and a passkey reaches it", func(w *world) {
			w.r.asked.ACR, w.s.reach = []string{"urn:danh:acr:l1:a3"}, account.Reach{Passkey: 3, Most: 3}
		}, Step{Kind: UsePasskey}},
		{"class only wished for, and held", func(w *world) {
			w.r.asked.ACR, w.s.reach = []string{"urn:danh:acr:l1:a4", "urn:danh:acr:l1:a1"}, account.Reach{Passkey: 4, Most: 4}
		}, issue},
		{"class only wished for, silent", func(w *world) {
			none(w)
			w.r.asked.ACR, w.s.reach = []string{"urn:danh:acr:l1:a3"}, account.Reach{Passkey: 3}
		}, issue},
		{"a field demands more, and a passkey reaches it", func(w *world) {
			w.r.floor, w.s.reach = []string{"urn:danh:acr:l1:a3"}, account.Reach{Passkey: 3}
		}, Step{Kind: UsePasskey}},
		{"a field demands more than she can reach", func(w *world) {
			w.r.floor, w.r.asked.ACRMust = []string{"urn:danh:acr:l1:a3"}, []string{"urn:danh:acr:l1:a1"}
		}, refuse("unmet_authentication_requirements")},
		{"a passkey changes nothing where none is asked for", func(w *world) { w.s.reach.Passkey = 3 }, issue},
		{"provisional is level 0", func(w *world) { w.s.Provisional = true; w.r.asked.ACRMust = []string{"urn:danh:acr:l1:a1"} }, refuse("unmet_authentication_requirements")},
		{"provisional is enough", func(w *world) { w.s.Provisional = true; w.r.asked.ACRMust = []string{"urn:danh:acr:l0:a1"} }, issue},
		{"unknown class", func(w *world) { w.r.asked.ACRMust = []string{"loa3"} }, refuse("unmet_authentication_requirements")},
		{"class only wished for", func(w *world) { w.r.asked.ACR = []string{"urn:danh:acr:l2:a4"} }, issue},
		{"class too high, consent wanted", func(w *world) {
			w.r.asked.ACRMust = []string{"urn:danh:acr:l2:a1"}
			w.r.asked.Prompt = []string{"consent"}
		}, refuse("unmet_authentication_requirements")},

		{"no consent", func(w *world) { w.c = nil }, ask},
		{"no consent, silent", func(w *world) { none(w); w.c = nil }, refuse("consent_required")},
		{"no consent, just given", func(w *world) { w.r.answered = true }, issue},
		{"consent over", func(w *world) { w.c.ExpiresAt = now }, ask},
		{"consent over, silent", func(w *world) { none(w); w.c.ExpiresAt = now }, refuse("consent_required")},
		{"consent wanted again", func(w *world) { w.r.asked.Prompt = []string{"consent"} }, ask},
		{"asks for less than agreed", func(w *world) { w.r.asked.Scopes = []string{"openid"} }, issue},
		{"asks for more than agreed", func(w *world) { w.r.asked.Scopes = append(w.r.asked.Scopes, "email") }, ask},
		{"asks for more, silent", func(w *world) { none(w); w.r.asked.Scopes = append(w.r.asked.Scopes, "email") }, refuse("consent_required")},
		{"asks for access while she is away", func(w *world) { w.r.asked.Scopes = append(w.r.asked.Scopes, "offline_access") }, ask},
		{"agreed to access while she is away", func(w *world) { w.r.asked.Scopes = append(w.r.asked.Scopes, "offline_access"); away(w, "d") }, issue},
		{"agreed to access while she is away, in other words", func(w *world) { w.r.asked.Scopes = append(w.r.asked.Scopes, "offline_access"); away(w, "e") }, ask},
		{"essential claim not agreed", func(w *world) { w.r.asked.UserInfo = []claim.Ask{{Name: "email", Essential: true}} }, ask},
		{"optional claim never heard of", func(w *world) { w.r.asked.UserInfo = []claim.Ask{{Name: "email", Essential: false}} }, ask},
		{"optional claim declined before", func(w *world) {
			w.r.asked.UserInfo = []claim.Ask{{Name: "email", Essential: false}}
			w.c.Declined = words(Email)
		}, issue},
		{"declined claim now essential", func(w *world) {
			w.r.asked.UserInfo = []claim.Ask{{Name: "email", Essential: true}}
			w.c.Declined = words(Email)
		}, ask},
		{"claim that the client may never have", func(w *world) { w.r.asked.UserInfo = []claim.Ask{{Name: "personal_number", Essential: true}} }, issue},
		{"verified claim of an agreed field", func(w *world) {
			w.r.asked.VerifiedUserInfo = []claim.Verified{{Claims: []claim.Ask{{Name: "name", Essential: true}}}}
		}, issue},
		{"verified claim not agreed", func(w *world) {
			w.r.asked.VerifiedUserInfo = []claim.Verified{{Claims: []claim.Ask{{Name: "email", Essential: true}}}}
		}, ask},
		{"purpose worded anew", func(w *world) {
			w.r.client.Asks = slices.Clone(w.r.client.Asks)
			w.r.client.Asks[1].Purpose.VI = "bán lại"
		}, ask},
		{"partner renamed", func(w *world) { w.r.client.Name.VI = "Ngân hàng khác" }, ask},
		{"purpose of something else worded anew", func(w *world) {
			w.r.client.Asks = slices.Clone(w.r.client.Asks)
			w.r.client.Asks[2].Purpose.VI = "x"
		}, issue},
		{"silent and ready", none, issue},
	}
	if len(rows) < 40 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := world{
				r: request{client: client, asked: &asked{Scopes: []string{"openid", "profile"}}, created: now.Add(-time.Minute), expires: now.Add(time.Minute),
					browser: []byte("hers"), caller: []byte("hers")},
				s: &seen{account.Session{Status: account.Active, Level: 1, Assurance: 1, AuthTime: now.Add(-time.Hour)}, "sub-1", account.Reach{}},
				c: &Consent{Fields: words(Name, BirthDate, Sex), ExpiresAt: now.Add(time.Hour)},
			}
			row.change(&w)
			if got := next(now, w.r, w.s, w.c); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestAchievedClass(t *testing.T) {
	s := account.Session{Level: 1, Assurance: 1}
	for _, c := range []struct {
		must, wish []string
		want       string
	}{
		{nil, nil, "urn:danh:acr:l1:a1"},
		{nil, []string{"urn:danh:acr:l2:a1", "urn:danh:acr:l0:a1"}, "urn:danh:acr:l0:a1"},
		{[]string{"urn:danh:acr:l1:a1"}, []string{"urn:danh:acr:l0:a1"}, "urn:danh:acr:l1:a1"},
		{nil, []string{"urn:danh:acr:l3:a1", "urn:danh:acr:l1:a0", "urn:danh:acr:l1:a11", "l1:a1", ""}, "urn:danh:acr:l1:a1"},
	} {
		if got := (&asked{Request: claim.Request{ACRMust: c.must, ACR: c.wish}}).achieved(s); got != c.want {
			t.Errorf("%v %v: %s", c.must, c.wish, got)
		}
	}
}
