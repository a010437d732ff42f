// SPDX-License-Identifier: Apache-2.0

package cardfeed_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"reflect"
	"strings"
	"testing"

	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/face"
	"danh/internal/fmr"
)

func day(y, m, d int) clock.Date { return clock.Date{Year: y, Month: m, Day: d} }

func record(t testing.TB) []byte {
	t.Helper()
	b, err := fmr.Record{Width: 360, Height: 460, XRes: 197, YRes: 197, Views: []fmr.View{
		{Position: fmr.RightIndex, Quality: 70, Minutiae: []fmr.Minutia{{X: 10, Y: 20, Type: fmr.Ending}, {X: 90, Y: 200, Angle: 512, Type: fmr.Bifurcation}}},
		{Position: fmr.LeftIndex, Quality: 70, Minutiae: []fmr.Minutia{{X: 11, Y: 22, Type: fmr.Ending}}},
	}}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bearers(t testing.TB) (cardfeed.Header, []cardfeed.Bearer) {
	t.Helper()
	return cardfeed.Header{Registry: cardfeed.Population, Source: "test", AsOf: day(2026, 11, 21)}, []cardfeed.Bearer{
		{Ref: "p1", Cards: []cardfeed.Card{{Kind: "cccd_chip", Number: "001190999901", Issued: day(2021, 4, 19), Expires: day(2030, 9, 2)}},
			Portrait: &cardfeed.Portrait{Taken: day(2021, 4, 19), JPEG: face.JPEG(face.Look{Seed: 1, Age: 30}, 0)},
			Prints:   &cardfeed.Prints{Taken: day(2021, 4, 19), Engine: "test", Version: "1", Record: record(t), Missing: []cardfeed.Missing{{Position: fmr.LeftRing, Reason: "amputated"}}}},
		{Number: "012999901", Cards: []cardfeed.Card{{Kind: "cmnd", Number: "012999901", Issued: day(2010, 1, 5), Expires: day(2024, 12, 31)}}},
	}
}

func read(t testing.TB, r io.Reader) (out []cardfeed.Bearer, bad []*cardfeed.LineError) {
	t.Helper()
	f, err := cardfeed.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := f.Next()
		var le *cardfeed.LineError
		switch {
		case err == io.EOF:
			return out, bad
		case errors.As(err, &le):
			bad = append(bad, le)
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, b)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	h, people := bearers(t)
	var b bytes.Buffer
	if err := cardfeed.Write(&b, h, people); err != nil {
		t.Fatal(err)
	}
	got, bad := read(t, &b)
	if len(bad) != 0 || !reflect.DeepEqual(got, people) {
		t.Fatal(bad, got)
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	head := `{"format":"danh-cards","version":1,"registry":"population","source":"s","count":1,"as_of":"2026-11-21"}` + "\n"
	good := `{"ref":"p1","cards":[{"kind":"cccd","number":"001190999901","issued":"2018-05-10","expires":"2030-09-02"}],` +
		`"prints":{"taken":"2018-05-10","engine":"e","version":"1","record":"` + base64.StdEncoding.EncodeToString(record(t)) + `","missing":[{"position":9,"reason":"amputated"}]}}`
	for _, x := range []struct{ from, to, field string }{
		{`"ref":"p1",`, ``, "ref"}, {`"p1"`, `"p 1"`, "ref"}, {`"ref":"p1"`, `"number":"12345"`, "number"}, {`"cccd"`, `"visa"`, "cards.kind"}, {`"001190999901"`, `"012999901"`, "cards.number"},
		{`"issued":"2018-05-10"`, `"issued":"2018"`, "cards.issued"}, {`"issued":"2018-05-10"`, `"issued":"2027-01-01"`, "cards.issued"}, {`"2030-09-02"`, `"2010-09-02"`, "cards.issued"},
		{`"taken":"2018-05-10"`, `"taken":"2027-05-10"`, "prints.taken"}, {`"engine":"e"`, `"engine":""`, "prints.engine"}, {`"record":"Rk1S`, `"record":"AAAA`, "prints.record"},
		{`"position":9`, `"position":2`, "prints.record"}, {`"position":9`, `"position":11`, "prints.missing"}, {`"amputated"`, `"lazy"`, "prints.missing"},
		{`"prints"`, `"portrait":{"taken":"2018-05-10","jpeg":"AAAA"},"prints"`, "portrait.jpeg"}, {`"ref"`, `"name":"x","ref"`, "line"}, {"{", "[", "line"},
	} {
		changed := strings.Replace(good, x.from, x.to, 1)
		if changed == good {
			t.Fatalf("%s is not in the line", x.from)
		}
		ok, bad := read(t, strings.NewReader(head+changed+"\n"+good+"\n"))
		if len(ok) != 1 || len(bad) != 1 || bad[0].Field != x.field || bad[0].Line != 2 || strings.Contains(bad[0].Error(), "001190999901") {
			t.Errorf("%s instead of %s: %d lines, %v", x.to, x.from, len(ok), bad)
		}
	}
}

func TestFeedOfAnotherRegistryIsRefused(t *testing.T) {
	h, people := bearers(t)
	var b bytes.Buffer
	if err := cardfeed.Write(&b, h, people); err != nil {
		t.Fatal(err)
	}
	_, err := cardfeed.Load(&b, cardfeed.Immigration, func(cardfeed.Header, cardfeed.Bearer) (cardfeed.Outcome, []cardfeed.LineError, error) {
		t.Fatal("a line was handed on")
		return 0, nil, nil
	})
	var le *cardfeed.LineError
	if !errors.As(err, &le) || le.Field != "header" {
		t.Fatal(err)
	}
}

func FuzzRead(f *testing.F) {
	h, people := bearers(f)
	var tiny bytes.Buffer // a large seed leaves the fuzzer busy with copying
	if err := jpeg.Encode(&tiny, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		f.Fatal(err)
	}
	people[0].Portrait.JPEG = tiny.Bytes()
	var b bytes.Buffer
	if err := cardfeed.Write(&b, h, people); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := cardfeed.NewReader(bytes.NewReader(raw))
		if err != nil {
			return
		}
		var out []cardfeed.Bearer
		for {
			x, err := r.Next()
			var le *cardfeed.LineError
			if errors.As(err, &le) {
				continue
			}
			if err != nil {
				break
			}
			out = append(out, x)
		}
		var again bytes.Buffer
		if err := cardfeed.Write(&again, r.Header(), out); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}
