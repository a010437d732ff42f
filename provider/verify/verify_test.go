// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/account/contact"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/partner"
	"danh/partner/ground"
	"danh/provider"
	"danh/provider/claim"
	. "danh/provider/providertest"
	"danh/provider/verify"
)

const issuer = "https://id.example"

// agencyLaw is a ground on which an agency may ask about people who are away.
const agencyLaw = "Luật Căn cước 26/2023/QH15, Điều 10"

type house struct {
	*House
	desk *verify.Desk
}

// run furnishes a bank with three purposes: one that may compare, one that may
// compare less, and an agency's.
func run(t *testing.T, body func(t *testing.T, h *house)) {
	t.Parallel()
	why := partner.Text{VI: "xem thông tin ngân hàng đã có còn đúng không", EN: "see whether what the bank holds is still right"}
	all := []string{"name", "birthdate", "gender", "personal_number", "address", "permanent_address", "temporary_address", "phone_number"}
	dbtest.Run(t, Schemas, func(t *testing.T, d *db.DB) {
		h := &house{House: New(t, d, issuer, func(c *partner.Client) {
			c.Purposes = []partner.Purpose{
				{Code: "keep_right", Text: why, Matches: all},
				{Code: "name_only", Text: why, Scopes: []string{"openid"}, Matches: []string{"name"}},
				{Code: "read_only", Text: why, Scopes: []string{"openid", "profile"}},
				{Code: "agency", Text: why, Ground: agencyLaw, Matches: all},
			}
		})}
		var err error
		h.desk, err = verify.New(verify.Config{DB: d, Clock: h.Clock, Keys: h.Keys, Audit: h.Audit, Notify: h.Notify, Population: h.Population, Residence: h.Residence, Accounts: h.Keeper, Provider: h.Provider})
		ok(t, err)
		body(t, h)
	})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
}

// token is an access token of the bank for a purpose that Lan agreed to.
func (h *house) token(t *testing.T, s account.Session, scope string) provider.Access {
	t.Helper()
	v := Request(scope)
	a := h.Agree(t, s, h.Push(t, h.Client(t, "bank"), v))
	tok, err := h.Provider.Redeem(t.Context(), h.Client(t, "bank"), Unbound, a.Values.Get("code"), BankRedirect, Verifier)
	ok(t, err)
	return Token(tok.AccessToken)
}

func (h *house) ask(t *testing.T, a provider.Access, claims string) (map[string]string, error) {
	t.Helper()
	out, err := h.desk.Verify(t.Context(), a, []byte(`{"claims":`+claims+`}`))
	return out.Claims, err
}

func (h *house) must(t *testing.T, a provider.Access, claims string) string {
	t.Helper()
	out, err := h.ask(t, a, claims)
	ok(t, err)
	b, err := json.Marshal(out)
	ok(t, err)
	return string(b)
}

func (h *house) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	ok(t, h.DB.Read().QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

const matching = "openid match purpose:keep_right"

func TestEachFactByItself(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		a := h.token(t, s, matching)
		number := h.Person(accounttest.Lan).Declared.Number.Reveal()
		for _, c := range []struct{ claims, want string }{
			{`{"name":"Nguyễn Thị Phương Lan","birthdate":"1990-09-02","gender":"female","personal_number":"` + number + `"}`, `{"birthdate":"yes","gender":"yes","name":"yes","personal_number":"yes"}`},
			{`{"name":"  NGUYỄN  THỊ Phương   Lan "}`, `{"name":"yes"}`},                                 // case, spaces, composition
			{`{"name":"Nguyen Thi Phuong Lan"}`, `{"name":"no"}`},                                        // marks matter
			{`{"name_without_diacritics":"NGUYEN THI PHUONG LAN"}`, `{"name_without_diacritics":"yes"}`}, // unless it is said that there are none
			{`{"name_without_diacritics":"Nguyen Thi Lan"}`, `{"name_without_diacritics":"no"}`},
			{`{"birthdate":"1990-09"}`, `{"birthdate":"no"}`}, // less exact than the registry
			{`{"birthdate":"1990-02-09"}`, `{"birthdate":"no"}`},
			{`{"gender":"male"}`, `{"gender":"no"}`},
			{`{"personal_number":"012345678"}`, `{"personal_number":"no"}`}, // hers once, not in force
			{`{"address":{"formatted":"so 12, ngo 5, Phuong Cua Nam, Ha Noi"}}`, `{"address":"yes"}`},
			{`{"permanent_address":{"unit_code":"00037"},"temporary_address":{"unit_code":"00037"}}`, `{"permanent_address":"yes","temporary_address":"unknown"}`},
			{`{"address":{"unit_code":"00038"}}`, `{"address":"no"}`},
			{`{"address":{"unit_code":"00037","formatted":"Số 13 ngõ 5, phường Cửa Nam, Hà Nội"}}`, `{"address":"no"}`},
		} {
			h.forget(t) // each as on a day of its own
			if got := h.must(t, a, c.claims); got != c.want {
				t.Errorf("%s: %s, want %s", c.claims, got, c.want)
			}
		}
	})
}

// A phone is compared as it is kept, however it is written. Only one that she
// confirmed counts, and guessing at it is limited like at any other fact.
func TestPhone(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		a := h.token(t, s, matching)
		mine, err := h.Keeper.Own(t.Context(), s)
		ok(t, err)
		for _, written := range []string{mine.Phone, contact.National(mine.Phone), "84" + mine.Phone[3:], "0" + mine.Phone[3:6] + "." + mine.Phone[6:]} {
			if got := h.must(t, a, `{"phone_number":"`+written+`"}`); got != `{"phone_number":"yes"}` {
				t.Errorf("%s: %s", written, got)
			}
		}
		list, _, err := h.Audit.ListBySubject(t.Context(), audit.Query{Subject: s.Person, Limit: 1})
		ok(t, err)
		if e := list[0]; fmt.Sprint(e.Fields) != "[phone_number]" || e.Detail["answers"] != "phone_number=yes" || e.Action != "provider.verify.matched" {
			t.Errorf("%+v", e)
		}
		for _, wrong := range []string{"0900000001", "0900000002", "0900000003"} {
			if got := h.must(t, a, `{"phone_number":"`+wrong+`"}`); got != `{"phone_number":"no"}` {
				t.Errorf("%s: %s", wrong, got)
			}
		}
		if _, err := h.ask(t, a, `{"phone_number":"`+mine.Phone+`"}`); !fault.Is(err, fault.TooMany) {
			t.Errorf("the fourth guess: %v", err)
		}
		h.forget(t)
		for _, bad := range []string{"12", "+1 202 555 0123", "024 3823 4567", "lan@example.vn"} {
			_, err := h.ask(t, a, `{"phone_number":"`+bad+`"}`)
			refused(t, err, "invalid_request")
		}
		_, err = h.ask(t, a, `{"email":"lan@example.vn"}`) // nobody has confirmed one
		refused(t, err, "invalid_request")
		for _, c := range []struct{ why, set string }{{"nobody confirmed it", "phone_at = NULL"}, {"it is a representative's", "phone_at = 1, represented = TRUE"}} {
			ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE account_account SET `+c.set+` WHERE id = $1`, s.Account)
				return err
			}))
			same, known, err := h.Keeper.ComparePhoneTx(t.Context(), h.DB.Read(), s.Account, mine.Phone)
			if err != nil || same || known {
				t.Errorf("%s: %t, %t, %v", c.why, same, known, err)
			}
			if c.why == "nobody confirmed it" {
				if got := h.must(t, a, `{"phone_number":"`+mine.Phone+`"}`); got != `{"phone_number":"unknown"}` {
					t.Errorf("%s: %s", c.why, got)
				}
			}
		}
	})
}

// Whatever the table of grounds lets officers approve for comparing can be
// compared, and the API's description names it.
func TestWhatCanBeApprovedIsCompared(t *testing.T) {
	api, err := os.ReadFile("../../web/partner/reference/openapi.json")
	ok(t, err)
	for _, f := range ground.Fields {
		if f.Scope == "" || !slices.Contains(f.Modes, ground.Match) {
			continue
		}
		if !slices.Contains(claim.Matchable, claim.Field(f.Name)) || !verify.Compares(f.Name) {
			t.Errorf("%s can be approved and not compared", f.Name)
		}
		_, list, _ := strings.Cut(string(api), "What is stated, by claim: ")
		if list, _, _ = strings.Cut(list, "\n"); !strings.Contains(list, "`"+f.Name+"`") {
			t.Errorf("the description of the API does not name %s", f.Name)
		}
	}
	for _, f := range claim.Matchable {
		if !verify.Compares(string(f)) {
			t.Errorf("%s", f)
		}
	}
}

// again signs Lan in once more: days have passed.
func (h *house) again(t *testing.T) account.Session {
	t.Helper()
	_, s, err := h.Keeper.SignIn(t.Context(), account.SignIn{Number: h.Person(accounttest.Lan).Declared.Number.Reveal(), Password: accounttest.Password, Remote: accounttest.Remote(), Door: "citizen"})
	ok(t, err)
	return s
}

// forget makes the wrong values of today be those of no day.
func (h *house) forget(t *testing.T) {
	t.Helper()
	ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `DELETE FROM provider_verify_try`)
		return err
	}))
}

func TestNothingBeyondWhatThePurposeMayCompare(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		name := h.token(t, s, "openid match purpose:name_only")
		if got := h.must(t, name, `{"name":"Nguyễn Thị Phương Lan"}`); got != `{"name":"yes"}` {
			t.Fatal(got)
		}
		_, err := h.ask(t, name, `{"name":"Nguyễn Thị Phương Lan","birthdate":"1990-09-02"}`)
		refused(t, err, "insufficient_scope")
		// A token of the same purpose without the scope, one of a purpose that
		// reads and may not compare, and one of no purpose at all.
		for _, scope := range []string{"openid purpose:keep_right", "openid profile purpose:read_only", "openid profile"} {
			_, err = h.ask(t, h.token(t, s, scope), `{"name":"Nguyễn Thị Phương Lan"}`)
			refused(t, err, "insufficient_scope")
		}
		// To compare is not to read.
		info, err := h.Provider.UserInfo(t.Context(), h.token(t, s, matching))
		ok(t, err)
		if strings.Contains(string(info), "Lan") || strings.Contains(string(info), "match") || strings.Contains(string(info), "birthdate") {
			t.Errorf("userinfo %s", info)
		}
		_, err = h.Provider.Push(t.Context(), h.Client(t, "bank"), Unbound, Request("openid match purpose:read_only"))
		refused(t, err, "invalid_scope")
		_, err = h.Provider.Push(t.Context(), h.Client(t, "bank"), Unbound, Request("openid match"))
		refused(t, err, "invalid_scope")
	})
}

func TestOtherFieldsTakeAnotherConsent(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.token(t, s, matching)
		bank := h.Client(t, "bank")
		bank.Purposes[0].Matches = append(bank.Purposes[0].Matches, "household")
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error { return h.Partners.RegisterTx(t.Context(), tx, audit.System("test"), bank) }))
		d, err := h.Provider.Continue(t.Context(), provider.Visit{Handle: h.Push(t, h.Client(t, "bank"), Request(matching)), Browser: Browser, Session: &s})
		ok(t, err)
		if d.Kind != provider.AskConsent {
			t.Errorf("the list grew and she is not asked: %s", d.Kind)
		}
	})
}

func TestGuessingBirthDates(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		a := h.token(t, s, matching)
		for range 3 { // the same wrong date again and again counts once
			for _, day := range []string{"1990-09-01", "1990-09-03", "1990-09-04"} {
				if got := h.must(t, a, `{"birthdate":"`+day+`"}`); got != `{"birthdate":"no"}` {
					t.Fatal(got)
				}
			}
		}
		told := func() int { return h.count(t, `SELECT COUNT(*) FROM notify_inbox WHERE template = 'consent_guessed'`) }
		if told() != 0 {
			t.Error("told too early")
		}
		for range 2 {
			_, err := h.ask(t, a, `{"birthdate":"1990-09-02"}`) // right, and one guess too many
			if !fault.Is(err, fault.TooMany) || fault.Of(err).RetryAfter <= 0 {
				t.Fatalf("the fourth guess: %v", err)
			}
		}
		if told() != 1 {
			t.Errorf("told %d times", told())
		}
		if n := h.count(t, `SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND action = 'provider.verify.matched' AND outcome = 'refused'`, s.Person); n != 2 {
			t.Errorf("%d entries about refused guesses", n)
		}
		if got := h.must(t, a, `{"name":"Nguyễn Thị Phương Lan"}`); got != `{"name":"yes"}` {
			t.Errorf("another field: %s", got)
		}
		h.Clock.Advance(24 * time.Hour)
		a = h.token(t, h.again(t), matching)
		if got := h.must(t, a, `{"birthdate":"1990-09-02"}`); got != `{"birthdate":"yes"}` {
			t.Errorf("the next day: %s", got)
		}
	})
}

func TestGuessingInParallel(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		a := h.token(t, s, matching)
		var answered, limited atomic.Int64
		var all sync.WaitGroup
		for i := range 24 {
			all.Go(func() {
				_, err := h.ask(t, a, fmt.Sprintf(`{"birthdate":"1991-01-%02d"}`, i+1))
				switch {
				case err == nil:
					answered.Add(1)
				case fault.Is(err, fault.TooMany):
					limited.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if answered.Load() != 3 || limited.Load() != 21 {
			t.Errorf("%d guesses were answered, %d were not", answered.Load(), limited.Load())
		}
	})
}

func TestEveryAnswerIsInHerLog(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		a := h.token(t, s, matching)
		h.must(t, a, `{"name":"Nguyễn Thị Phương Lan","birthdate":"1990-09-01"}`)
		list, _, err := h.Audit.ListBySubject(t.Context(), audit.Query{Subject: s.Person, Limit: 1})
		ok(t, err)
		e := list[0]
		if e.Action != "provider.verify.matched" || e.Actor.Partner != "bank" || !strings.HasPrefix(e.Ground, "consent:") || fmt.Sprint(e.Fields) != "[birthdate name]" ||
			e.Detail["answers"] != "birthdate=no name=yes" || e.Detail["purpose"] != "keep_right" || e.Outcome != "" {
			t.Errorf("%+v", e)
		}
		if n := h.count(t, `SELECT COUNT(*) FROM audit_entry WHERE actor_partner = 'bank' AND action LIKE '%.read'`); n != 0 {
			t.Errorf("%d entries say that the bank read", n)
		}
		// Where the entry cannot be written there is no answer, and no guess.
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `ALTER TABLE audit_entry RENAME TO audit_elsewhere`)
			return err
		}))
		if out, err := h.ask(t, a, `{"name":"Lan"}`); err == nil {
			t.Errorf("answered %v without an entry", out)
		}
		if n := h.count(t, `SELECT SUM(calls) FROM provider_verify_month`); n != 1 {
			t.Errorf("%d calls are counted", n)
		}
	})
}

func TestNoTokenNoAnswer(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		a := h.token(t, s, matching)
		one := `{"name":"Nguyễn Thị Phương Lan"}`
		for _, forged := range []string{"", a.Token + "x", a.Token[:len(a.Token)-2]} {
			_, err := h.ask(t, provider.Access{Token: forged}, one)
			refused(t, err, "invalid_token")
		}
		list, err := h.Provider.ListConsents(t.Context(), s.Account)
		ok(t, err)
		ok(t, h.Provider.Withdraw(t.Context(), s, list[0].ID))
		_, err = h.ask(t, a, one)
		refused(t, err, "invalid_token")
		a = h.token(t, s, matching)
		h.Clock.Advance(11 * time.Minute)
		_, err = h.ask(t, a, one)
		refused(t, err, "invalid_token")
	})
}

func TestFrozenAccountIsNotCompared(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		a := h.token(t, s, matching)
		ok(t, h.Keeper.Freeze(t.Context(), s))
		_, err := h.ask(t, a, `{"name":"Nguyễn Thị Phương Lan"}`)
		refused(t, err, "invalid_token")
	})
}

// Of a provisional account nobody has shown that it is hers: a thief of a number
// must not learn the registry's facts by guessing with a partner's help.
func TestProvisionalAccountComparesNothing(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, false)
		a := h.token(t, s, matching)
		if got := h.must(t, a, `{"name":"Nguyễn Thị Phương Lan","address":{"unit_code":"00037"},"phone_number":"0912345678"}`); got != `{"address":"unknown","name":"unknown","phone_number":"unknown"}` {
			t.Error(got)
		}
	})
}

func TestMalformedQuestions(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		a := h.token(t, s, matching)
		for _, body := range []string{``, `[]`, `{}`, `{"claims":{}}`, `{"claims":null}`, `{"claims":{"name":null}}`, `{"claims":{"name":""}}`, `{"claims":{"name":["a","b"]}}`, `{"claims":{"name":" \u200b "}}`,
			`{"claims":{"shoe_size":"38"}}`, `{"claims":{"birthdate":"yesterday"}}`, `{"claims":{"birthdate":""}}`, `{"claims":{"gender":"f"}}`, `{"claims":{"personal_number":"12"}}`, `{"claims":{"address":"Hà Nội"}}`,
			`{"claims":{"address":{}}}`, `{"claims":{"address":{"formatted":"x","person":"y"}}}`, `{"claims":{"address":{"formatted":"..."}}}`, `{"claims":{"name":"Lan"},"sub":"x"}`, `{"claims":{"name":"Lan"}} {}`,
			`{"claims":{"name":"` + strings.Repeat("a", 301) + `"}}`, `{"claims":{"name":"Lan"},"claims2":"` + strings.Repeat("a", 20000) + `"}`, "{\"claims\":{\"name\":\"\xff\"}}"} {
			_, err := h.desk.Verify(t.Context(), a, []byte(body))
			refused(t, err, "invalid_request")
		}
		if n := h.count(t, `SELECT COUNT(*) FROM provider_verify_try`); n != 0 {
			t.Errorf("%d rows of tries", n)
		}
	})
}

func TestMonthsTellCountsAboutNobody(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		a := h.token(t, s, matching)
		h.must(t, a, `{"name":"Nguyễn Thị Phương Lan","birthdate":"1990-09-02","temporary_address":{"unit_code":"1"}}`)
		h.must(t, a, `{"name":"Lê Lan"}`)
		list, err := h.desk.ListMonths(t.Context(), "bank")
		ok(t, err)
		if len(list) != 1 || list[0].Calls != 2 || list[0].Yes != 2 || list[0].No != 1 || list[0].Unknown != 1 || list[0].Purpose != "keep_right" || list[0].Share() != 66 {
			t.Errorf("%+v", list)
		}
		if list, err = h.desk.ListMonths(t.Context(), "shop"); err != nil || len(list) != 0 {
			t.Errorf("the shop's: %+v, %v", list, err)
		}
	})
}

func TestPurges(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		_, s := h.SignInLan(t, true)
		h.must(t, h.token(t, s, matching), `{"name":"Lê Lan"}`)
		for _, want := range []int{1, 0} {
			for _, p := range verify.Purges() {
				_, err := p.RunOnce(t.Context(), h.DB, h.Clock.Now())
				ok(t, err)
			}
			if n := h.count(t, `SELECT COUNT(*) FROM provider_verify_try`); n != want {
				t.Errorf("%d rows, want %d", n, want)
			}
			h.Clock.Advance(49 * time.Hour)
		}
	})
}
