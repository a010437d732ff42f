// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
)

// about is one person as an agency states her.
func about(number, name, birth, sex string) string {
	return fmt.Sprintf(`{"claims":{"personal_number":%q,"name":%q,"birthdate":%q,"gender":%q}}`, number, name, birth, sex)
}

func (h *house) people(t *testing.T, list ...string) (string, error) {
	t.Helper()
	out, err := h.desk.Standing(t.Context(), h.Client(t, "bank"), "agency", []byte("["+strings.Join(list, ",")+"]"))
	b, _ := json.Marshal(out)
	return string(b), err
}

const (
	allYes = `{"claims":{"birthdate":"yes","gender":"yes","name":"yes","personal_number":"yes"}}`
	allNo  = `{"claims":{"birthdate":"no","gender":"no","name":"no","personal_number":"no"}}`
)

func TestAgencyAsksAboutPeopleWhoAreAway(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		lan, minh := h.Person(accounttest.Lan), h.Person(accounttest.Minh)
		got, err := h.people(t, about(lan.Declared.Number.Reveal(), lan.Declared.Name, "1990-09-02", "female"), about(minh.Declared.Number.Reveal(), minh.Declared.Name, "1985-01-30", "female"))
		ok(t, err)
		if want := "[" + allYes + `,{"claims":{"birthdate":"yes","gender":"no","name":"yes","personal_number":"yes"}}]`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		for _, p := range []accounttest.Person{lan, minh} {
			list, _, err := h.Audit.ListBySubject(t.Context(), audit.Query{Subject: p.ID, Limit: 1})
			ok(t, err)
			if len(list) != 1 || list[0].Action != "provider.verify.matched" || list[0].Ground != agencyLaw {
				t.Errorf("%+v", list)
			}
		}
	})
}

// A phone is the account's: what is said of it would tell who has an account.
func TestAgencyDoesNotComparePhones(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		lan := h.Person(accounttest.Lan)
		one := strings.Replace(about(lan.Declared.Number.Reveal(), lan.Declared.Name, "1990-09-02", "female"), `{"claims":{`, `{"claims":{"phone_number":"0912345678",`, 1)
		_, err := h.people(t, one)
		refused(t, err, "invalid_request")
	})
}

// Whether a number is somebody's is not told: of nobody, of a child, of a dead
// person, by an earlier number, and of somebody about whom one fact is right,
// the answer and the entries are alike.
func TestNoOracleForWhoExists(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		an, dead, lan := accounttest.An, accounttest.Dead, h.Person(accounttest.Lan)
		h.Register(t, an) // nine years old
		h.Register(t, dead)
		for name, one := range map[string]string{
			"nobody's number":   about("001190999999", lan.Declared.Name, "1990-09-02", "female"),
			"one fact right":    about(lan.Declared.Number.Reveal(), lan.Declared.Name, "1990-09-03", "male"),
			"none right":        about(lan.Declared.Number.Reveal(), "Lê A", "1990-09-04", "male"),
			"an earlier number": about("012345678", lan.Declared.Name, "1990-09-02", "female"),
			"a child":           about(an.Numbers[0].Number, an.Name, an.BirthDate.String(), an.Sex),
			"a dead man":        about(dead.Numbers[0].Number, dead.Name, dead.BirthDate.String(), dead.Sex),
		} {
			before := h.count(t, `SELECT COUNT(*) FROM audit_entry`)
			got, err := h.people(t, one)
			ok(t, err)
			if got != "["+allNo+"]" {
				t.Errorf("%s: %s", name, got)
			}
			if n := h.count(t, `SELECT COUNT(*) FROM audit_entry`) - before; n != 1 {
				t.Errorf("%s: %d entries", name, n)
			}
		}
	})
}

// The limit, too, comes alike: wrong values are counted by the number, whoever
// bears it.
func TestTheLimitTellsNothingEither(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		lan := h.Person(accounttest.Lan)
		for _, number := range []string{lan.Declared.Number.Reveal(), "001190999999"} {
			for i := range 5 {
				// Her name is right the first time; were it not counted as wrong all
				// the same, the limit would come later than with the other number.
				got, err := h.people(t, about(number, []string{lan.Declared.Name, "Lê A", "Lê B", "Lê C", "Lê D"}[i], "1990-09-03", "male"))
				if i < 3 && (err != nil || got != "["+allNo+"]") || i >= 3 && !fault.Is(err, fault.TooMany) {
					t.Errorf("%d: %s, %v", i, got, err)
				}
			}
		}
	})
}

// Whoever knows a name and a birth date could look for the number.
func TestLookingForANumber(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		lan := h.Person(accounttest.Lan)
		var answered atomic.Int64
		var all sync.WaitGroup
		for w := range 12 {
			all.Go(func() {
				for i := range 10 {
					_, err := h.people(t, about(fmt.Sprintf("0011900%05d", 10*w+i), lan.Declared.Name, "1990-09-02", "female"))
					if err == nil {
						answered.Add(1)
					} else if !fault.Is(err, fault.TooMany) {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if answered.Load() != 100 {
			t.Errorf("%d numbers were tried", answered.Load())
		}
		// Nothing more is answered that day, not even what is right.
		if _, err := h.people(t, about(lan.Declared.Number.Reveal(), lan.Declared.Name, "1990-09-02", "female")); !fault.Is(err, fault.TooMany) {
			t.Error(err)
		}
	})
}

func TestStandingTakesAGroundAndEnoughFacts(t *testing.T) {
	run(t, func(t *testing.T, h *house) {
		lan := h.Person(accounttest.Lan)
		one := about(lan.Declared.Number.Reveal(), lan.Declared.Name, "1990-09-02", "female")
		ask := func(purpose, people string) error {
			_, err := h.desk.Standing(t.Context(), h.Client(t, "bank"), purpose, []byte(people))
			return err
		}
		refused(t, ask("keep_right", "["+one+"]"), "unauthorized_client")
		refused(t, ask("read_only", "["+one+"]"), "unauthorized_client")
		for _, purpose := range []string{"", "nothing"} {
			refused(t, ask(purpose, "["+one+"]"), "invalid_request")
		}
		for _, people := range []string{"", "null", "[]", "{}", `[{}]`, `[{"claims":{"name":"x","birthdate":"1990-09-02","gender":"female"}}]`, `[{"claims":{"personal_number":"001190001234","name":"x"}}]`,
			`[{"claims":{"personal_number":"001190001234","name":"x","name_without_diacritics":"x"}}]`, "[" + strings.Repeat(one+",", 50) + one + "]", `[` + one + `,{"claims":{"name":7}}]`} {
			refused(t, ask("agency", people), "invalid_request")
		}
		if n := h.count(t, `SELECT COUNT(*) FROM provider_verify_month`); n != 0 {
			t.Error("something was answered")
		}
		if day := clock.DateOf(h.Clock.Now()); day.Before(clock.Date{Year: 2024, Month: 7, Day: 1}) {
			t.Fatal("the ground is not in force yet")
		}
	})
}
