// SPDX-License-Identifier: Apache-2.0

package border_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"danh/internal/border"
)

func read(t testing.TB, r io.Reader) (h border.Header, out []border.Foreigner, bad []*border.LineError) {
	t.Helper()
	f, err := border.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := f.Next()
		var le *border.LineError
		switch {
		case err == io.EOF:
			return f.Header(), out, bad
		case errors.As(err, &le):
			bad = append(bad, le)
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, p)
		}
	}
}

func TestSample(t *testing.T) {
	h, people, bad := read(t, bytes.NewReader(border.Sample()))
	if len(bad) != 0 || len(people) != h.Count || h.Count < 8 {
		t.Fatal(h, len(people), bad)
	}
	var b bytes.Buffer
	if err := border.Write(&b, h, people); err != nil {
		t.Fatal(err)
	}
	if _, again, _ := read(t, &b); !reflect.DeepEqual(again, people) {
		t.Fatal("written otherwise")
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	head := `{"format":"danh-foreigners","version":1,"source":"s","count":1,"as_of":"2026-11-21"}` + "\n"
	good := `{"ref":"f1","name":"SATO","birth_date":"1991","sex":"","nationality":"JPN","documents":[{"kind":"passport","country":"JPN","number":"TZ999","issued":"2023-05-10","expires":"2033-05-09"}]}`
	for _, x := range []struct{ from, to, field string }{
		{`"f1"`, `"f 1"`, "ref"}, {"SATO", "", "name"}, {`"1991"`, `""`, "birth_date"}, {`"sex":""`, `"sex":"x"`, "sex"}, {`y":"JPN"`, `y":"VNM"`, "nationality"}, {`y":"JPN"`, `y":"jp"`, "nationality"},
		{"passport", "visa", "documents.kind"}, {"TZ999", "tz", "documents.number"}, {"2033", "2013", "documents.expires"}, {`,"expires":"2033-05-09"`, "", "documents.expires"}, {`"kind"`, `"sort"`, "line"}, {"{", "[", "line"},
	} {
		_, ok, bad := read(t, strings.NewReader(head+strings.Replace(good, x.from, x.to, 1)+"\n"+good+"\n"))
		if len(ok) != 1 || len(bad) != 1 || bad[0].Field != x.field || bad[0].Line != 2 {
			t.Errorf("%s -> %s: %v %v", x.from, x.to, ok, bad)
		}
	}
	for _, bad := range []string{"", "{}\n", strings.Replace(head, "1,", "2,", 1)} {
		if _, err := border.NewReader(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is no header", bad)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(border.Sample())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := border.NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		for {
			p, err := r.Next()
			var le *border.LineError
			if err != nil && !errors.As(err, &le) {
				return
			}
			if err == nil {
				if err := border.Write(io.Discard, r.Header(), []border.Foreigner{p}); err != nil {
					t.Fatal("read but not written", err)
				}
			}
		}
	})
}
