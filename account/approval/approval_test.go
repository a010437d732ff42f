// SPDX-License-Identifier: Apache-2.0

package approval_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/approval"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/internal/fault"
)

const (
	phone                     = "0912345678"
	passcode account.Passcode = "730418"
)

// table is Lan with a passkey and a passcode, before a desk.
type table struct {
	*accounttest.House
	desk   *approval.Desk
	key    *browse.Passkey
	remote account.RemoteInfo
	token  account.Token
	s      account.Session
	lan    accounttest.Person
}

func lay(t *testing.T, body func(t *testing.T, x *table)) {
	t.Helper()
	t.Parallel()
	accounttest.Run(t, func(t *testing.T, h *accounttest.House) {
		x := &table{House: h, remote: accounttest.Remote(), lan: h.Register(t, accounttest.Lan)}
		x.desk = approval.New(approval.Config{DB: h.DB, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Accounts: h.Keeper})
		h.Carrier.Says(phone, x.lan.Declared.Number, account.Yes)
		_, first := h.Open(t, x.lan, phone)
		x.key = h.Enlist(t, first, accounttest.Citizen)
		x.token, x.s = x.signIn(t, x.remote)
		c, err := h.Keeper.BeginRaise(t.Context(), x.s, x.remote)
		if err != nil {
			t.Fatal(err)
		}
		if x.token, x.s, err = h.Keeper.Raise(t.Context(), x.s, x.token, account.Proof{Ceremony: c.Token, Answer: x.assert(t, c), Remote: x.remote}, "citizen"); err != nil {
			t.Fatal(err)
		}
		if err := h.Keeper.SetPasscode(t.Context(), x.s, "", passcode); err != nil {
			t.Fatal(err)
		}
		body(t, x)
	})
}

func (x *table) signIn(t *testing.T, r account.RemoteInfo) (account.Token, account.Session) {
	t.Helper()
	token, s, err := x.Keeper.SignIn(t.Context(), account.SignIn{Number: x.lan.Declared.Number.Reveal(), Password: accounttest.Password, Remote: r, Door: "citizen"})
	if err != nil {
		t.Fatal(err)
	}
	return token, s
}

func (x *table) assert(t *testing.T, c account.ProofCeremony) []byte {
	t.Helper()
	answer, err := x.key.Assert(c.Options, accounttest.Citizen)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// bill is 500 000 đồng to the electricity company.
func bill() approval.Document {
	return approval.Document{Journey: "pay_bill", Title: "approval.consent", Party: "Điện lực", Amount: "500000", Fields: []approval.Field{{Label: "approval.purpose", Value: "Tiền điện tháng 11"}}}
}

func (x *table) ask(t *testing.T, doc approval.Document) approval.ID {
	t.Helper()
	a, err := x.desk.Ask(t.Context(), x.s, doc, "/pay?bill=7")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (x *table) approve(t *testing.T, a approval.ID) error {
	t.Helper()
	c, err := x.desk.Begin(t.Context(), x.s, a, x.remote)
	if err != nil {
		return err
	}
	return x.desk.Approve(t.Context(), x.s, a, account.Proof{Ceremony: c.Token, Answer: x.assert(t, c), Passcode: passcode, Remote: x.remote})
}

func (x *table) consume(t *testing.T, s account.Session, a approval.ID, doc approval.Document) (got account.Proved, err error) {
	t.Helper()
	err = x.DB.Write(t.Context(), func(tx *db.Tx) error {
		var err error
		got, err = x.desk.ConsumeTx(t.Context(), tx, s, a, doc)
		return err
	})
	return got, err
}

func want(t *testing.T, err error, key string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Key != key {
		t.Fatalf("%v, want %s", err, key)
	}
}

func TestSheApprovesWhatSheSees(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, bill())
		got, err := x.desk.Find(t.Context(), x.s, a)
		if err != nil || got.State != approval.Waiting || got.Document.Party != "Điện lực" || got.Back != "/pay?bill=7" || got.ExpiresAt.Sub(got.AskedAt) != 5*time.Minute {
			t.Fatalf("%+v %v", got, err)
		}
		_, err = x.consume(t, x.s, a, bill())
		want(t, err, "account.approval.changed") // not approved yet
		if err := x.approve(t, a); err != nil {
			t.Fatal(err)
		}
		want(t, x.approve(t, a), "account.approval.over")
		p, err := x.consume(t, x.s, a, bill())
		if err != nil || p.Assurance != 4 || len(p.Factors) != 2 || p.Passkey.IsZero() {
			t.Fatalf("%+v %v", p, err)
		}
		_, err = x.consume(t, x.s, a, bill())
		want(t, err, "account.approval.changed") // used once
	})
}

func TestApprovalOfAlteredText(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		altered := map[string]func(*approval.Document){
			"amount": func(d *approval.Document) { d.Amount = "5000000" },
			"party":  func(d *approval.Document) { d.Party = "Điện lưc" },
			"value":  func(d *approval.Document) { d.Fields[0].Value = "Tiền điện tháng 12" },
			"label":  func(d *approval.Document) { d.Fields[0].Label = "approval.until" },
			"more": func(d *approval.Document) {
				d.Fields = append(d.Fields, approval.Field{Label: "approval.until", Value: "x"})
			},
			"fewer":   func(d *approval.Document) { d.Fields = nil },
			"title":   func(d *approval.Document) { d.Title = "approval.purpose" },
			"journey": func(d *approval.Document) { d.Journey = "freeze" },
			"moved":   func(d *approval.Document) { d.Party, d.Amount = d.Party+d.Amount, "" },
		}
		a := x.ask(t, bill())
		if err := x.approve(t, a); err != nil {
			t.Fatal(err)
		}
		for name, change := range altered {
			doc := bill()
			change(&doc)
			if bytes.Equal(doc.Hash(), bill().Hash()) {
				t.Errorf("%s: the hash is the same", name)
			}
			_, err := x.consume(t, x.s, a, doc)
			if f := fault.Of(err); f == nil || f.Key != "account.approval.changed" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := x.consume(t, x.s, a, bill()); err != nil {
			t.Fatalf("the attempts used it up: %v", err)
		}
		// Her answer to a harmless text does not approve the bill.
		harmless, costly := x.ask(t, approval.Document{Journey: "freeze", Title: "approval.consent", Party: "Thư viện"}), x.ask(t, bill())
		c, err := x.desk.Begin(t.Context(), x.s, harmless, x.remote)
		if err != nil {
			t.Fatal(err)
		}
		p := account.Proof{Ceremony: c.Token, Answer: x.assert(t, c), Passcode: passcode, Remote: x.remote}
		want(t, x.desk.Approve(t.Context(), x.s, costly, p), "account.proof.refused")
		want(t, x.desk.Approve(t.Context(), x.s, harmless, p), "account.proof.stale")
		// The rows were changed: the shown document's hash beside another document.
		if err := x.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_approval SET document = (SELECT document FROM account_approval WHERE id = $1) WHERE id = $2`, harmless, costly)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		want(t, x.approve(t, costly), "account.approval.changed")
	})
}

func TestApprovalIsHersAndThisSessions(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, bill())
		if err := x.approve(t, a); err != nil {
			t.Fatal(err)
		}
		minh := x.Register(t, accounttest.Minh)
		_, his := x.Open(t, minh, "0987654321")
		_, other := x.signIn(t, accounttest.Remote())
		for who, s := range map[string]account.Session{"another account": his, "another session of hers": other} {
			if _, err := x.desk.Find(t.Context(), s, a); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s finds it: %v", who, err)
			}
			if _, err := x.consume(t, s, a, bill()); err == nil {
				t.Errorf("%s uses it", who)
			}
			if err := x.desk.Refuse(t.Context(), s, a); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s refuses it: %v", who, err)
			}
		}
		// The account's key swapped for hers under his session.
		mixed := his
		mixed.Account = x.s.Account
		if _, err := x.consume(t, mixed, a, bill()); err == nil {
			t.Error("his session uses hers")
		}
	})
}

func TestApprovalAfterTheFreeze(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		given, asked := x.ask(t, bill()), x.ask(t, bill())
		if err := x.approve(t, given); err != nil {
			t.Fatal(err)
		}
		c, err := x.desk.Begin(t.Context(), x.s, asked, x.remote)
		if err != nil {
			t.Fatal(err)
		}
		p := account.Proof{Ceremony: c.Token, Answer: x.assert(t, c), Passcode: passcode, Remote: x.remote}
		if err := x.Keeper.Freeze(t.Context(), x.s); err != nil {
			t.Fatal(err)
		}
		if err := x.desk.Approve(t.Context(), x.s, asked, p); !fault.Is(err, fault.NotFound) {
			t.Errorf("approved after the freeze: %v", err)
		}
		if _, err := x.consume(t, x.s, given, bill()); !fault.Is(err, fault.NotFound) {
			t.Errorf("acted on after the freeze: %v", err)
		}
		if _, err := x.desk.Ask(t.Context(), x.s, bill(), "/pay"); !fault.Is(err, fault.NotFound) {
			t.Errorf("asked after the freeze: %v", err)
		}
	})
}

func TestStolenSessionCookieApprovesNothing(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		// He has her session, and even her passcode; not her browser, not her passkey.
		a := x.ask(t, bill())
		thief := accounttest.Remote()
		_, err := x.desk.Begin(t.Context(), x.s, a, thief)
		want(t, err, "account.proof.elsewhere")
		c, err := x.desk.Begin(t.Context(), x.s, a, x.remote)
		if err != nil {
			t.Fatal(err)
		}
		want(t, x.desk.Approve(t.Context(), x.s, a, account.Proof{Ceremony: c.Token, Passcode: passcode, Remote: thief}), "account.proof.stale")
		// Even in her own browser the passcode alone is too little.
		want(t, x.desk.Approve(t.Context(), x.s, a, account.Proof{Ceremony: c.Token, Passcode: passcode, Remote: x.remote}), "account.approval.weak")
		if got, err := x.desk.Find(t.Context(), x.s, a); err != nil || got.State != approval.Waiting {
			t.Fatalf("%+v %v", got, err)
		}
	})
}

func TestApprovalReplayedInParallel(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, bill())
		c, err := x.desk.Begin(t.Context(), x.s, a, x.remote)
		if err != nil {
			t.Fatal(err)
		}
		p := account.Proof{Ceremony: c.Token, Answer: x.assert(t, c), Passcode: passcode, Remote: x.remote}
		count := func(f func() error) int {
			var wg sync.WaitGroup
			errs := make([]error, 8)
			for i := range errs {
				wg.Go(func() { errs[i] = f() })
			}
			wg.Wait()
			n := 0
			for _, err := range errs {
				if err == nil {
					n++
				} else if fault.Of(err) == nil {
					t.Errorf("%v", err)
				}
			}
			return n
		}
		if n := count(func() error { return x.desk.Approve(t.Context(), x.s, a, p) }); n != 1 {
			t.Errorf("approved %d times", n)
		}
		if n := count(func() error { _, err := x.consume(t, x.s, a, bill()); return err }); n != 1 {
			t.Errorf("acted on %d times", n)
		}
	})
}

func TestRefusedAndExpired(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		a := x.ask(t, bill())
		if err := x.desk.Refuse(t.Context(), x.s, a); err != nil {
			t.Fatal(err)
		}
		want(t, x.approve(t, a), "account.approval.over")
		_, err := x.consume(t, x.s, a, bill())
		want(t, err, "account.approval.changed")
		// A yes taken back before anything was done.
		a = x.ask(t, bill())
		if err := errors.Join(x.approve(t, a), x.desk.Refuse(t.Context(), x.s, a)); err != nil {
			t.Fatal(err)
		}
		_, err = x.consume(t, x.s, a, bill())
		want(t, err, "account.approval.changed")
		// Too late to answer, and too late to act.
		late, given := x.ask(t, bill()), x.ask(t, bill())
		if err := x.approve(t, given); err != nil {
			t.Fatal(err)
		}
		x.Clock.Advance(5*time.Minute + time.Second)
		want(t, x.approve(t, late), "account.approval.over")
		_, err = x.consume(t, x.s, given, bill())
		want(t, err, "account.approval.changed")
		if n, err := purged(t, x); err != nil || n != 0 {
			t.Fatalf("%d %v", n, err)
		}
		x.Clock.Advance(25 * time.Hour)
		if n, err := purged(t, x); err != nil || n != 4 {
			t.Fatalf("%d %v", n, err)
		}
	})
}

func purged(t *testing.T, x *table) (n int64, err error) {
	t.Helper()
	err = x.DB.Write(t.Context(), func(tx *db.Tx) error {
		var err error
		n, err = x.desk.Purges()[0].Run(t.Context(), tx, x.Clock.Now())
		return err
	})
	return n, err
}

// Whoever has her session cannot wear her out with question after question.
func TestPushBombing(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		for range 10 {
			x.ask(t, bill())
		}
		_, err := x.desk.Ask(t.Context(), x.s, bill(), "/pay")
		want(t, err, "account.too_many")
	})
}

func TestDocumentsThatCannotBeShown(t *testing.T) {
	lay(t, func(t *testing.T, x *table) {
		for _, back := range []string{"https://evil.example", "//evil.example", `/\evil`, "pay", "/a\nb", ""} {
			if _, err := x.desk.Ask(t.Context(), x.s, bill(), back); err == nil {
				t.Errorf("leads to %q", back)
			}
		}
		doc := bill()
		doc.Party = "\xff"
		if _, err := x.desk.Ask(t.Context(), x.s, doc, "/pay"); err == nil {
			t.Error("a text that is no text")
		}
		var sealed []byte
		x.ask(t, bill())
		if err := x.DB.Read().QueryRowContext(t.Context(), `SELECT document FROM account_approval`).Scan(&sealed); err != nil || len(sealed) == 0 || bytes.Contains(sealed, []byte("Điện lực")) {
			t.Fatalf("%v: the document is readable in the rows", err)
		}
	})
}
