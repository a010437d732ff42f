// SPDX-License-Identifier: Apache-2.0

package people_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"danh/internal/clock"
	"danh/internal/feed"
	"danh/internal/gazetteer"
	"danh/sandbox/people"
)

var today = clock.Date{Year: 2026, Month: 11, Day: 21}

// file is a generated feed, read back.
type file struct {
	people     map[string]*feed.Person
	order      []string
	households []*feed.Household
	temporary  []*feed.Temporary
	stays      []*feed.Stay
	subs       []people.Subscriber
}

func generate(t testing.TB, count int64, seed uint64) file {
	t.Helper()
	var out, subs bytes.Buffer
	stats, err := people.Write(context.Background(), people.Config{Count: count, Seed: seed, AsOf: today, Out: &out, Subscribers: &subs})
	if err != nil {
		t.Fatal(err)
	}
	f := file{people: map[string]*feed.Person{}}
	r, err := feed.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	if h := r.Header(); h.Count != count || h.Seed != seed || h.AsOf != today || h.Source != people.Source {
		t.Fatalf("header %+v", h)
	}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case rec.Person != nil:
			if f.people[rec.Person.Ref] != nil {
				t.Fatalf("ref %s stands twice", rec.Person.Ref)
			}
			f.people[rec.Person.Ref] = rec.Person
			f.order = append(f.order, rec.Person.Ref)
		case rec.Household != nil:
			f.households = append(f.households, rec.Household)
		case rec.Temporary != nil:
			f.temporary = append(f.temporary, rec.Temporary)
		case rec.Stay != nil:
			f.stays = append(f.stays, rec.Stay)
		}
	}
	if err := people.ReadSubscribers(&subs, func(s people.Subscriber) error { f.subs = append(f.subs, s); return nil }); err != nil {
		t.Fatal(err)
	}
	if int64(len(f.people)) != count || stats.People != count || stats.Households != int64(len(f.households)) || stats.Subscribers != int64(len(f.subs)) || stats.Temporary != int64(len(f.temporary)) || stats.Stays != int64(len(f.stays)) {
		t.Fatalf("%d people read, stats %+v", len(f.people), stats)
	}
	return f
}

func TestSameCountSeedAndDayGiveTheSameBytes(t *testing.T) {
	sum := func(count int64, seed uint64) string {
		h := sha256.New()
		if _, err := people.Write(context.Background(), people.Config{Count: count, Seed: seed, AsOf: today, Out: h, Subscribers: h}); err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(h.Sum(nil)[:8])
	}
	const want = "fdfbc4c853096a46" // of 2,000 people, seed 1: changes whenever the generator or the gazetteer changes
	if got := sum(2000, 1); got != want {
		t.Errorf("the file's hash is %s, want %s", got, want)
	}
	if sum(2000, 1) == sum(2000, 2) {
		t.Error("another seed gives the same file")
	}
}

func TestNumbersAreWellFormedAndUnique(t *testing.T) {
	f := generate(t, 30_000, 7)
	facts, err := gazetteer.Read()
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]bool{}
	for _, p := range facts.Places {
		places[p.Code] = true
	}
	seen := map[string]string{}
	renumbered, onlyOld, odd := 0, 0, 0
	for _, p := range f.people {
		for _, n := range p.Numbers {
			if other := seen[n.Number]; other != "" {
				t.Fatalf("%s and %s have the same number", other, p.Ref)
			}
			seen[n.Number] = p.Ref
		}
		now := p.Current()
		if now == "" {
			onlyOld++
			continue
		}
		if len(p.Numbers) > 1 && len(p.Numbers[len(p.Numbers)-2].Number) == 12 {
			renumbered++
		}
		if !places[now[:3]] {
			t.Errorf("%s: no place has the number's first digits", p.Ref)
		}
		g := (p.BirthDate.Year/100 - 19) * 2
		if p.Sex == "female" {
			g++
		}
		if int(now[3]-'0') != g || int(now[4]-'0')*10+int(now[5]-'0') != p.BirthDate.Year%100 {
			odd++
		}
		for _, n := range p.Numbers {
			if !n.From.IsZero() && n.From.Before(p.BirthDate) {
				t.Errorf("%s: a number is older than the person", p.Ref)
			}
			if !p.Died.IsZero() && p.Died.Before(n.From) {
				t.Errorf("%s: a number was given to the dead", p.Ref)
			}
		}
	}
	if odd != 0 {
		t.Errorf("%d numbers in force disagree with sex or year", odd)
	}
	share(t, "renumbered", renumbered, len(f.people), 0.003, 0.006)
	share(t, "only an old number", onlyOld, len(f.people), 0.0004, 0.003)
}

func share(t *testing.T, what string, n, of int, lo, hi float64) {
	t.Helper()
	if s := float64(n) / float64(of); s < lo || s > hi {
		t.Errorf("%s: %.4f, want %.4f to %.4f", what, s, lo, hi)
	}
}

func TestRelationsAgreeAcrossHouseholds(t *testing.T) {
	f := generate(t, 20_000, 3)
	back := map[string][]string{"father": {"child"}, "mother": {"child"}, "child": {"father", "mother"}, "spouse": {"spouse"}, "guardian": {"ward"}, "ward": {"guardian"}}
	kinds := map[string]int{}
	home := map[string]int{}
	for i, h := range f.households {
		for _, m := range h.Members {
			if _, twice := home[m.Ref]; twice {
				t.Errorf("%s lives in two households", m.Ref)
			}
			home[m.Ref] = i
		}
	}
	crossing, named, sameFamily := 0, 0, 0
	for _, p := range f.people {
		for _, r := range p.Relations {
			q := f.people[r.Ref]
			if q == nil {
				t.Fatalf("%s: a relation leads nowhere", p.Ref)
			}
			kinds[r.Kind]++
			found := false
			for _, s := range q.Relations {
				if s.Ref == p.Ref && (s.Kind == back[r.Kind][0] || len(back[r.Kind]) > 1 && s.Kind == back[r.Kind][1]) {
					found = true
				}
			}
			if !found {
				t.Errorf("%s names %s as %s, but not the other way round", p.Ref, q.Ref, r.Kind)
			}
			switch r.Kind {
			case "father", "mother":
				if gap := p.BirthDate.Year - q.BirthDate.Year; gap < 17 || gap > 75 {
					t.Errorf("%s: a parent is %d years older", p.Ref, gap)
				}
				if r.Kind == "mother" && !q.Died.IsZero() && q.Died.Year < p.BirthDate.Year {
					t.Errorf("%s was born after the mother's death", p.Ref)
				}
				if (r.Kind == "father") != (q.Sex == "male") {
					t.Errorf("%s: the %s has the wrong sex", p.Ref, r.Kind)
				}
				if p.Died.IsZero() && q.Died.IsZero() && home[p.Ref] != home[q.Ref] {
					crossing++
				}
				if r.Kind == "father" && p.Ethnicity == "Kinh" {
					named++
					if strings.Fields(p.Name)[0] == strings.Fields(q.Name)[0] {
						sameFamily++
					}
				}
			case "spouse":
				if p.Sex == q.Sex || p.Marital == "single" || p.Marital == "divorced" {
					t.Errorf("%s: the marriage does not agree", p.Ref)
				}
			case "guardian":
				if q.BirthDate.AgeOn(today) < 18 || !q.Died.IsZero() {
					t.Errorf("%s: the guardian cannot be one", p.Ref)
				}
			}
		}
	}
	for _, k := range []string{"father", "mother", "child", "spouse", "guardian", "ward"} {
		if kinds[k] == 0 {
			t.Errorf("no relation of kind %s", k)
		}
	}
	if crossing < 500 {
		t.Errorf("only %d relations cross households", crossing)
	}
	share(t, "father's family name", sameFamily, named, 0.93, 0.999)
}

func TestEveryLivingPersonHasOneHouseholdOfPlausibleSize(t *testing.T) {
	f := generate(t, 20_000, 5)
	size := map[int]int{}
	member := map[string]bool{}
	renewed := 0
	for _, h := range f.households {
		size[len(h.Members)]++
		adult := false
		for _, m := range h.Members {
			p := f.people[m.Ref]
			if p == nil || !p.Died.IsZero() {
				t.Fatalf("household %s has a member who is dead or unknown", h.Ref)
			}
			member[m.Ref] = true
			adult = adult || p.BirthDate.AgeOn(today) >= 18
			if m.Ref == h.Head && m.Relation != "head" {
				t.Errorf("household %s: the head is called %s", h.Ref, m.Relation)
			}
			if m.Since.Before(clock.Date{Year: p.BirthDate.Year}) || today.Before(m.Since) {
				t.Errorf("household %s: a member came before birth or comes after the file's day", h.Ref)
			}
		}
		if !adult {
			t.Errorf("household %s has no adult", h.Ref)
		}
		if h.Address.UnitFrom.Year == 2025 && len(h.Former) > 0 {
			renewed++
		}
	}
	living, lost := 0, 0
	for _, p := range f.people {
		if p.Died.IsZero() {
			living++
			if !member[p.Ref] {
				lost++
			}
		}
	}
	if lost != 0 {
		t.Errorf("%d living people have no household", lost)
	}
	mean := float64(living) / float64(len(f.households))
	if mean < 3.0 || mean > 4.2 {
		t.Errorf("households have %.2f members on average (sizes %v)", mean, size)
	}
	for n := range size {
		if n > 9 {
			t.Errorf("a household has %d members", n)
		}
	}
	share(t, "addresses renewed after the merger", renewed, len(f.households), 0.4, 0.8)
}

func TestFrequenciesArePlausible(t *testing.T) {
	f := generate(t, 40_000, 11)
	family := map[string]int{}
	var ages [12]int
	var living, dead, men, yearOnly, old, kinh, adults int
	for _, p := range f.people {
		family[strings.Fields(p.Name)[0]]++
		if p.Ethnicity == "Kinh" {
			kinh++
		}
		if p.BirthDate.Year < 1945 {
			old++
			if p.BirthDate.Month == 0 {
				yearOnly++
			}
		}
		if !p.Died.IsZero() {
			dead++
			continue
		}
		living++
		age := p.BirthDate.AgeOn(today)
		if age >= 18 {
			adults++
		}
		ages[min(age/10, 11)]++
		if p.Sex == "male" {
			men++
		}
	}
	n := len(f.people)
	share(t, "Nguyễn", family["Nguyễn"], n, 0.29, 0.38)
	share(t, "Trần", family["Trần"], n, 0.085, 0.125)
	share(t, "Lê", family["Lê"], n, 0.07, 0.11)
	share(t, "Hoàng and Huỳnh", family["Hoàng"]+family["Huỳnh"], n, 0.035, 0.065)
	share(t, "Kinh", kinh, n, 0.80, 0.92)
	share(t, "men", men, living, 0.47, 0.53)
	share(t, "dead", dead, n, 0.02, 0.09)
	share(t, "year-only births before 1945", yearOnly, old, 0.12, 0.3)
	under15 := 0
	for _, p := range f.people {
		if p.Died.IsZero() && p.BirthDate.AgeOn(today) < 15 {
			under15++
		}
	}
	share(t, "under 15", under15, living, 0.18, 0.29)
	share(t, "70 and older", ages[7]+ages[8]+ages[9]+ages[10]+ages[11], living, 0.03, 0.10)
	t.Logf("ages by ten years %v of %d", ages, living)
	phones, form := map[string]bool{}, regexp.MustCompile(`^0[35789]\d{8}$`)
	owners := map[string]bool{}
	for _, s := range f.subs {
		if phones[s.Phone] || !form.MatchString(s.Phone) {
			t.Fatal("a phone number is no number or stands twice")
		}
		phones[s.Phone] = true
		owners[s.Number] = true
	}
	share(t, "adults with a SIM in their name", len(owners), adults, 0.7, 0.98)
}

func TestUnitsOfAddressesWereValid(t *testing.T) {
	f := generate(t, 10_000, 13)
	facts, err := gazetteer.Read()
	if err != nil {
		t.Fatal(err)
	}
	units := map[string]gazetteer.Unit{}
	for _, u := range facts.Units {
		units[u.Code+"/"+u.From.String()] = u
	}
	check := func(p feed.Place, on clock.Date) {
		t.Helper()
		u, ok := units[p.Unit+"/"+p.UnitFrom.String()]
		if !ok || u.Level != gazetteer.Commune || !strings.Contains(p.Text, u.Kind+" "+u.Name) {
			t.Fatalf("an address names unit %s of %s, which is not in its text", p.Unit, p.UnitFrom)
		}
		if !on.IsZero() && !u.ValidAt(on) {
			t.Fatalf("unit %s of %s was not valid on %s", p.Unit, p.UnitFrom, on)
		}
	}
	for _, h := range f.households {
		check(h.Address, h.Since)
		for _, m := range h.Former {
			check(m.Address, m.From)
		}
	}
	for _, x := range f.temporary {
		check(x.Address, x.From)
	}
	for _, x := range f.stays {
		check(x.Address, x.From)
	}
	if len(f.temporary) == 0 || len(f.stays) == 0 {
		t.Error("no temporary residence or no stay")
	}
}

func TestSamplesStandFirstAndAreAsPromised(t *testing.T) {
	for _, seed := range []uint64{1, 99} {
		f := generate(t, people.Least, seed)
		sims := map[string]people.Subscriber{}
		for _, s := range f.subs {
			sims[s.Phone] = s
		}
		list := people.Samples(today)
		if len(list) != people.Least {
			t.Fatalf("%d samples", len(list))
		}
		for i, s := range list {
			p := f.people[f.order[i]]
			if p.Ref != s.Ref || p.Name != s.Name || p.BirthDate != s.BirthDate || p.Sex != s.Sex || p.Current() != s.Number || p.Died.IsZero() == s.Died {
				t.Errorf("%s is not as promised", s.Ref)
			}
			if s.OldNumber != "" && p.Numbers[0].Number != s.OldNumber {
				t.Errorf("%s: the old number is another", s.Ref)
			}
			if s.Phone != "" && sims[s.Phone].Name != f.people[s.PhoneOf].Name {
				t.Errorf("%s: the SIM is in another name", s.Ref)
			}
		}
		if age := f.people[people.Child].BirthDate.AgeOn(today); age != 13 {
			t.Errorf("the child is %d", age)
		}
		if f.people[people.Grandmother].BirthDate.Month != 0 {
			t.Error("the grandmother's birth has a month")
		}
	}
}

// TestMemoryStaysFlat writes eight times as many people and wants no more memory.
func TestMemoryStaysFlat(t *testing.T) {
	peak := func(count int64) uint64 {
		runtime.GC()
		var most uint64
		var m runtime.MemStats
		n := 0
		_, err := people.Write(context.Background(), people.Config{Count: count, Seed: 1, AsOf: today, Out: io.Discard, Subscribers: io.Discard, Progress: func(people.Stats) {
			if n++; n%3 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return most
	}
	small, large := peak(30_000), peak(240_000)
	if small == 0 {
		t.Fatal("nothing was measured")
	}
	if large > small+small/4+1<<20 {
		t.Errorf("peak heap grew from %d to %d bytes", small, large)
	}
	if large > 32<<20 {
		t.Errorf("peak heap is %d bytes", large)
	}
	t.Logf("peak heap %.1f MiB at 240,000 people", float64(large)/(1<<20))
}

// Files of other days read back whole: before the merger no unit of after it is named.
func TestFilesOfOtherDays(t *testing.T) {
	for _, asOf := range []clock.Date{{Year: 2020, Month: 2, Day: 29}, {Year: 2025, Month: 6, Day: 30}, {Year: 2025, Month: 7, Day: 1}, {Year: 2033, Month: 12, Day: 31}} {
		var out bytes.Buffer
		if _, err := people.Write(context.Background(), people.Config{Count: 5000, Seed: 21, AsOf: asOf, Out: &out}); err != nil {
			t.Fatal(err)
		}
		r, err := feed.NewReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		later := 0
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("as of %s: %v", asOf, err)
			}
			if h := rec.Household; h != nil {
				if asOf.Before(h.Since) {
					t.Errorf("as of %s: household %s begins later", asOf, h.Ref)
				}
				if h.Address.UnitFrom.Year > 1900 {
					later++
				}
			}
		}
		if merged := !asOf.Before(clock.Date{Year: 2025, Month: 7, Day: 1}); merged != (later > 0) {
			t.Errorf("as of %s: %d households live in units of after the merger", asOf, later)
		}
	}
}

func TestRefusesWhatItCannotWrite(t *testing.T) {
	for _, c := range []people.Config{
		{Count: people.Least - 1, AsOf: today, Out: io.Discard},
		{Count: 100, AsOf: clock.Date{Year: 2026}, Out: io.Discard},
		{Count: 100, AsOf: today, Out: broken{}},
	} {
		if _, err := people.Write(context.Background(), c); err == nil {
			t.Errorf("accepted %+v", c)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := people.Write(ctx, people.Config{Count: 1 << 40, AsOf: today, Out: io.Discard}); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func BenchmarkWrite(b *testing.B) {
	b.ReportAllocs()
	const n = 100_000
	for b.Loop() {
		if _, err := people.Write(context.Background(), people.Config{Count: n, Seed: 1, AsOf: today, Out: io.Discard, Subscribers: io.Discard}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "people/s")
}
