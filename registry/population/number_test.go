// SPDX-License-Identifier: Apache-2.0

package population_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"danh/internal/fault"
	"danh/registry/population"
)

func TestParseNumber(t *testing.T) {
	for in, want := range map[string]string{
		"001190999901":      "001190999901",
		" 001 190 999 901 ": "001190999901",
		"001.190.999.901":   "001190999901",
		"012999901":         "012999901",
		"012-999-901":       "012999901",
	} {
		n, err := population.ParseNumber(in)
		if err != nil || n.Reveal() != want {
			t.Errorf("%q is not read: %v", in, err)
		}
	}
	for _, in := range []string{"", "1", "00119099990", "0011909999012", "01299990", "0129999012", "00119O999901", "٠٠١١٩٠٩٩٩٩٠١", "001190999901;"} {
		if _, err := population.ParseNumber(in); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is read", in)
		}
	}
}

// TestNumberNeverPrints is the attack of reading numbers out of logs, errors
// and encoders that met one by accident.
func TestNumberNeverPrints(t *testing.T) {
	n, err := population.ParseNumber("001190999901")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "n", n, "d", population.Declared{Number: n})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "n", n, "d", population.Declared{Number: n})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c"} {
		fmt.Fprintf(&log, verb+"\n", n)
		fmt.Fprintf(&log, verb+"\n", []population.Number{n})
		fmt.Fprintf(&log, verb+"\n", population.Declared{Number: n})
	}
	b, err := json.Marshal(population.Declared{Number: n})
	if err == nil {
		t.Error("a number was encoded")
	}
	log.Write(b)
	if _, err := n.Value(); err == nil {
		t.Error("a number was given to the database")
	}
	for _, leak := range []string{"001190999901", "119099990", fmt.Sprintf("%x", "001190999901"), fmt.Sprintf("%X", "001190999901")} {
		if strings.Contains(log.String(), leak) {
			t.Errorf("the number stands in:\n%s", log.String())
		}
	}
	if n.String() != "•••• 9901" {
		t.Errorf("the mask is %q", n.String())
	}
}

func TestStructureHintsAndNeverRefuses(t *testing.T) {
	for _, c := range []struct {
		number population.Number
		sex    population.Sex
		born   string
		want   []population.Hint
	}{
		{"001190999901", population.Female, "1990-09-02", nil},
		{"001190999901", population.Male, "1990-09-02", []population.Hint{population.HintSex}},
		{"001190999901", population.Female, "1991-09-02", []population.Hint{population.HintYear}},
		{"079313999903", population.Female, "2013-10-05", nil},
		{"079213999903", population.Male, "2013", nil},
		{"099213999903", population.Male, "2013", []population.Hint{population.HintPlace}},
		{"012999901", population.Male, "1950", nil},
	} {
		got := population.Hints(population.Declared{Number: c.number, Sex: c.sex, BirthDate: date(t, c.born)})
		if !slices.Equal(got, c.want) {
			t.Errorf("%v %s: %v, want %v", c.number, c.born, got, c.want)
		}
		if _, err := population.ParseNumber(c.number.Reveal()); err != nil {
			t.Errorf("%v is refused for its structure", c.number)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"001190999901", "012 999 901", "x", "0011909999011"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := population.ParseNumber(s)
		if err != nil {
			return
		}
		again, err := population.ParseNumber(n.Reveal())
		if err != nil || again != n || len(n) != 12 && len(n) != 9 {
			t.Errorf("reading twice differs")
		}
	})
}
