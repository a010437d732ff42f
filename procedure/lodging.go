// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"danh/internal/clock"
	"danh/internal/fault"
	"danh/registry/population"
	"danh/registry/residence"
)

// Lodging is the code of the lodging notice in the catalogue.
const Lodging = "thong-bao-luu-tru"

// Noted is a value with where it comes from: Source is the register's name,
// "" for what the person declared herself.
type Noted struct {
	Value  string
	Source string    `json:",omitempty"`
	AsOf   time.Time `json:",omitzero"`
}

// Notifier is who notifies, as her account released it.
type Notifier struct {
	Name, Number, BirthDate Noted
	Phone                   string
	Organisation            bool `json:",omitempty"` // the number is an enterprise code, and somebody files for it
}

// Category says in which role somebody notifies (Law on Residence, article 30).
type Category string

// The categories. Guest is the guest herself when the host is absent.
const (
	Household Category = "household"
	Hospital  Category = "hospital"
	Hotel     Category = "hotel"
	Vehicle   Category = "vehicle"
	Facility  Category = "facility"
	Self      Category = "guest"
)

// Categories lists them in the order of the form.
var Categories = []Category{Household, Hotel, Hospital, Facility, Vehicle, Self}

// Place is where the guests stay.
type Place struct {
	Category Category
	Name     string // of the hotel, hospital, facility or the vehicle's plate; "" for a household
	Address  residence.Address
	UnitName string   // the commune's full name when it was chosen
	Maybe    []string `json:",omitempty"` // codes of today's communes, when the registered one was divided: she is asked
	Source   string   // the register it was prefilled from, "" when typed
	AsOf     time.Time
}

// Line is the place in one line; the commune is not said twice.
func (p Place) Line() string {
	out := p.Address.Text
	if p.Name != "" {
		out = p.Name + ", " + out
	}
	commune, _, _ := strings.Cut(p.UnitName, ",")
	if p.UnitName != "" && !strings.Contains(population.FoldName(p.Address.Text), population.FoldName(commune)) {
		out += ", " + p.UnitName
	}
	return out
}

// Document says by what a guest is named.
type Document string

// The documents. None is for people without a number yet, such as small children.
const (
	ByPIN      Document = "pin"
	ByOld      Document = "old9"
	ByPassport Document = "passport"
	ByNone     Document = "none"
)

// Documents lists them in the order of the form.
var Documents = []Document{ByPIN, ByOld, ByPassport, ByNone}

// Reasons why guests stay, in the order of the form.
var Reasons = []string{"family", "work", "medical", "study", "travel", "other"}

// Guest is what the notifier typed about one guest.
type Guest struct {
	Name       string
	BirthDate  clock.Date
	Document   Document
	Number     string // digits of a personal or old number, or the passport's number
	Country    string // ISO 3166-1 alpha-3 of the passport
	Why        string // why there is no number
	From       clock.Date
	Time       string // of the arrival, "20:30"
	Until      clock.Date
	Reason     string
	ReasonText string
}

// Notice is the lodging notice as it is written down.
type Notice struct {
	Notifier Notifier
	Place    Place
	Guests   []Guest
	Filer    string                       `json:",omitempty"` // the representative who wrote it for the account's holder
	Typed    map[string]map[string]string `json:",omitempty"` // by step: what was typed and does not stand yet
}

// Arrival is when the guest arrives.
func (g Guest) Arrival() time.Time {
	d, err := timeOfDay(g.Time)
	if err != nil {
		d = 0
	}
	return g.From.Time().Add(d)
}

// Due is the earliest deadline of the guests; zero without guests.
func (n Notice) Due(r Rules) time.Time {
	var due time.Time
	for _, g := range n.Guests {
		if d := r.Deadline(g.Arrival()); due.IsZero() || d.Before(due) {
			due = d
		}
	}
	return due
}

// ParseTime reads a time of day as people write it: 20:30, 20h30, 20g30, 20.30,
// 8h, 8 giờ 30 phút, 2030, 830.
func ParseTime(s string) (string, bool) {
	s = strings.ToLower(strings.Join(strings.Fields(s), ""))
	s = strings.TrimSuffix(strings.TrimSuffix(norm.NFC.String(s), "phút"), "p")
	s = strings.TrimSuffix(strings.NewReplacer("giờ", ":", "h", ":", "g", ":", ".", ":").Replace(s), ":")
	if !strings.Contains(s, ":") {
		switch len(s) {
		case 1, 2:
			s += ":00"
		case 3, 4:
			s = s[:len(s)-2] + ":" + s[len(s)-2:]
		default:
			return "", false
		}
	}
	d, err := timeOfDay(s)
	if err != nil {
		return "", false
	}
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60), true
}

// checkPlace says what has to be mended in the place of stay.
func checkPlace(p Place) error {
	f := fault.New(fault.Invalid, "lodging.invalid")
	known := false
	for _, c := range Categories {
		known = known || c == p.Category
	}
	if !known {
		f.With("category", "problem.choose")
	}
	if p.Category != Household && p.Category != Self && known && p.Name == "" {
		f.With("place_name", "problem.required")
	}
	if n := utf8.RuneCountInString(p.Name); n > 120 {
		f.With("place_name", "problem.too_long")
	}
	if p.Address.Text == "" {
		f.With("address", "problem.required")
	}
	if utf8.RuneCountInString(p.Address.Text) > 200 {
		f.With("address", "problem.too_long")
	}
	if p.Address.UnitCode == "" {
		f.With("commune", "lodging.commune.needed")
	}
	if len(f.Fields) > 0 {
		return f
	}
	return nil
}

// checkGuest says what has to be mended in one guest's data. others are the
// guests beside this one.
func checkGuest(g Guest, n Notifier, c Category, others []Guest, r Rules, today clock.Date) error {
	f := fault.New(fault.Invalid, "lodging.invalid")
	checkWho(f, g, today)
	for _, o := range others {
		if g.Number != "" && g.Document == o.Document && strings.EqualFold(g.Number, o.Number) {
			f.With("number", "lodging.number.twice")
		}
	}
	if c != Self && g.Document == ByPIN && g.Number != "" && g.Number == n.Number.Value {
		f.With("number", "lodging.number.own")
	}
	checkWhen(f, g, r, today)
	known := false
	for _, v := range Reasons {
		known = known || v == g.Reason
	}
	switch {
	case !known:
		f.With("reason", "problem.choose")
	case g.Reason == "other" && g.ReasonText == "":
		f.With("reason_text", "problem.required")
	case utf8.RuneCountInString(g.ReasonText) > 200:
		f.With("reason_text", "problem.too_long")
	}
	if len(f.Fields) > 0 {
		return f
	}
	return nil
}

func checkWho(f *fault.Fault, g Guest, today clock.Date) {
	switch {
	case g.Name == "":
		f.With("name", "problem.required")
	case utf8.RuneCountInString(g.Name) > 100:
		f.With("name", "problem.too_long")
	case !nameLike(g.Name):
		f.With("name", "lodging.name.form")
	}
	switch {
	case g.BirthDate.IsZero():
		f.With("birth_date", "lodging.birth.form")
	case today.Before(g.BirthDate):
		f.With("birth_date", "lodging.birth.future")
	case g.BirthDate.Year < today.Year-130:
		f.With("birth_date", "lodging.birth.old")
	}
	digits := 0
	for _, c := range g.Number {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	only := digits == len(g.Number)
	switch g.Document {
	case ByPIN:
		switch {
		case g.Number == "":
			f.With("number", "lodging.number.needed")
		case !only:
			f.With("number", "lodging.number.digits")
		case digits != 12:
			f.With("number", "lodging.number.twelve").Arg("digits", fmt.Sprint(digits))
		}
	case ByOld:
		if digits != 9 || !only {
			f.With("number", "lodging.number.nine").Arg("digits", fmt.Sprint(digits))
		}
	case ByPassport:
		if len(g.Number) < 5 || len(g.Number) > 15 || !passportLike(g.Number) {
			f.With("number", "lodging.passport.form")
		}
		if len(g.Country) != 3 {
			f.With("country", "lodging.country.needed")
		}
	case ByNone:
		if g.Why == "" {
			f.With("why", "lodging.why.needed")
		} else if utf8.RuneCountInString(g.Why) > 200 {
			f.With("why", "problem.too_long")
		}
	default:
		f.With("document", "problem.choose")
	}
}

func checkWhen(f *fault.Fault, g Guest, r Rules, today clock.Date) {
	switch {
	case !g.From.Exact():
		f.With("from", "lodging.from.form")
	case today.AddDays(r.AheadDays).Before(g.From):
		f.With("from", "lodging.from.ahead").Arg("ahead", fmt.Sprint(r.AheadDays))
	case g.From.Before(today.AddDays(-r.BackDays)):
		f.With("from", "lodging.from.back").Arg("back", fmt.Sprint(r.BackDays))
	}
	if _, err := timeOfDay(g.Time); err != nil {
		f.With("time", "lodging.time.form")
	}
	switch {
	case !g.Until.Exact():
		f.With("until", "lodging.until.form")
	case g.From.Exact() && g.Until.Before(g.From):
		f.With("until", "lodging.until.before")
	case g.From.Exact() && r.LastDay(g.From).Before(g.Until):
		f.With("until", "lodging.until.long").Arg("max", fmt.Sprint(r.MaxDays))
	}
}

// nameLike accepts letters of any script with marks, spaces and the few signs
// that names have, and wants at least two letters.
func nameLike(s string) bool {
	letters := 0
	for _, r := range s {
		switch {
		case unicode.IsLetter(r):
			letters++
		case unicode.Is(unicode.M, r), r == ' ', r == '\'', r == '’', r == '-', r == '.':
		default:
			return false
		}
	}
	return letters >= 2
}

func passportLike(s string) bool {
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return true
}

// personal is the guest's number as the registry keys it; "" for a passport.
func (g Guest) personal() population.Number {
	if g.Document != ByPIN && g.Document != ByOld {
		return ""
	}
	n, err := population.ParseNumber(g.Number)
	if err != nil {
		return ""
	}
	return n
}

// check is the whole notice before it is sent; the fault's first field names
// the step to go back to.
func (n Notice) check(r Rules, today clock.Date) error {
	if err := checkPlace(n.Place); err != nil {
		return err
	}
	if len(n.Guests) == 0 {
		return fault.New(fault.Invalid, "lodging.no_guest").With("guest", "lodging.no_guest")
	}
	if len(n.Guests) > r.MaxGuests {
		return fault.New(fault.Invalid, "lodging.too_many").With("guest", "lodging.too_many").Arg("max", fmt.Sprint(r.MaxGuests))
	}
	for i, g := range n.Guests {
		if err := checkGuest(g, n.Notifier, n.Place.Category, without(n.Guests, i), r, today); err != nil {
			return err
		}
	}
	return nil
}

func without(list []Guest, i int) []Guest {
	out := make([]Guest, 0, len(list))
	for j, g := range list {
		if j != i {
			out = append(out, g)
		}
	}
	return out
}
