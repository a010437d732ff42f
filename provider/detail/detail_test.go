// SPDX-License-Identifier: Apache-2.0

package detail_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"danh/internal/clock"
	"danh/provider/detail"
)

var day = clock.Date{Year: 2026, Month: 11, Day: 22}

var all = []string{"payment_initiation", "account_information"}

const payment = `{"type":"payment_initiation","instructedAmount":{"currency":"VND","amount":"250000"},"creditorName":"Công ty Điện <Sông Hậu>",` +
	`"creditorAccount":{"bank":"999901","number":"0123456789"},"remittanceInformationUnstructured":"Tiền điện tháng 11"}`

const look = `{"type":"account_information","account":{"bank":"970436","number":"0011004"},"actions":["read_balance"],"validUntil":"2026-12-31"}`

func TestDetails(t *testing.T) {
	// Members in another order and with spaces are the same thing.
	shuffled := `[ {"remittanceInformationUnstructured":"Tiền điện tháng 11", "creditorAccount":{"number":"0123456789","bank":"999901"},
		"creditorName":"C\u00f4ng ty Điện <Sông Hậu>","instructedAmount":{"amount":"250000","currency":"VND"},"type":"payment_initiation"}, ` + look + `]`
	l, err := detail.Parse(shuffled, day, all)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(l.Bytes()); got != "["+payment+","+look+"]" {
		t.Fatalf("its one form is %s", got)
	}
	back, err := detail.Read(l.Bytes())
	if err != nil || !bytes.Equal(back.Bytes(), l.Bytes()) || !back.Within(l) || !back[:1].Within(l) || l.Within(back[:1]) {
		t.Fatalf("reads back as %s %v", back.Bytes(), err)
	}
	shown, err := back.Show("vi", day)
	if err != nil || len(shown) != 2 {
		t.Fatal(shown, err)
	}
	if s := shown[0]; s.Amount != "250000" || s.Journey != "transfer" || len(s.Lines) != 2 || s.Payee != "Công ty Điện <Sông Hậu>" ||
		s.Lines[0].Value != "Ngân hàng Sông Hậu (thử) · 0123456789" || s.Lines[1].Value != "Tiền điện tháng 11" {
		t.Errorf("shown %+v", s)
	}
	if s := shown[1]; s.Amount != "" || s.Lines[1].Value != "xem số dư" || s.Lines[2].Value != "31/12/2026" {
		t.Errorf("shown %+v", s)
	}
	if _, err := back.Show("vi", clock.Date{Year: 2020, Month: 1, Day: 1}); err == nil {
		t.Error("shown by a row that is not in force")
	}
}

// What could not be shown to her whole, and exactly, is refused.
func TestDetailsThatCannotBeShown(t *testing.T) {
	with := func(old, to string) string {
		out := strings.Replace(payment, old, to, 1)
		if out == payment {
			t.Fatalf("%q does not stand there", old)
		}
		return "[" + out + "]"
	}
	for name, text := range map[string]string{
		"no JSON": "{", "an object": payment, "null": "null", "empty": "[]", "a text": `["payment_initiation"]`, "more after it": "[" + payment + "][]",
		"no type": `[{}]`, "unknown type": `[{"type":"customer_information"}]`, "type twice": with(`{"type"`, `{"type":"account_information","type"`),
		"unknown member": with(`{"type"`, `{"executionDate":"2027-01-01","type"`), "locations": with(`{"type"`, `{"locations":["https://evil.example"],"type"`),
		"member twice":           with(`"creditorName"`, `"creditorName":"Chị Lan","creditorName"`),
		"no payee":               with(`"creditorName":"Công ty Điện <Sông Hậu>",`, ``),
		"amount as number":       with(`"250000"`, `250000`),
		"amount of fractions":    with(`"250000"`, `"250000.5"`),
		"amount of separators":   with(`"250000"`, `"250,000"`),
		"amount with zeros":      with(`"250000"`, `"0250000"`),
		"amount of nothing":      with(`"250000"`, `"0"`),
		"negative amount":        with(`"250000"`, `"-1"`),
		"huge amount":            with(`"250000"`, `"500000000000"`),
		"amount in other digits": with(`"250000"`, `"٢٥٠"`),
		"dollars":                with(`"VND"`, `"USD"`),
		"amount twice":           with(`"amount":"250000"`, `"amount":"1","amount":"250000"`),
		"more in the amount":     with(`"currency"`, `"fee":"1","currency"`),
		"unknown bank":           with(`"999901"`, `"123456"`),
		"comment as a bank":      with(`"999901"`, `"# 999901 is nobody's: the bank of the sandbox."`),
		"account of letters":     with(`"0123456789"`, `"01 234"`),
		"reading direction":      with(`Sông Hậu`, `Sông \u202e Hậu`),
		"letter unseen":          with(`Sông Hậu`, `Sông\u200bHậu`),
		"new line":               with(`Sông Hậu`, `Sông\nHậu`),
		"wide space":             with(`Sông Hậu`, `Sông\u00a0Hậu`),
		"many spaces":            with(`Sông Hậu`, `Sông  Hậu`),
		"space at the end":       with(`tháng 11`, `tháng 11 `),
		"other form of letter":   with(`Công`, `Co\u0302ng`),
		"heap of accents":        with(`Công`, `C\u0327\u0327\u0327ông`),
		"long payee":             with(`Sông Hậu`, strings.Repeat("a", 140)),
		"empty payee":            with(`Công ty Điện <Sông Hậu>`, ``),
		"two payments":           "[" + payment + "," + strings.Replace(payment, "250000", "1", 1) + "]",
		"twice the same":         "[" + look + "," + look + "]",
		"action unknown":         "[" + strings.Replace(look, "read_balance", "pay", 1) + "]",
		"no action":              "[" + strings.Replace(look, `"read_balance"`, "", 1) + "]",
		"over":                   "[" + strings.Replace(look, "2026-12-31", "2026-11-21", 1) + "]",
		"for ever":               "[" + strings.Replace(look, "2026-12-31", "2027-12-31", 1) + "]",
		"a year":                 "[" + strings.Replace(look, "2026-12-31", "2026", 1) + "]",
		"oversize":               "[" + look + strings.Repeat(" ", detail.MaxSize) + "]",
	} {
		_, err := detail.Parse(text, day, all)
		var e *detail.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := detail.Parse("["+payment+"]", day, all[1:]); err == nil {
		t.Error("a type that the client was not approved for")
	}
	if _, err := detail.Parse("["+payment+"]", clock.Date{Year: 2020, Month: 1, Day: 1}, all); err == nil {
		t.Error("a type before its day")
	}
}

// Every label is a text that the page of approvals has, and every source is named.
func TestTypesHaveWords(t *testing.T) {
	b, err := os.ReadFile("../../account/approval/approval.text.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string][2]string
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	names := detail.Names()
	if len(names) != 2 {
		t.Fatal(names)
	}
	for _, n := range names {
		x, ok := detail.Find(n, day)
		if !ok {
			t.Errorf("%s is not in force", n)
		}
		keys := []string{x.Title}
		for _, m := range x.Members {
			keys = append(keys, m.Label)
		}
		for _, k := range keys {
			if texts[k][0] == "" || texts[k][1] == "" {
				t.Errorf("%s: no words for %q", n, k)
			}
		}
		if x.Source == "" || x.Journey == "" || x.From.IsZero() {
			t.Errorf("%s: row without source, journey or day", n)
		}
	}
}

// Whatever comes, what is taken has one form and is shown line by line.
func FuzzDetails(f *testing.F) {
	f.Add("[" + payment + "]")
	f.Add("[" + look + "," + payment + "]")
	f.Add(`[{"type":"payment_initiation"}]`)
	f.Fuzz(func(t *testing.T, s string) {
		l, err := detail.Parse(s, day, all)
		if err != nil {
			return
		}
		again, err := detail.Parse(string(l.Bytes()), day, all)
		if err != nil || !bytes.Equal(again.Bytes(), l.Bytes()) {
			t.Fatalf("%s is read again as %s, %v", l.Bytes(), again.Bytes(), err)
		}
		if _, err := l.Show("en", day); err != nil {
			t.Fatal(err)
		}
	})
}
