// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"
	"strings"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/immigration"
	"danh/registry/population"
)

// Query asks who somebody at the counter is: by number alone, by name (without
// regard to diacritics) together with the birth date, or by a foreigner's paper.
type Query struct {
	Number    string
	Name      string
	BirthDate clock.Date
	Document  string           // number of a passport or residence card
	Country   string           // that issued the passport; none for a residence card
	Kind      immigration.Kind // "" tries those that Country allows
}

// Hit is a person as a search shows her.
type Hit struct {
	Person     id.Person
	Name       string
	BirthYear  int
	NumberTail string // four digits
	Foreign    bool
	Dead       bool
}

// most is how many people a search shows.
const most = 10

// searchLook is on which ground an officer looks for who stands before her.
func searchLook(by audit.Actor, fields ...string) audit.Look {
	return audit.Look{By: by, Purpose: "visit.search", Ground: "Nghị định 69/2024/NĐ-CP, Điều 10", Fields: fields}
}

// Search finds people for a visit. It is limited per officer, and everybody
// whom it shows finds it in her log.
func (d *Desk) Search(ctx context.Context, by audit.Actor, q Query) ([]Hit, error) {
	q.Name, q.Document, q.Country = strings.TrimSpace(q.Name), strings.ToUpper(strings.ReplaceAll(q.Document, " ", "")), strings.ToUpper(strings.TrimSpace(q.Country))
	var number population.Number
	f := fault.New(fault.Invalid, "enrolment.search.invalid")
	switch {
	case q.Number != "":
		var err error
		if number, err = population.ParseNumber(q.Number); err != nil {
			f.With("number", "enrolment.search.number")
		}
	case q.Document != "":
	case q.Name == "" && q.BirthDate.IsZero():
		f.With("number", "enrolment.search.something")
	case q.Name == "":
		f.With("name", "enrolment.search.name")
	case !q.BirthDate.Exact():
		f.With("birth_date", "enrolment.search.birth_date")
	}
	if len(f.Fields) > 0 {
		return nil, f
	}
	if _, err := d.enter(ctx, by, "enrolment.visit.searched", "search", "search_per_hour", time.Hour); err != nil {
		return nil, err
	}
	switch {
	case !number.IsZero():
		p, err := d.c.Population.FindByNumber(ctx, searchLook(by, population.FieldNumber, population.FieldName, population.FieldBirthDate), number)
		if fault.Is(err, fault.NotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return []Hit{citizenHit(p)}, nil
	case q.Document != "":
		return d.searchForeigner(ctx, by, q)
	}
	found, err := d.c.Population.Search(ctx, searchLook(by, population.FieldName, population.FieldBirthDate), population.Query{Name: q.Name, BirthDate: q.BirthDate, Limit: most})
	if fault.Is(err, fault.Invalid) {
		return nil, fault.New(fault.Invalid, "enrolment.search.invalid").With("name", "enrolment.search.name")
	}
	if err != nil {
		return nil, err
	}
	var out []Hit
	for _, s := range found {
		p, err := d.c.Population.Find(ctx, searchLook(by, population.FieldNumber, population.FieldName, population.FieldBirthDate), s.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, citizenHit(p))
	}
	return out, nil
}

func citizenHit(p population.Person) Hit {
	return Hit{Person: p.ID, Name: p.Name, BirthYear: p.BirthDate.Year, NumberTail: tail(p.Number.Reveal()), Dead: p.Dead}
}

func tail(number string) string { return number[max(0, len(number)-4):] }

// papers are the documents that a query may mean.
func (q Query) papers() (out []Document) {
	if q.Kind != "" {
		if q.Country == "" {
			q.Country = "VNM"
		}
		return []Document{{q.Kind, q.Country, q.Document}}
	}
	if q.Country != "" && q.Country != "VNM" {
		return []Document{{immigration.Passport, q.Country, q.Document}}
	}
	return []Document{{immigration.Temporary, "VNM", q.Document}, {immigration.Permanent, "VNM", q.Document}}
}

func (d *Desk) searchForeigner(ctx context.Context, by audit.Actor, q Query) ([]Hit, error) {
	for _, doc := range q.papers() {
		f, err := d.c.Immigration.FindByDocument(ctx, searchLook(by), doc.Kind, doc.Country, doc.Number)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return []Hit{{Person: f.ID, Name: f.Name, BirthYear: f.BirthDate.Year, NumberTail: tail(doc.Number), Foreign: true}}, nil
	}
	return nil, nil
}
