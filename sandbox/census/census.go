// SPDX-License-Identifier: Apache-2.0

// Package census owns the sandbox's list of its own synthetic people: a page
// on which a tester finds somebody to be, and a counter that hands each tour a
// person nobody has been yet.
//
// It refuses to be part of the product: the product cannot ask it anything. It
// holds at most the first few thousand people of a feed in memory; who was
// handed out is kept in a file, appended before the answer, so that a restart
// does not hand the same person out again.
package census

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/feed"
	"danh/sandbox/bearer"
)

const most = 5000

//go:embed census.html
var pageText string

var page = template.Must(template.New("census").Parse(pageText))

// Person is what a tester needs to be somebody.
type Person struct {
	Ref       string   `json:"ref"`
	Number    string   `json:"number"`
	OldNumber string   `json:"old_number,omitempty"`
	Name      string   `json:"name"`
	BirthDate string   `json:"birth_date"`
	Sex       string   `json:"sex"`
	Age       int      `json:"age"`
	Died      string   `json:"died,omitempty"`
	Phones    []string `json:"phones"` // registered with the carrier in the person's own name
	Address   string   `json:"address,omitempty"`
	Father    string   `json:"father,omitempty"` // refs
	Mother    string   `json:"mother,omitempty"`
	// What she holds, and whether portrait and prints of her are on record.
	Cards  []cardfeed.Card `json:"cards,omitempty"`
	Prints bool            `json:"prints"`
	key    string
	body   bearer.Person
}

// Census is the list.
type Census struct {
	mu     sync.Mutex
	people []*Person
	byRef  map[string]*Person
	taken  map[string]bool
	file   *os.File
	asOf   clock.Date

	foreign []*Foreigner
	hands   *bearer.Hands
}

// Open returns an empty list that notes in the file at path who was handed out.
func Open(path string) (*Census, error) {
	c := &Census{byRef: map[string]*Person{}, taken: map[string]bool{}, hands: bearer.NewHands()}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the list of people handed out: %w", err)
	}
	s := bufio.NewScanner(f)
	for s.Scan() {
		c.taken[s.Text()] = true
	}
	if err := s.Err(); err != nil {
		f.Close()
		return nil, fmt.Errorf("read the list of people handed out: %w", err)
	}
	c.file = f
	return c, nil
}

// Close closes the note of who was handed out.
func (c *Census) Close() error { return c.file.Close() }

// LoadPeople reads the first people of a feed, and their addresses.
func (c *Census) LoadPeople(r io.Reader) error {
	in, err := feed.NewReader(r)
	if err != nil {
		return fmt.Errorf("read the people feed: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asOf = in.Header().AsOf
	for len(c.people) < most {
		rec, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the people feed: %w", err)
		}
		switch {
		case rec.Person != nil:
			c.add(rec.Person)
		case rec.Household != nil:
			for _, m := range rec.Household.Members {
				if p := c.byRef[m.Ref]; p != nil {
					p.Address = rec.Household.Address.Text
				}
			}
		}
	}
	return nil
}

func (c *Census) add(f *feed.Person) {
	p := &Person{Ref: f.Ref, Number: f.Current(), Name: f.Name, BirthDate: f.BirthDate.String(), Sex: f.Sex,
		Age: f.BirthDate.AgeOn(c.asOf), Died: f.Died.String(), Phones: []string{}, body: bearer.OfFeed(f)}
	for _, n := range f.Numbers {
		if len(n.Number) == 9 {
			p.OldNumber = n.Number
		}
	}
	for _, r := range f.Relations {
		switch r.Kind {
		case "father":
			p.Father = r.Ref
		case "mother":
			p.Mother = r.Ref
		}
	}
	p.key = fold(f.Name) + " " + p.Number + " " + p.OldNumber
	c.people = append(c.people, p)
	c.byRef[p.Ref] = p
}

// LoadSubscribers reads which phones are registered in the people's own names.
func (c *Census) LoadSubscribers(r io.Reader) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	byNumber := map[string]*Person{}
	for _, p := range c.people {
		if p.Number != "" {
			byNumber[p.Number] = p
		}
	}
	d := json.NewDecoder(r)
	for {
		var s struct {
			Phone  string `json:"phone"`
			Number string `json:"number"`
		}
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the subscribers: %w", err)
		}
		if p := byNumber[s.Number]; p != nil {
			p.Phones = append(p.Phones, s.Phone)
			p.key += " " + s.Phone
		}
	}
}

// fold drops marks and case, so that "nguyen thi anh" finds Nguyễn Thị Ánh.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == 'đ' || r == 'Đ':
			return 'd'
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

// wish is what kind of person is asked for.
type wish struct {
	today          clock.Date
	minAge, maxAge int
	phone          *bool // with or without a phone in the own name
	alive          bool
	old            bool   // with an old number
	exact          bool   // birth date known to the day
	prints         *bool  // of whom prints are on record, or not
	card           string // a kind, "expired", "any" or "none"
	text, ref      string
	parent         func(*Person) bool // nil: whoever the parents are
}

func (c *Census) wishOf(r *http.Request) wish {
	q := r.URL.Query()
	w := wish{today: c.asOf, maxAge: 200, alive: q.Get("dead") == "", text: strings.TrimSpace(fold(q.Get("q"))), ref: q.Get("ref"), old: q.Get("old") != "", exact: q.Get("exact") != ""}
	if n, err := strconv.Atoi(q.Get("min")); err == nil {
		w.minAge = n
	}
	if n, err := strconv.Atoi(q.Get("max")); err == nil {
		w.maxAge = n
	}
	if v := q.Get("phone"); v != "" {
		b := v == "own"
		w.phone = &b
	}
	if v := q.Get("prints"); v != "" {
		b := v != "no"
		w.prints = &b
	}
	w.card = q.Get("card")
	if q.Get("parent") == "phone" {
		w.parent = func(p *Person) bool {
			for _, ref := range []string{p.Mother, p.Father} {
				if x := c.byRef[ref]; x != nil && x.Died == "" && len(x.Phones) > 0 {
					return true
				}
			}
			return false
		}
	}
	return w
}

func (w wish) met(p *Person) bool {
	return p.Age >= w.minAge && p.Age <= w.maxAge && (!w.alive || p.Died == "") && p.Number != "" &&
		(w.phone == nil || *w.phone == (len(p.Phones) > 0)) && (!w.old || p.OldNumber != "") && (!w.exact || len(p.BirthDate) == 10) &&
		(w.text == "" || strings.Contains(p.key, w.text)) && (w.ref == "" || p.Ref == w.ref) &&
		(w.parent == nil || w.parent(p)) && (w.prints == nil || *w.prints == p.Prints) && (w.card == "" || w.holds(p))
}

// holds reports whether somebody holds the card that is wished for. A kind
// means one in force.
func (w wish) holds(p *Person) bool {
	if len(p.Cards) == 0 || w.card == "none" {
		return len(p.Cards) == 0 && w.card == "none"
	}
	ended := !p.Cards[0].Expires.IsZero() && p.Cards[0].Expires.Before(w.today)
	switch w.card {
	case "any":
		return true
	case "expired":
		return ended
	}
	return p.Cards[0].Kind == w.card && (!ended || w.card == "cmnd")
}

// take hands out a person that meets the wish and that nobody has been yet.
func (c *Census) take(w wish) (*Person, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// The last people first, and a documented sample only by its name: a human
	// tester wants to be one of them, and some have accounts from the start.
	for i := len(c.people) - 1; i >= 0; i-- {
		p := c.people[i]
		if c.taken[p.Ref] || w.ref == "" && strings.HasPrefix(p.Ref, "sample-") || !w.met(p) {
			continue
		}
		return p, c.note(p.Ref)
	}
	return nil, nil
}

// note keeps who was handed out, before the answer. The lock is held.
func (c *Census) note(ref string) error {
	if _, err := fmt.Fprintln(c.file, ref); err != nil {
		return err
	}
	c.taken[ref] = true
	return nil
}

// Handler serves the page /people, the list /people.json, what each of them
// carries on her below /people/{ref}/ and, for POST /people/take, one person
// nobody has been yet.
func (c *Census) Handler() http.Handler {
	mux := http.NewServeMux()
	find := func(r *http.Request, limit int) []*Person {
		w := c.wishOf(r)
		c.mu.Lock()
		defer c.mu.Unlock()
		var out []*Person
		for _, p := range c.people {
			if w.met(p) && len(out) < limit {
				out = append(out, p)
			}
		}
		return out
	}
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	c.mountBodies(mux)
	mux.HandleFunc("GET /people.json", func(w http.ResponseWriter, r *http.Request) { answer(w, find(r, 500)) })
	mux.HandleFunc("POST /people/take", func(w http.ResponseWriter, r *http.Request) {
		p, err := c.take(c.wishOf(r))
		switch {
		case err != nil:
			http.Error(w, "the note of who was handed out cannot be written", http.StatusInternalServerError)
		case p == nil:
			http.Error(w, "nobody of that kind is left; start anew with an empty data folder, or more people", http.StatusNotFound)
		default:
			answer(w, p)
		}
	})
	mux.HandleFunc("GET /people", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'")
		_ = page.Execute(w, struct {
			Query  string
			People []*Person
			Most   int
		}{r.URL.Query().Get("q"), find(r, 200), 200})
	})
	return mux
}
