// SPDX-License-Identifier: Apache-2.0

package procedure

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"danh/internal/fault"
	"danh/registry/population"
)

// Text is a text in both languages.
type Text struct{ VI, EN string }

// UnmarshalJSON reads ["tiếng Việt", "English"].
func (t *Text) UnmarshalJSON(b []byte) error {
	var v [2]string
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	t.VI, t.EN = v[0], v[1]
	return nil
}

// Procedure is a row of the catalogue as it stands on a day.
type Procedure struct {
	Code      string
	Field     string   // residence, card, account
	Life      []string // life events it belongs to
	Name      Text
	Short     Text // when people need it
	Authority string
	Feature   string // of account's table of features by level
	State     string // open, counter, coming
	Open      bool   // it can be done here today
	Limit     Text
	FeeHere   *int64 // đồng; nil when not settled
	FeeDesk   *int64
	Fee       Text // what else there is to say about fees
	Who       []Text
	Bring     []Text
	Steps     []Text
	Source    string
	Verified  bool
	Prefix    string
	words     string
}

// Catalogue gives the procedures as they stand today, in the order of lists.
func (d *Desk) Catalogue(ctx context.Context) ([]Procedure, error) {
	today := d.Today().String()
	rows, err := d.c.DB.Read().QueryContext(ctx, `SELECT code, field, life, name_vi, name_en, short_vi, short_en, words, authority, feature, state,
		open_from, open_to, limit_vi, limit_en, fee_counter, fee_online, fee_vi, fee_en, details, source, verified, prefix FROM procedure_catalogue
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1) ORDER BY place`, today)
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	defer rows.Close()
	var out []Procedure
	for rows.Next() {
		var p Procedure
		var life, details string
		var from, to sql.NullString
		var desk, here sql.NullInt64
		if err := rows.Scan(&p.Code, &p.Field, &life, &p.Name.VI, &p.Name.EN, &p.Short.VI, &p.Short.EN, &p.words, &p.Authority, &p.Feature, &p.State,
			&from, &to, &p.Limit.VI, &p.Limit.EN, &desk, &here, &p.Fee.VI, &p.Fee.EN, &details, &p.Source, &p.Verified, &p.Prefix); err != nil {
			return nil, fmt.Errorf("read the catalogue: %w", err)
		}
		var more struct{ Who, Bring, Steps []Text }
		if err := json.Unmarshal([]byte(details), &more); err != nil {
			return nil, fmt.Errorf("read the catalogue, %s: %w", p.Code, err)
		}
		if err := json.Unmarshal([]byte(life), &p.Life); err != nil {
			return nil, fmt.Errorf("read the catalogue, %s: %w", p.Code, err)
		}
		p.Who, p.Bring, p.Steps = more.Who, more.Bring, more.Steps
		if desk.Valid {
			p.FeeDesk = &desk.Int64
		}
		if here.Valid {
			p.FeeHere = &here.Int64
		}
		p.Open = p.State == "open" && (!from.Valid || from.String <= today) && (!to.Valid || to.String >= today)
		out = append(out, p)
	}
	return out, rows.Err()
}

// FindProcedure gives one procedure as it stands today.
func (d *Desk) FindProcedure(ctx context.Context, code string) (Procedure, error) {
	list, err := d.Catalogue(ctx)
	if err != nil {
		return Procedure{}, err
	}
	if i := slices.IndexFunc(list, func(p Procedure) bool { return p.Code == code }); i >= 0 {
		return list[i], nil
	}
	return Procedure{}, fault.New(fault.NotFound, "procedure.not_found")
}

// Hit is a procedure that a search found.
type Hit struct {
	Procedure
	score int
}

// Search finds procedures by words as people type them, with or without
// diacritics, in either language, the last word perhaps unfinished. Every word
// must fit; the best fit comes first.
func (d *Desk) Search(ctx context.Context, text string) ([]Procedure, error) {
	list, err := d.Catalogue(ctx)
	if err != nil {
		return nil, err
	}
	asked := strings.Fields(population.FoldName(text))
	if len(asked) == 0 {
		return nil, nil
	}
	var hits []Hit
	for _, p := range list {
		if s := score(p, asked); s > 0 {
			hits = append(hits, Hit{p, s})
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int { return b.score - a.score })
	out := make([]Procedure, len(hits))
	for i, h := range hits {
		out[i] = h.Procedure
	}
	return out, nil
}

// score is how well a procedure fits the words that were asked for; 0 when a
// word is nowhere. Names weigh more than summaries, and words that follow each
// other as they were asked more than scattered ones.
func score(p Procedure, asked []string) int {
	name := population.FoldName(p.Name.VI) + " | " + population.FoldName(p.Name.EN)
	rest := population.FoldName(p.words) + " | " + population.FoldName(p.Short.VI) + " | " + population.FoldName(p.Short.EN)
	inName, inRest := " "+name, " "+rest
	total := 0
	for i, w := range asked {
		end := " "
		if i == len(asked)-1 {
			end = ""
		}
		switch {
		case strings.Contains(inName+" ", " "+w+end):
			total += 4
		case strings.Contains(inRest+" ", " "+w+end):
			total += 2
		default:
			return 0
		}
	}
	phrase := strings.Join(asked, " ")
	if strings.Contains(inName, " "+phrase) {
		total += 10
	}
	if strings.Contains(inRest, " "+phrase) {
		total += 5
	}
	if p.Open {
		total++
	}
	return total
}
