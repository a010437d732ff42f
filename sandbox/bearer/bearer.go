// SPDX-License-Identifier: Apache-2.0

// Package bearer owns what the sandbox's people carry on them: their fingers,
// their faces and the cards that they hold. It stands for the bodies at the
// counter and for the source that hands over earlier cards.
//
// Everything follows from a person's ref. What was enrolled and what is
// presented later never share an image: enrolled impressions and the portrait
// on record are drawn from other streams than anything that Presented and Shot
// give. It refuses to be part of the product, which cannot ask it anything.
package bearer

import (
	"hash/fnv"
	"strings"

	"danh/internal/cardfeed"
	"danh/internal/clock"
	"danh/internal/face"
	"danh/internal/fmr"
	"danh/internal/mrz"
	"danh/sandbox/people"
)

// Person is somebody as far as her body and her cards are concerned.
type Person struct {
	Ref       string
	Name      string
	Number    string // 12 digits; "" for none
	OldNumber string // 9 digits; "" for none
	Birth     clock.Date
	Sex       string // male, female or ""
	Address   string
	Died      bool
	Foreign   bool
}

// hash gives numbers that follow from a ref.
func (p Person) hash(what string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(what + "\x00" + p.Ref))
	v := h.Sum64()
	v ^= v >> 29 // the last letters of a ref reach every bit
	return v * 0x9e3779b97f4a7c15
}

func (p Person) look(on clock.Date) face.Look {
	return face.Look{Seed: p.hash("face"), Age: p.Birth.AgeOn(on), Female: p.Sex == "female"}
}

// OnRecord is the portrait that came with her card.
func (p Person) OnRecord(on clock.Date) []byte { return face.JPEG(p.look(on), 0) }

// Shot is the nth picture that a camera takes of her, from 1 on.
func (p Person) Shot(on clock.Date, n int) []byte { return face.JPEG(p.look(on), max(n, 1)) }

// Missing are fingers that somebody does not have.
func (p Person) Missing() []cardfeed.Missing {
	if p.Ref == people.Neighbour {
		return []cardfeed.Missing{{Position: fmr.LeftRing, Reason: "amputated"}}
	}
	return nil
}

// Lacks reports why a finger is missing; "" when it is there.
func (p Person) Lacks(at fmr.Position) string {
	for _, m := range p.Missing() {
		if m.Position == at {
			return m.Reason
		}
	}
	return ""
}

// Bears reports whether the card source holds portrait and prints of her: with
// the cards of 2016 and later both were taken.
func Bears(cards []cardfeed.Card) bool {
	for _, c := range cards {
		if c.Kind != "cmnd" {
			return true
		}
	}
	return false
}

// Cards are what she holds on a day.
func (p Person) Cards(on clock.Date) []cardfeed.Card {
	if p.Foreign || p.Died || p.Birth.AgeOn(on) < 14 {
		return nil
	}
	switch p.Ref {
	case people.Owner, people.OldNumber: // only the old 9-digit card
		return p.paper()
	case people.Woman, people.Husband, people.Student, people.Renumbered, people.Director, people.Merchant, people.Associate, people.Clerk,
		people.Intake, people.Approver, people.Registrar, people.Operator, people.Auditor, people.Hotline: // the last one's expired on her 40th birthday
		return p.plastic("cccd_chip", clock.Date{Year: 2021, Month: 4, Day: 19}, on)
	case people.ApproverBeside: // none yet
		return nil
	case people.Neighbour:
		return p.plastic("cccd", clock.Date{Year: 2018, Month: 7, Day: 3}, on)
	case people.Grandmother:
		return p.plastic("cccd", clock.Date{Year: 2017, Month: 11, Day: 27}, on)
	}
	issued := clock.Date{Year: 2021, Month: 1, Day: 4}.AddDays(int(p.hash("issued") % 1200))
	switch p.hash("card") % 20 {
	case 0, 1:
		return nil
	case 2, 3, 4:
		if p.OldNumber != "" {
			return p.paper()
		}
	case 5, 6, 7:
		return p.plastic("cccd", clock.Date{Year: 2016, Month: 3, Day: 1}.AddDays(int(p.hash("issued")%1700)), on)
	}
	return p.plastic("cccd_chip", issued, on)
}

// paper is the old card, out of force since the end of 2024.
func (p Person) paper() []cardfeed.Card {
	issued := clock.Date{Year: max(p.Birth.Year+15, 2009), Month: 1, Day: 5}.AddDays(int(p.hash("issued") % 1200))
	last := clock.Date{Year: issued.Year + 15, Month: issued.Month, Day: min(issued.Day, 28)}
	if end := (clock.Date{Year: 2024, Month: 12, Day: 31}); end.Before(last) {
		last = end
	}
	return []cardfeed.Card{{Kind: "cmnd", Number: p.OldNumber, Issued: issued, Expires: last}}
}

// plastic is a card of 2016 to 2024. It lasts until the next of the ages 25,
// 40 and 60 (Luật Căn cước công dân 59/2014, Điều 21); issued within two years
// before one of them, to the one after it.
func (p Person) plastic(kind string, issued, on clock.Date) []cardfeed.Card {
	if p.Number == "" {
		return nil
	}
	birth := p.Birth
	if !birth.Exact() { // the end of what may be meant
		birth = clock.Date{Year: birth.Year, Month: 12, Day: 31}
	}
	if first := (clock.Date{Year: birth.Year + 14, Month: birth.Month, Day: min(birth.Day, 28)}); issued.Before(first) {
		issued = first.AddDays(30)
	}
	if on.Before(issued) {
		return nil
	}
	c := cardfeed.Card{Kind: kind, Number: p.Number, Issued: issued}
	for _, age := range []int{25, 40, 60} {
		last := clock.Date{Year: birth.Year + age, Month: birth.Month, Day: birth.Day}
		if last.Month == 2 && last.Day == 29 {
			last.Day = 28
		}
		if early := (clock.Date{Year: last.Year - 2, Month: last.Month, Day: last.Day}); issued.Before(early) {
			c.Expires = last
			break
		}
	}
	return []cardfeed.Card{c}
}

// Printed is the text of the QR symbol on a card's face; "" for kinds without.
func (p Person) Printed(c cardfeed.Card) string {
	if c.Kind != "cccd_chip" {
		return ""
	}
	sex := "Nam"
	if p.Sex == "female" {
		sex = "Nữ"
	}
	return strings.Join([]string{c.Number, p.OldNumber, p.Name, digits(p.Birth), sex, strings.ReplaceAll(p.Address, "|", " "), digits(c.Issued)}, "|")
}

// digits writes ddmmyyyy, or the year of who has no more.
func digits(d clock.Date) string {
	s := d.String()
	if len(s) != 10 {
		return s[:4]
	}
	return s[8:] + s[5:7] + s[:4]
}

// Zone is the machine-readable zone of a card with a chip.
func (p Person) Zone(c cardfeed.Card) ([3]string, error) {
	doc, optional, err := mrz.NumberField(c.Number)
	if err != nil {
		return [3]string{}, err
	}
	z := mrz.Zone{Document: "ID", Issuer: "VNM", Nationality: "VNM", Number: doc, Optional: optional, Birth: p.Birth, Expiry: c.Expires, Sex: letter(p.Sex)}
	z.Primary, z.Secondary = mrz.SplitVietnamese(p.Name)
	return z.TD1()
}

func letter(sex string) string {
	switch sex {
	case "male":
		return "M"
	case "female":
		return "F"
	}
	return ""
}
