// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/account"
	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/keys"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
	"danh/registry/residence"
	"danh/registry/unit"
)

// bench is a house with an office, its intake officer and its approver.
type bench struct {
	*accounttest.House
	roster *office.Roster
	office office.Office
	by     audit.Actor // the approver
	intake audit.Actor
	lan    accounttest.Person
	minh   accounttest.Person

	cards   *card.Registry
	borders *immigration.Registry
}

func runBench(t *testing.T, body func(t *testing.T, b *bench)) {
	t.Helper()
	t.Parallel()
	schemas := append(append([]db.Schema{}, accounttest.Schemas...), unit.Schema, residence.Schema, card.Schema, immigration.Schema, office.Schema)
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := &bench{}
		b.House = accounttest.New(t, d, func(c *account.Config) {
			b.roster = office.OpenRoster(d, c.Clock, c.Audit)
			c.Roster, c.Citizen = b.roster, "https://danh.example"
			k, err := keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: c.Clock})
			if err != nil {
				t.Fatal(err)
			}
			homes, err := residence.New(residence.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Population: c.Population, Clock: c.Clock, Log: c.Log})
			if err != nil {
				t.Fatal(err)
			}
			if b.cards, err = card.New(card.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Jobs: c.Jobs, Keys: k, Population: c.Population, Residence: homes, Clock: c.Clock, Log: c.Log}); err != nil {
				t.Fatal(err)
			}
			if b.borders, err = immigration.New(immigration.Config{DB: d, Seal: c.Seal, Audit: c.Audit, Jobs: c.Jobs, Clock: c.Clock, Log: c.Log}); err != nil {
				t.Fatal(err)
			}
			c.Cards, c.Borders = b.cards, b.borders
		})
		for _, kind := range []card.EventKind{card.HandedOver, card.WasLost, card.WasHeld, card.Released, card.WasRevoked, card.HasExpired} {
			b.cards.Subscribe(kind, b.Keeper.HandleCard)
		}
		for _, kind := range []immigration.EventKind{immigration.DocumentEnded, immigration.DocumentRenewed} {
			b.borders.Subscribe(kind, b.Keeper.HandleStanding)
		}
		list, err := office.Open(d, unit.Open(d, nil)).Search(t.Context(), "Kim Liên", clock.DateOf(b.Clock.Now()), 1)
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		b.office = list[0]
		b.by, b.intake = b.officer(t, office.Approver), b.officer(t, office.IntakeOfficer)
		b.lan, b.minh = b.Register(t, accounttest.Lan), b.Register(t, accounttest.Minh)
		body(t, b)
	}, dbtest.Seed{Name: "account-bench", Load: func(ctx context.Context, d *db.DB) error {
		if err := unit.Load(ctx, d); err != nil {
			return err
		}
		return office.Load(ctx, d, unit.Open(d, nil))
	}})
}

func (b *bench) officer(t testing.TB, role office.Role) audit.Actor {
	t.Helper()
	a, person := id.NewPerson(), id.NewPerson()
	if _, err := b.roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: a, Person: person, Role: role, Office: b.office.ID}); err != nil {
		t.Fatal(err)
	}
	return audit.Officer(a, person, b.office.Name)
}

// proofed is what a counter established about somebody.
func proofed(p accounttest.Person, phone string) account.Proofed {
	d := p.Declared
	return account.Proofed{Person: p.ID, Number: d.Number, Name: d.Name, BirthDate: d.BirthDate, Sex: d.Sex, Phone: phone, Language: "vi", Carrier: account.Yes, Level: 2, How: "counter",
		Evidence: account.Evidence{Number: population.Equal, Name: population.Equal, BirthDate: population.Equal, Sex: population.Equal, Current: true, Dossier: "HS-26-0001", What: "fingerprint"}}
}

func (b *bench) issue(t testing.TB, p account.Proofed) account.ID {
	t.Helper()
	a, err := b.tryIssue(t, p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) tryIssue(t testing.TB, p account.Proofed) (a account.ID, err error) {
	t.Helper()
	err = b.DB.Write(t.Context(), func(tx *db.Tx) error {
		a, err = b.Keeper.OpenProofedTx(t.Context(), tx, b.by, p)
		return err
	})
	return a, err
}

var eightDigits = regexp.MustCompile(`\b[0-9]{8}\b`)

// invited is the activation code that was sent last to a phone.
func (b *bench) invited(t testing.TB, phone string) string {
	t.Helper()
	b.Deliver(t)
	for _, text := range slices.Backward(b.Post.To(phone)) {
		if c := eightDigits.FindString(text); c != "" {
			return c
		}
	}
	t.Fatal("no activation code was sent")
	return ""
}

// woken activates an account that was issued to a phone.
func (b *bench) woken(t testing.TB, p accounttest.Person, phone string) (account.Token, account.Session) {
	t.Helper()
	tok, err := b.Keeper.FindActivation(t.Context(), p.Declared.Number.Reveal(), b.invited(t, phone), accounttest.Remote())
	if err != nil {
		t.Fatal(err)
	}
	s, session, err := b.Keeper.Activate(t.Context(), tok, accounttest.Password, accounttest.Remote())
	if err != nil {
		t.Fatal(err)
	}
	return s, session
}

func (b *bench) signIn(t testing.TB, p accounttest.Person) (account.Token, error) {
	t.Helper()
	tok, _, err := b.Keeper.SignIn(t.Context(), account.SignIn{Number: p.Declared.Number.Reveal(), Password: accounttest.Password, Remote: accounttest.Remote(), Door: "citizen"})
	return tok, err
}

func wantKey(t testing.TB, err error, key string) {
	t.Helper()
	f := fault.Of(err)
	if f == nil || f.Key != key {
		t.Fatalf("got %v, want %s", err, key)
	}
}

const lanPhone, minhPhone = "0912345678", "0987654321"

func TestIssuedAccountSleepsUntilItsCodeComesBack(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		a := b.issue(t, proofed(b.lan, lanPhone))
		acc, err := b.Keeper.FindByPerson(t.Context(), b.lan.ID)
		if err != nil || acc.ID != a || acc.Status != account.Issued || acc.Level != 2 || acc.Provisional || acc.Proofing.Strength != "in_person" || acc.Proofing.What != "fingerprint" {
			t.Fatalf("%+v %v", acc, err)
		}
		if _, err := b.signIn(t, b.lan); err == nil {
			t.Fatal("signed in before the activation")
		}
		_, s := b.woken(t, b.lan, lanPhone)
		if s.Level != 2 || s.Provisional || s.Account != a {
			t.Fatalf("%+v", s)
		}
		tok, err := b.signIn(t, b.lan)
		if err != nil {
			t.Fatal(err)
		}
		found, err := b.Keeper.FindSession(t.Context(), tok)
		if err != nil || found.Level != 2 {
			t.Fatalf("%+v %v", found, err)
		}
		if err := b.Keeper.Allow(t.Context(), found, "wallet"); err != nil {
			t.Fatal("level 2 has no wallet:", err)
		}
		// Her former nine digits sign in as well: all numbers are hers.
		if _, _, err := b.Keeper.SignIn(t.Context(), account.SignIn{Number: b.lan.Old, Password: accounttest.Password, Remote: accounttest.Remote(), Door: "citizen"}); err != nil {
			t.Fatal(err)
		}
		d, err := b.Keeper.Own(t.Context(), found)
		if err != nil || d.Name != b.lan.Declared.Name || !d.Number.Equal(b.lan.Declared.Number) || !d.PhoneVerified {
			t.Fatalf("%+v %v", d, err)
		}
		for _, want := range []string{"account.issued", "account.activated"} {
			if !slices.Contains(b.Audited(t), want) {
				t.Error("no entry", want)
			}
		}
	})
}

func TestActivationCodeIsGuessed(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.issue(t, proofed(b.lan, lanPhone))
		right := b.invited(t, lanPhone)
		number, barred := b.lan.Declared.Number.Reveal(), 0
		for i := range 40 {
			code := fmt.Sprintf("%08d", i)
			if code == right {
				continue
			}
			_, err := b.Keeper.FindActivation(t.Context(), number, code, accounttest.Remote())
			switch {
			case fault.Is(err, fault.TooMany):
				barred++
			default:
				wantKey(t, err, "account.activation.wrong")
			}
		}
		if barred < 30 {
			t.Fatalf("a guesser was barred %d times of 40", barred)
		}
		// While the number is barred the right code does not open it either.
		if _, err := b.Keeper.FindActivation(t.Context(), number, right, accounttest.Remote()); !fault.Is(err, fault.TooMany) {
			t.Fatal("guesses are not counted against the number:", err)
		}
		// Days later she brings her code, and it is hers still.
		b.Clock.Advance(25 * time.Hour)
		if _, err := b.Keeper.FindActivation(t.Context(), number, right, accounttest.Remote()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestActivationCodeDiesAfterItsTries(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		a := b.issue(t, proofed(b.lan, lanPhone))
		right := b.invited(t, lanPhone)
		err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_activation SET tries = 100 WHERE account = $1`, a)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Keeper.FindActivation(t.Context(), b.lan.Declared.Number.Reveal(), right, accounttest.Remote())
		wantKey(t, err, "account.activation.wrong")
	})
}

// A number without an account, one that never was in the registry, one that is
// active and one that waits are answered alike when the code is wrong.
func TestActivationTellsNothingOfANumber(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.issue(t, proofed(b.lan, lanPhone))
		b.Open(t, b.minh, minhPhone)
		var said []string
		for _, number := range []string{b.lan.Declared.Number.Reveal(), b.minh.Declared.Number.Reveal(), "079199888777", "012345678"} {
			for range 2 {
				_, err := b.Keeper.FindActivation(t.Context(), number, "00000000", accounttest.Remote())
				f := fault.Of(err)
				if f == nil {
					t.Fatal(err)
				}
				said = append(said, string(f.Kind)+f.Key+f.Args["left"])
			}
		}
		for i := range said {
			if said[i] != said[i%2] {
				t.Fatalf("answers differ: %q", said)
			}
		}
	})
}

func TestActivationCodeReused(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.issue(t, proofed(b.lan, lanPhone))
		code, number := b.invited(t, lanPhone), b.lan.Declared.Number.Reveal()
		tok, err := b.Keeper.FindActivation(t.Context(), number, code, accounttest.Remote())
		if err != nil {
			t.Fatal(err)
		}
		// A second browser with the code takes over; the first one's token is dead.
		tok2, err := b.Keeper.FindActivation(t.Context(), number, code, accounttest.Remote())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = b.Keeper.Activate(t.Context(), tok, accounttest.Password, accounttest.Remote())
		wantKey(t, err, "account.activation.gone")
		if _, _, err = b.Keeper.Activate(t.Context(), tok2, accounttest.Password, accounttest.Remote()); err != nil {
			t.Fatal(err)
		}
		_, _, err = b.Keeper.Activate(t.Context(), tok2, "Khac-han-9-chu", accounttest.Remote())
		wantKey(t, err, "account.activation.gone")
		_, err = b.Keeper.FindActivation(t.Context(), number, code, accounttest.Remote())
		wantKey(t, err, "account.activation.wrong")
		if _, err := b.signIn(t, b.lan); err != nil {
			t.Fatal("the password of the first activation no longer fits:", err)
		}
	})
}

func TestActivationTokenExpires(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.issue(t, proofed(b.lan, lanPhone))
		tok, err := b.Keeper.FindActivation(t.Context(), b.lan.Declared.Number.Reveal(), b.invited(t, lanPhone), accounttest.Remote())
		if err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(31 * time.Minute)
		wantKey(t, b.Keeper.FindActivating(t.Context(), tok), "account.activation.gone")
		_, _, err = b.Keeper.Activate(t.Context(), tok, accounttest.Password, accounttest.Remote())
		wantKey(t, err, "account.activation.gone")
		_, _, err = b.Keeper.Activate(t.Context(), "", accounttest.Password, accounttest.Remote())
		wantKey(t, err, "account.activation.gone")
	})
}

func TestActivationRacedByTwo(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		a := b.issue(t, proofed(b.lan, lanPhone))
		tok, err := b.Keeper.FindActivation(t.Context(), b.lan.Declared.Number.Reveal(), b.invited(t, lanPhone), accounttest.Remote())
		if err != nil {
			t.Fatal(err)
		}
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				_, _, err := b.Keeper.Activate(t.Context(), tok, accounttest.Password, accounttest.Remote())
				if f := fault.Of(err); err == nil {
					won.Add(1)
				} else if f != nil && f.Key == "account.activation.gone" {
					lost.Add(1)
				} else {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 5 {
			t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
		}
		list, err := b.Keeper.ListSessions(t.Context(), a)
		if err != nil || len(list) != 1 {
			t.Fatalf("%d sessions, %v", len(list), err)
		}
	})
}

func TestActivationAfterTheLapse(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		a := b.issue(t, proofed(b.lan, lanPhone))
		code, number := b.invited(t, lanPhone), b.lan.Declared.Number.Reveal()
		b.Clock.Advance(7*24*time.Hour + time.Minute)
		// Over is over before the job says so, and who has the code is told.
		_, err := b.Keeper.FindActivation(t.Context(), number, code, accounttest.Remote())
		wantKey(t, err, "account.activation.lapsed")
		b.purge(t, "account_activation")
		acc, err := b.Keeper.Find(t.Context(), a)
		if err != nil || acc.Status != account.ActivationLapsed {
			t.Fatal(acc.Status, err)
		}
		b.Deliver(t)
		if n := len(b.Post.To(lanPhone)); n != 2 {
			t.Fatalf("%d messages: she was not told of the lapse", n)
		}
		_, err = b.Keeper.FindActivation(t.Context(), number, code, accounttest.Remote())
		wantKey(t, err, "account.activation.lapsed")
		_, err = b.Keeper.FindActivation(t.Context(), number, "11111111", accounttest.Remote())
		wantKey(t, err, "account.activation.wrong")
		// The hotline: only staff, not about herself, and only so often.
		wantKey(t, b.Keeper.Reinvite(t.Context(), audit.Citizen(account.Owner(a), b.lan.ID), a), "account.proofed.forbidden")
		wantKey(t, b.Keeper.Reinvite(t.Context(), audit.Officer(id.NewPerson(), id.NewPerson(), "Nowhere"), a), "office.staff.no_role")
		for range 3 {
			if err := b.Keeper.Reinvite(t.Context(), b.intake, a); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Keeper.Reinvite(t.Context(), b.intake, a); !fault.Is(err, fault.TooMany) {
			t.Fatal("a fourth code in a day:", err)
		}
		b.woken(t, b.lan, lanPhone)
		wantKey(t, b.Keeper.Reinvite(t.Context(), b.by, a), "account.activation.not_waiting")
	})
}

func TestActivationOfALockedAccount(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		a := b.issue(t, proofed(b.lan, lanPhone))
		tok, err := b.Keeper.FindActivation(t.Context(), b.lan.Declared.Number.Reveal(), b.invited(t, lanPhone), accounttest.Remote())
		if err != nil {
			t.Fatal(err)
		}
		b.Lock(t, a)
		_, _, err = b.Keeper.Activate(t.Context(), tok, accounttest.Password, accounttest.Remote())
		wantKey(t, err, "account.activation.gone")
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			return b.Keeper.UnlockTx(t.Context(), tx, audit.System("test"), a, account.CompetentBody)
		}); err != nil {
			t.Fatal(err)
		}
		if acc, err := b.Keeper.Find(t.Context(), a); err != nil || acc.Status != account.Issued {
			t.Fatal("unlocking woke an account that was never activated:", acc.Status, err)
		}
		b.woken(t, b.lan, lanPhone)
	})
}

// tour squatter, as the room sees it.
func TestSquatterFallsToTheRightfulPerson(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		squat, session := b.Open(t, b.lan, "0909000111") // the carrier does not know her there
		if !session.Provisional {
			t.Fatal("the squatter is not provisional")
		}
		a := b.issue(t, proofed(b.lan, lanPhone))
		if a == session.Account {
			t.Fatal("the squatter's account passed on")
		}
		// His cookie, his session at a partner, his password: nothing.
		if _, err := b.Keeper.FindSession(t.Context(), squat); !fault.Is(err, fault.NotFound) {
			t.Fatal("the squatter's cookie lives:", err)
		}
		if ok, err := b.Keeper.SessionStands(t.Context(), session.Account, session.ID); err != nil || ok {
			t.Fatal("tokens of the squatter's session stand:", ok, err)
		}
		if _, err := b.signIn(t, b.lan); err == nil {
			t.Fatal("the squatter's password signs in")
		}
		_, hers := b.woken(t, b.lan, lanPhone)
		if hers.Account != a || hers.Level != 2 {
			t.Fatalf("%+v", hers)
		}
		if list, err := b.Keeper.ListDevices(t.Context(), a); err != nil || len(list) != 1 {
			t.Fatal("the squatter's browser is known to her account:", list, err)
		}
		old, err := b.Keeper.Find(t.Context(), session.Account)
		if err != nil || old.Status != account.Closed {
			t.Fatal(old.Status, err)
		}
		told := b.Post.To("0909000111")
		if !strings.Contains(told[len(told)-1], "đã đóng") {
			t.Fatal("the squatter was not told")
		}
		// His phone is free for somebody else.
		b.Open(t, b.minh, "0909000111")
	})
}

func TestTwoCountersIssueForOnePerson(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				p := proofed(b.lan, fmt.Sprintf("091234560%d", i))
				_, err := b.tryIssue(t, p)
				if f := fault.Of(err); err == nil {
					won.Add(1)
				} else if f != nil && (f.Key == "account.exists" || f.Key == "account.proofed.number") {
					lost.Add(1)
				} else {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 3 {
			t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
		}
		b.Deliver(t)
		if n := len(b.Post.All()); n != 1 {
			t.Fatalf("%d codes were sent", n)
		}
	})
}

func TestPhoneOfAnotherAtTheCounter(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		// Minh holds the phone without being its subscriber; hers follows her.
		_, m := b.Open(t, b.minh, lanPhone)
		p := proofed(b.lan, lanPhone)
		p.Carrier = account.Unknown
		_, err := b.tryIssue(t, p)
		wantKey(t, err, "account.phone.taken")
		wantKey(t, b.Keeper.CheckPhone(t.Context(), b.lan.ID, lanPhone, account.No), "account.phone.taken")
		if err := b.Keeper.CheckPhone(t.Context(), b.lan.ID, lanPhone, account.Yes); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Keeper.FindByPerson(t.Context(), b.lan.ID); !fault.Is(err, fault.NotFound) {
			t.Fatal("half an account is left:", err)
		}
		b.issue(t, proofed(b.lan, lanPhone))
		if acc, err := b.Keeper.Find(t.Context(), m.Account); err != nil || acc.Status != account.Locked {
			t.Fatal(acc.Status, err)
		}
		// A phone that is surely somebody's own does not follow anybody.
		_, err = b.tryIssue(t, proofed(b.minh, lanPhone))
		wantKey(t, err, "account.phone.taken")
	})
}

func TestRaise(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.Carrier.Says(lanPhone, b.lan.Declared.Number, account.Yes)
		tok, s := b.Open(t, b.lan, lanPhone)
		if s.Level != 1 || s.Provisional {
			t.Fatalf("%+v", s)
		}
		raise := func(by audit.Actor, a account.ID, p account.Proofed) error {
			return b.DB.Write(t.Context(), func(tx *db.Tx) error { return b.Keeper.RaiseTx(t.Context(), tx, by, a, p) })
		}
		// An account that stands is raised, not opened a second time.
		_, err := b.tryIssue(t, proofed(b.lan, lanPhone))
		wantKey(t, err, "account.exists")
		// Raising somebody else's account with one's own face.
		wantKey(t, raise(b.by, s.Account, proofed(b.minh, minhPhone)), "account.proofed.other")
		// By nobody, by a citizen, by the person herself as an officer.
		wantKey(t, raise(s.Actor(), s.Account, proofed(b.lan, lanPhone)), "account.proofed.forbidden")
		wantKey(t, raise(audit.System("enrolment"), s.Account, proofed(b.lan, lanPhone)), "account.proofed.forbidden")
		wantKey(t, raise(audit.Officer(id.NewPerson(), id.NewPerson(), "Nowhere"), s.Account, proofed(b.lan, lanPhone)), "office.staff.no_role")
		self := b.by
		self.Person = b.lan.ID
		wantKey(t, raise(self, s.Account, proofed(b.lan, lanPhone)), "account.staff.own")
		// Without evidence of face or fingers there is no level 2.
		p := proofed(b.lan, lanPhone)
		p.Evidence.What = ""
		wantKey(t, raise(b.by, s.Account, p), "account.proofed.incomplete")
		if now, _ := b.Keeper.Find(t.Context(), s.Account); now.Level != 1 {
			t.Fatal("a refused raise raised")
		}
		if err := raise(b.by, s.Account, proofed(b.lan, lanPhone)); err != nil {
			t.Fatal(err)
		}
		wantKey(t, raise(b.by, s.Account, proofed(b.lan, lanPhone)), "account.proofed.already")
		found, err := b.Keeper.FindSession(t.Context(), tok)
		if err != nil || found.Level != 2 {
			t.Fatalf("%+v %v", found, err)
		}
		b.Deliver(t)
		told := b.Post.To(lanPhone)
		if !strings.Contains(told[len(told)-1], "mức 2") {
			t.Fatalf("told %q", told[len(told)-1])
		}
		// A provisional account is not raised by its rightful person either.
		_, m := b.Open(t, b.minh, minhPhone)
		wantKey(t, raise(b.by, m.Account, proofed(b.minh, minhPhone)), "account.proofed.provisional")
	})
}

func TestRaiseWithAnotherPhoneTellsTheFormer(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		b.Carrier.Says(lanPhone, b.lan.Declared.Number, account.Yes)
		_, s := b.Open(t, b.lan, lanPhone)
		if err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			return b.Keeper.RaiseTx(t.Context(), tx, b.by, s.Account, proofed(b.lan, "0911222333"))
		}); err != nil {
			t.Fatal(err)
		}
		b.Deliver(t)
		if old := b.Post.To(lanPhone); len(old) == 0 || !strings.Contains(strings.Join(old, "\n"), "Số điện thoại") {
			t.Fatalf("the former phone was told %q", old)
		}
		if now := b.Post.To("0911222333"); len(now) != 1 || !strings.Contains(now[0], "mức 2") {
			t.Fatalf("the other phone was told %q", now)
		}
		b.Open(t, b.minh, lanPhone) // it is free
	})
}

func TestForeignerIsGivenANumber(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		anna, bob := b.foreigners(t)
		p := account.Proofed{Person: anna, Name: "ANNA SCHMIDT", BirthDate: clock.Date{Year: 1988, Month: 4, Day: 1}, Sex: population.Female, Phone: "0933444555", Language: "en",
			Level: 2, Evidence: account.Evidence{Dossier: "HS-26-0002", What: "portrait"}}
		a := b.issue(t, p)
		code := b.invited(t, "0933444555")
		text := b.Post.To("0933444555")[0]
		number := regexp.MustCompile(`\b9[0-9]{11}\b`).FindString(text)
		if number == "" || !strings.Contains(text, "https://danh.example/activate") {
			t.Fatal("she is not told the number that she signs in by")
		}
		tok, err := b.Keeper.FindActivation(t.Context(), number, code, accounttest.Remote())
		if err != nil {
			t.Fatal(err)
		}
		if _, s, err := b.Keeper.Activate(t.Context(), tok, accounttest.Password, accounttest.Remote()); err != nil || s.Account != a {
			t.Fatal(err)
		}
		if _, _, err := b.Keeper.SignIn(t.Context(), account.SignIn{Number: number, Password: accounttest.Password, Remote: accounttest.Remote(), Door: "citizen"}); err != nil {
			t.Fatal(err)
		}
		// Another foreigner cannot be given a citizen's number, nor hers.
		q := p
		q.Person, q.Phone, q.Number = bob, "0933444556", b.lan.Declared.Number
		if _, err := b.tryIssue(t, q); err == nil {
			t.Fatal("a foreigner took a citizen's number")
		}
		// Whom no registry knows is given none.
		q.Person, q.Number = id.NewPerson(), ""
		if _, err := b.tryIssue(t, q); !fault.Is(err, fault.NotFound) {
			t.Fatal("an account for nobody:", err)
		}
		q.Person = bob
		q.Number = population.Number(number)
		_, err = b.tryIssue(t, q)
		wantKey(t, err, "account.proofed.number")
	})
}

// An officer does to accounts what her role lets her, and nothing without one.
func TestOfficersNeedARoleForAccounts(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		_, s := b.Open(t, b.lan, lanPhone)
		registrar, operator := b.officer(t, office.Registrar), audit.Officer(id.NewPerson(), id.NewPerson(), "Nowhere")
		deeds := map[string]func(tx *db.Tx, by audit.Actor) error{
			"lock": func(tx *db.Tx, by audit.Actor) error {
				return b.Keeper.LockTx(t.Context(), tx, by, s.Account, account.Breach)
			},
			"unlock": func(tx *db.Tx, by audit.Actor) error {
				return b.Keeper.UnlockTx(t.Context(), tx, by, s.Account, account.Breach)
			},
			"evict": func(tx *db.Tx, by audit.Actor) error {
				_, err := b.Keeper.EvictProvisionalTx(t.Context(), tx, by, b.lan.ID)
				return err
			},
			"close": func(tx *db.Tx, by audit.Actor) error {
				return b.Keeper.CloseTx(t.Context(), tx, by, s.Account, "test")
			},
		}
		own := registrar
		own.Person = b.lan.ID
		for _, c := range []struct {
			deed string
			by   audit.Actor
			want string
		}{
			{"lock", operator, "office.staff.no_role"}, {"unlock", operator, "office.staff.no_role"}, {"evict", operator, "office.staff.no_role"}, {"close", operator, "office.staff.no_role"},
			{"unlock", b.intake, "office.staff.no_role"}, {"evict", b.intake, "office.staff.no_role"}, {"close", b.intake, "office.staff.no_role"},
			{"unlock", own, "account.staff.own"}, {"close", own, "account.staff.own"},
			{"lock", b.intake, ""}, {"unlock", registrar, ""}, {"lock", b.by, ""}, {"unlock", b.by, ""}, {"evict", b.by, ""}, {"close", registrar, "account.over"},
		} {
			err := b.DB.Write(t.Context(), func(tx *db.Tx) error { return deeds[c.deed](tx, c.by) })
			if c.want == "" && err != nil {
				t.Fatalf("%s: %v", c.deed, err)
			}
			if c.want != "" {
				wantKey(t, err, c.want)
			}
		}
	})
}

func (b *bench) purge(t testing.TB, name string) {
	t.Helper()
	for _, p := range b.Keeper.Purges() {
		if p.Name == name {
			if _, err := p.RunOnce(t.Context(), b.DB, b.Clock.Now()); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no purge", name)
}

// A squatter presses the last button in the moment in which the counter issues.
func TestSquatterFinishesWhileTheCounterIssues(t *testing.T) {
	runBench(t, func(t *testing.T, b *bench) {
		for i, who := range []accounttest.Person{b.lan, b.minh} {
			tok, o := b.ToPassword(t, who.Declared, fmt.Sprintf("090900011%d", i))
			if o.Step != account.StepPassword {
				t.Fatal(o.Step)
			}
			var wg sync.WaitGroup
			var squat account.Token
			var errs [2]error
			phone := fmt.Sprintf("091234567%d", i)
			var a account.ID
			wg.Go(func() {
				squat, _, errs[0] = b.Keeper.SetPassword(t.Context(), tok, accounttest.Password, accounttest.Remote())
			})
			wg.Go(func() { a, errs[1] = b.tryIssue(t, proofed(who, phone)) })
			wg.Wait()
			if errs[0] != nil || errs[1] != nil {
				t.Fatal(errs)
			}
			acc, err := b.Keeper.FindByPerson(t.Context(), who.ID)
			if err != nil || acc.ID != a || acc.Level != 2 {
				t.Fatalf("%+v %v", acc, err)
			}
			if _, err := b.Keeper.FindSession(t.Context(), squat); !fault.Is(err, fault.NotFound) {
				t.Fatal("the squatter is in:", err)
			}
			if _, s := b.woken(t, who, phone); s.Account != a {
				t.Fatal("another account woke")
			}
		}
	})
}
