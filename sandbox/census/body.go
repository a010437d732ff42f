// SPDX-License-Identifier: Apache-2.0

package census

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"image/png"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"danh/internal/border"
	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/fmr"
	"danh/internal/mrz"
	"danh/sandbox/bearer"
)

// Foreigner is a sample foreigner as a tester needs her.
type Foreigner struct {
	border.Foreigner
	Prints bool     `json:"prints"`        // the border holds portrait and prints of her
	Zone   []string `json:"mrz,omitempty"` // of the latest passport
	body   bearer.Person
}

// LoadCards reads who holds which card, and of whom prints are on record.
func (c *Census) LoadCards(r io.Reader) error {
	return c.loadBearers(r, func(b cardfeed.Bearer) {
		if p := c.byRef[b.Ref]; p != nil {
			p.Cards, p.Prints = b.Cards, b.Prints != nil
		}
	})
}

// LoadForeignPrints reads of which foreigners prints are on record.
func (c *Census) LoadForeignPrints(r io.Reader) error {
	return c.loadBearers(r, func(b cardfeed.Bearer) {
		if f := c.foreigner(b.Ref); f != nil {
			f.Prints = b.Prints != nil
		}
	})
}

func (c *Census) loadBearers(r io.Reader, take func(cardfeed.Bearer)) error {
	in, err := cardfeed.NewReader(r)
	if err != nil {
		return fmt.Errorf("read the card feed: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the card feed: %w", err)
		}
		take(b)
	}
}

// LoadForeigners reads an immigration feed.
func (c *Census) LoadForeigners(r io.Reader) error {
	in, err := border.NewReader(r)
	if err != nil {
		return fmt.Errorf("read the immigration feed: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the immigration feed: %w", err)
		}
		c.foreign = append(c.foreign, &Foreigner{Foreigner: f, Zone: passportZone(f), body: bearer.OfBorder(f)})
	}
}

func (c *Census) foreigner(ref string) *Foreigner {
	if i := slices.IndexFunc(c.foreign, func(f *Foreigner) bool { return f.Ref == ref }); i >= 0 {
		return c.foreign[i]
	}
	return nil
}

// takeForeigner hands out an adult whose papers count for a while yet and who
// nobody has been, the last of the list first.
func (c *Census) takeForeigner(prints bool) (*Foreigner, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.foreign) - 1; i >= 0; i-- {
		f := c.foreign[i]
		if c.taken[f.Ref] || prints && !f.Prints || !f.BirthDate.Exact() || f.BirthDate.AgeOn(c.asOf) < 18 || f.Sex == "" || !f.stays(c.asOf.AddDays(30)) {
			continue
		}
		return f, c.note(f.Ref)
	}
	return nil, nil
}

// stays reports whether passport and residence card both still count on a day.
func (f *Foreigner) stays(on clock.Date) bool {
	var passport, card bool
	for _, d := range f.Documents {
		counts := d.Cancelled.IsZero() && (d.Expires.IsZero() || on.Before(d.Expires))
		passport, card = passport || counts && d.Kind == "passport", card || counts && d.Kind != "passport"
	}
	return passport && card
}

// passportZone is the machine-readable zone of a foreigner's latest passport.
func passportZone(f border.Foreigner) []string {
	for i := len(f.Documents) - 1; i >= 0; i-- {
		d := f.Documents[i]
		if d.Kind != "passport" || len(d.Number) > 9 {
			continue
		}
		primary, secondary, _ := strings.Cut(f.Name, " ")
		z := mrz.Zone{Document: "P", Issuer: d.Country, Nationality: f.Nationality, Number: d.Number, Birth: f.BirthDate, Expiry: d.Expires, Primary: primary, Secondary: secondary}
		switch f.Sex {
		case "male":
			z.Sex = "M"
		case "female":
			z.Sex = "F"
		}
		if lines, err := z.TD3(); err == nil {
			return lines[:]
		}
	}
	return nil
}

// body is what a ref's person carries on her.
func (c *Census) body(ref string) (p bearer.Person, cards []cardfeed.Card, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.foreigner(ref); f != nil {
		return f.body, nil, true
	}
	h := c.byRef[ref]
	if h == nil {
		return p, nil, false
	}
	p = h.body
	p.Address = h.Address
	return p, h.Cards, true
}

//go:embed body.html
var bodyText string

var bodyPage = template.Must(template.New("body").Parse(bodyText))

// fingers are the ten, in the order of ISO/IEC 19794-2.
var fingers = []string{"right thumb", "right index", "right middle", "right ring", "right little", "left thumb", "left index", "left middle", "left ring", "left little"}

// offered are the shots and impressions that a page offers; there are more.
var offered = []int{1, 2, 3, 4, 5}

// showBody offers what somebody has at a counter, whether she holds a card or not.
func showBody(w http.ResponseWriter, p bearer.Person, cards []cardfeed.Card) {
	type finger struct {
		At            int
		Name, Missing string
	}
	var list []finger
	for i, n := range fingers {
		list = append(list, finger{i + 1, n, p.Lacks(fmr.Position(i + 1))})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = bodyPage.Execute(w, struct {
		Ref, Name string
		Fingers   []finger
		Offered   []int
		Cards     bool
	}{p.Ref, p.Name, list, offered, len(cards) > 0})
}

// mountBodies serves fingers, faces and cards: what somebody who stands at a
// counter has with her.
func (c *Census) mountBodies(mux *http.ServeMux) {
	with := func(h func(w http.ResponseWriter, r *http.Request, p bearer.Person, cards []cardfeed.Card)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			p, cards, ok := c.body(r.PathValue("ref"))
			if !ok || p.Died {
				http.Error(w, "nobody alive in the sandbox has this ref", http.StatusNotFound)
				return
			}
			h(w, r, p, cards)
		}
	}
	mux.HandleFunc("GET /people/{ref}/body", with(func(w http.ResponseWriter, _ *http.Request, p bearer.Person, cards []cardfeed.Card) {
		showBody(w, p, cards)
	}))
	mux.HandleFunc("GET /people/{ref}/prints/{finger}", with(func(w http.ResponseWriter, r *http.Request, p bearer.Person, _ []cardfeed.Card) {
		name, kind, _ := strings.Cut(r.PathValue("finger"), ".")
		at, err := strconv.Atoi(name)
		n, ok := count(r, "impression")
		if err != nil || at < int(fmr.RightThumb) || at > int(fmr.LeftLittle) || kind != "pgm" && kind != "png" || !ok {
			http.Error(w, "ask for a finger from 1 to 10 as .pgm or .png, and for an impression from 1 to 1000", http.StatusBadRequest)
			return
		}
		if why := p.Lacks(fmr.Position(at)); why != "" {
			http.Error(w, "this finger is missing: "+why, http.StatusGone)
			return
		}
		g := c.hands.Presented(p.Ref, fmr.Position(at), n)
		if kind == "png" {
			w.Header().Set("Content-Type", "image/png")
			_ = png.Encode(w, g)
			return
		}
		w.Header().Set("Content-Type", "image/x-portable-graymap")
		_, _ = w.Write(bearer.PGM(g))
	}))
	mux.HandleFunc("GET /people/{ref}/portrait.jpg", with(func(w http.ResponseWriter, r *http.Request, p bearer.Person, _ []cardfeed.Card) {
		n, ok := count(r, "shot")
		if !ok {
			http.Error(w, "ask for a shot from 1 to 1000", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(p.Shot(c.asOf, n))
	}))
	mux.HandleFunc("GET /people/{ref}/card.txt", with(func(w http.ResponseWriter, r *http.Request, p bearer.Person, cards []cardfeed.Card) {
		for _, k := range cards {
			if text := p.Printed(k); text != "" {
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				_, _ = io.WriteString(w, text)
				return
			}
		}
		http.Error(w, "no card of hers bears a QR symbol", http.StatusNotFound)
	}))
	mux.HandleFunc("GET /people/{ref}/card.json", with(func(w http.ResponseWriter, r *http.Request, p bearer.Person, cards []cardfeed.Card) {
		type carried struct {
			cardfeed.Card
			QR   string   `json:"qr,omitempty"`
			Zone []string `json:"mrz,omitempty"`
		}
		out := []carried{}
		for _, k := range cards {
			x := carried{Card: k, QR: p.Printed(k)}
			if x.QR != "" {
				if lines, err := p.Zone(k); err == nil {
					x.Zone = lines[:]
				}
			}
			out = append(out, x)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out)
	}))
	mux.HandleFunc("POST /foreigners/take", func(w http.ResponseWriter, r *http.Request) {
		f, err := c.takeForeigner(r.URL.Query().Get("prints") != "")
		switch {
		case err != nil:
			http.Error(w, "the note of who was handed out cannot be written", http.StatusInternalServerError)
		case f == nil:
			http.Error(w, "no such foreigner is left; start anew with an empty data folder", http.StatusNotFound)
		default:
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(f)
		}
	})
	mux.HandleFunc("GET /foreigners.json", func(w http.ResponseWriter, _ *http.Request) {
		c.mu.Lock()
		list := slices.Clone(c.foreign)
		c.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(list)
	})
}

// count reads which impression or shot is asked for: 1 to 1000, 1 without it.
func count(r *http.Request, name string) (int, bool) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return 1, true
	}
	n, err := strconv.Atoi(v)
	return n, err == nil && n >= 1 && n <= 1000
}
