// SPDX-License-Identifier: Apache-2.0

package census_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"danh/internal/border"
	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
	"danh/sandbox/bearer"
	"danh/sandbox/census"
	"danh/sandbox/people"
)

func open(t *testing.T) http.Handler {
	t.Helper()
	c, err := census.Open(filepath.Join(t.TempDir(), "taken.txt"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	var feed, cards bytes.Buffer
	asOf := clock.Date{Year: 2026, Month: 11, Day: 21}
	if _, err := people.Write(t.Context(), people.Config{Count: 100, Seed: 1, AsOf: asOf, Out: &feed}); err != nil {
		t.Fatal(err)
	}
	if err := cardfeed.Write(&cards, cardfeed.Header{Registry: cardfeed.Population, Source: people.Source, AsOf: asOf}, []cardfeed.Bearer{
		{Ref: people.Woman, Cards: bearer.Person{Ref: people.Woman, Number: "001190999901", Birth: clock.Date{Year: 1990, Month: 9, Day: 2}}.Cards(asOf),
			Prints: &cardfeed.Prints{Taken: asOf, Engine: "e", Version: "1", Missing: []cardfeed.Missing{{Position: fmr.RightThumb, Reason: "bandaged"}}}},
		{Ref: people.OldNumber, Cards: []cardfeed.Card{{Kind: "cmnd", Number: "011999908", Issued: clock.Date{Year: 2010, Month: 1, Day: 5}, Expires: clock.Date{Year: 2024, Month: 12, Day: 31}}}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.LoadPeople(&feed); err != nil {
		t.Fatal(err)
	}
	if err := c.LoadCards(&cards); err != nil {
		t.Fatal(err)
	}
	if err := c.LoadForeigners(bytes.NewReader(border.Sample())); err != nil {
		t.Fatal(err)
	}
	return c.Handler()
}

func ask(t *testing.T, h http.Handler, method, path string, status int) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	if w.Code != status {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func TestFingersArePresentedAndNeverTheEnrolledOnes(t *testing.T) {
	h := open(t)
	one := ask(t, h, "GET", "/people/sample-woman/prints/2.pgm", 200)
	if bytes.Equal(one, ask(t, h, "GET", "/people/sample-woman/prints/2.pgm?impression=2", 200)) {
		t.Error("two impressions are one image")
	}
	if bytes.Equal(one, ask(t, h, "GET", "/people/f1/prints/2.pgm", 200)) {
		t.Error("two people have one finger")
	}
	f := fingerprint.New(fingerprint.Seed(people.Woman, 2))
	if bytes.Equal(one, bearer.PGM(f.Enrolled(0))) {
		t.Error("the enrolled image is presented")
	}
	img, err := png.Decode(bytes.NewReader(ask(t, h, "GET", "/people/sample-woman/prints/2.png?impression=1", 200)))
	if err != nil || img.Bounds().Dx() != fingerprint.Width {
		t.Fatal(err)
	}
	if g, ok := img.(*image.Gray); !ok || !bytes.Equal(one, bearer.PGM(g)) {
		t.Error("one impression is two images")
	}
	ask(t, h, "GET", "/people/sample-neighbour/prints/9.pgm", 410)
	ask(t, h, "GET", "/people/sample-dead/prints/2.pgm", 404)
	for _, bad := range []string{"/people/nobody/prints/2.pgm", "/people/nobody/portrait.jpg", "/people/sample-neighbour/card.txt"} {
		ask(t, h, "GET", bad, 404)
	}
	for _, bad := range []string{"0.pgm", "11.pgm", "2.bmp", "2", "2.pgm?impression=0", "2.pgm?impression=1001"} {
		ask(t, h, "GET", "/people/sample-woman/prints/"+bad, 400)
	}
}

func TestEachShotIsAnotherPicture(t *testing.T) {
	h := open(t)
	one := ask(t, h, "GET", "/people/sample-woman/portrait.jpg?shot=1", 200)
	if bytes.Equal(one, ask(t, h, "GET", "/people/sample-woman/portrait.jpg?shot=2", 200)) {
		t.Error("two shots are one picture")
	}
	onRecord := bearer.Person{Ref: people.Woman, Sex: "female", Birth: clock.Date{Year: 1990, Month: 9, Day: 2}}.OnRecord(clock.Date{Year: 2026, Month: 11, Day: 21})
	if _, err := jpeg.Decode(bytes.NewReader(one)); err != nil || bytes.Equal(one, onRecord) {
		t.Error("the portrait on record is a shot", err)
	}
}

func TestPeopleAreFoundByWhatTheyHold(t *testing.T) {
	h := open(t)
	refs := func(wish string) (out []string) {
		t.Helper()
		var list []struct {
			Ref    string          `json:"ref"`
			Cards  []cardfeed.Card `json:"cards"`
			Prints bool            `json:"prints"`
		}
		if err := json.Unmarshal(ask(t, h, "GET", "/people.json?"+wish, 200), &list); err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			out = append(out, p.Ref)
		}
		return out
	}
	if got := refs("prints=1"); !slices.Equal(got, []string{people.Woman}) {
		t.Error(got)
	}
	if got := refs("card=cccd_chip"); !slices.Equal(got, []string{people.Woman}) {
		t.Error(got)
	}
	if got := refs("card=none&min=30&prints=no"); slices.Contains(got, people.Woman) || !slices.Contains(got, people.Owner) {
		t.Error(got)
	}
	var card []struct {
		QR   string   `json:"qr"`
		Zone []string `json:"mrz"`
	}
	if err := json.Unmarshal(ask(t, h, "GET", "/people/sample-woman/card.json", 200), &card); err != nil || len(card) != 1 || len(card[0].Zone) != 3 || card[0].QR == "" {
		t.Fatal(card, err)
	}
	if got := ask(t, h, "GET", "/people/sample-woman/card.txt", 200); string(got) != card[0].QR {
		t.Errorf("%s", got)
	}
	var foreign []census.Foreigner
	if err := json.Unmarshal(ask(t, h, "GET", "/foreigners.json", 200), &foreign); err != nil || len(foreign) < 8 || len(foreign[0].Zone) != 2 {
		t.Fatal(foreign, err)
	}
}

// TestWhoHoldsNoCardHasAFaceAndTenFingers: a first card is made of them.
func TestWhoHoldsNoCardHasAFaceAndTenFingers(t *testing.T) {
	h := open(t)
	if list := ask(t, h, "GET", "/people?q=", 200); !bytes.Contains(list, []byte(`href="/people/sample-owner/body"`)) {
		t.Fatal("the list does not lead to her")
	}
	got := string(ask(t, h, "GET", "/people/sample-owner/body", 200))
	for _, path := range []string{"portrait.jpg?shot=2", "prints/1.png?impression=1", "prints/10.pgm?impression=5"} {
		if !strings.Contains(got, `href="/people/sample-owner/`+path+`"`) {
			t.Errorf("%s is not offered", path)
		}
		ask(t, h, "GET", "/people/sample-owner/"+path, 200)
	}
	if got := string(ask(t, h, "GET", "/people/sample-neighbour/body", 200)); !strings.Contains(got, "amputated") || strings.Contains(got, "prints/9.") {
		t.Error("a missing finger is offered")
	}
	ask(t, h, "GET", "/people/sample-dead/body", 404)
}
