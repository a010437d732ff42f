// SPDX-License-Identifier: Apache-2.0

package smpp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/internal/smpp"
)

func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d vector files: %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b := readHex(t, name)
			p, err := smpp.Decode(b)
			if strings.Contains(name, "bad_") {
				if !errors.Is(err, smpp.ErrMalformed) {
					t.Fatalf("accepted: %+v, %v", p, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := p.Marshal()
			if err != nil || !bytes.Equal(again, b) {
				t.Fatalf("marshals to\n%x, %v; want\n%x", again, err, b)
			}
		})
	}
}

func readHex(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for _, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSubmitFields(t *testing.T) {
	p, err := smpp.Decode(readHex(t, "testdata/submit_npm.hex"))
	if err != nil {
		t.Fatal(err)
	}
	m := p.Body.(*smpp.Message)
	text, part, err := m.Text()
	if err != nil || text != "Mã số của bạn" || part.Count != 1 {
		t.Errorf("text %q, part %+v, %v", text, part, err)
	}
	if m.Dest.Number != "84912000001" || m.Source.Number != "Danh" || m.DataCoding != smpp.CodingUCS2 || m.RegisteredDelivery != 1 {
		t.Errorf("fields %+v", m)
	}
}

func TestMarshalRefusesLongFields(t *testing.T) {
	for name, body := range map[string]smpp.Body{
		"number":        &smpp.Message{Dest: smpp.International(strings.Repeat("9", 21))},
		"short message": &smpp.Message{Short: make([]byte, 255)},
		"zero inside":   &smpp.Bind{SystemID: "a\x00b"},
		"password":      &smpp.Bind{SystemID: "danh", Password: "123456789"},
	} {
		if b, err := (smpp.PDU{Command: smpp.Submit, Body: body}).Marshal(); err == nil {
			t.Errorf("%s: marshalled to %x", name, b)
		}
	}
}

func TestSegments(t *testing.T) {
	const emoji = "🌾"
	cases := []struct {
		name, text string
		coding     uint8
		count      int
	}{
		{"latin", "Your code is 123456", smpp.CodingDefault, 1},
		{"extension counts twice", strings.Repeat("€", 80), smpp.CodingDefault, 1},
		{"extension over one", strings.Repeat("€", 81), smpp.CodingDefault, 2},
		{"160 septets", strings.Repeat("a", 160), smpp.CodingDefault, 1},
		{"161 septets", strings.Repeat("a", 161), smpp.CodingDefault, 2},
		{"extension at the cut", strings.Repeat("a", 152) + "€" + strings.Repeat("b", 20), smpp.CodingDefault, 2},
		{"vietnamese", "Mã số của bạn là 123456", smpp.CodingUCS2, 1},
		{"70 characters", strings.Repeat("ệ", 70), smpp.CodingUCS2, 1},
		{"71 characters", strings.Repeat("ệ", 71), smpp.CodingUCS2, 2},
		{"surrogates at the cut", strings.Repeat("ệ", 66) + emoji + strings.Repeat("ệ", 10), smpp.CodingUCS2, 2},
		{"decomposed marks are composed", strings.Repeat("e\u0323\u0302", 70), smpp.CodingUCS2, 1},
		{"empty", "", smpp.CodingDefault, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			coding, class, segments, err := smpp.Segments(c.text, 7)
			if err != nil || coding != c.coding || len(segments) != c.count {
				t.Fatalf("coding %d, %d segments, %v", coding, len(segments), err)
			}
			var whole strings.Builder
			for i, s := range segments {
				if len(s) > 140 && coding == smpp.CodingUCS2 || len(s) > 160 {
					t.Errorf("segment of %d octets", len(s))
				}
				m := smpp.Message{ESMClass: class, DataCoding: coding, Short: s}
				text, part, err := m.Text()
				if err != nil || part.Count != c.count || part.Number != i+1 || strings.ContainsRune(text, '\uFFFD') {
					t.Errorf("segment %d reads %q %+v %v", i, text, part, err)
				}
				whole.WriteString(text)
			}
			want := strings.ReplaceAll(c.text, "e\u0323\u0302", "ệ")
			if whole.String() != want {
				t.Errorf("joined %q, want %q", whole.String(), want)
			}
		})
	}
	if _, _, _, err := smpp.Segments(strings.Repeat("ệ", 2000), 0); !errors.Is(err, smpp.ErrTooLong) {
		t.Errorf("a novel by SMS: %v", err)
	}
	if _, _, _, err := smpp.Segments("\xff", 0); err == nil {
		t.Error("text that is not UTF-8 was taken")
	}
}

func TestReceiptForms(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	full := smpp.NewReceipt(smpp.Message{}, smpp.Receipt{MessageID: "ab-1", State: smpp.Undeliverable, Code: "012"}, at, at)
	textOnly := *full
	textOnly.TLVs = nil
	for name, m := range map[string]*smpp.Message{"parameters": full, "text": &textOnly} {
		r, ok := m.Receipt()
		if !ok || r != (smpp.Receipt{MessageID: "ab-1", State: smpp.Undeliverable, Code: "012"}) {
			t.Errorf("%s: %+v %v", name, r, ok)
		}
	}
	if _, ok := (&smpp.Message{Short: []byte("id:1 stat:DELIVRD")}).Receipt(); ok {
		t.Error("a person's message that reads like a receipt was taken for one")
	}
}

func TestRelativeTime(t *testing.T) {
	if got := smpp.Relative(3 * time.Minute); got != "000000000300000R" {
		t.Errorf("3 minutes is %q", got)
	}
	for _, d := range []time.Duration{0, time.Second, 3 * time.Minute, 49*time.Hour + 5*time.Second} {
		if got, ok := smpp.ParseRelative(smpp.Relative(d)); !ok || got != d {
			t.Errorf("%v read back as %v", d, got)
		}
	}
	if _, ok := smpp.ParseRelative("261121090000000+"); ok {
		t.Error("an absolute time was read as relative")
	}
}

// FuzzDecode holds the codec to its promise: what is accepted marshals to the same bytes.
func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.hex")
	if len(files) == 0 {
		f.Fatal("no seeds")
	}
	for _, name := range files {
		f.Add(readHex(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := smpp.Decode(b)
		if err != nil {
			return
		}
		again, err := p.Marshal()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x marshals to %x, %v", b, again, err)
		}
		if m, ok := p.Body.(*smpp.Message); ok {
			_, _, _ = m.Text()
			_, _ = m.Receipt()
		}
	})
}
