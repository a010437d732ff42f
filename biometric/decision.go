// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"

	"danh/internal/clock"
	"danh/internal/fmr"
)

// Band is what a comparison says by itself.
type Band string

// The bands. Only officers turn OfficerComparison into an outcome.
const (
	Match             Band = "match"
	NoMatch           Band = "no_match"
	OfficerComparison Band = "officer"
)

// FingerScore is the best score of one finger and from how many comparisons it
// was taken.
type FingerScore struct {
	Position fmr.Position `json:"position"`
	Score    float64      `json:"score"`
	Tries    int          `json:"tries"`
}

// caution is taken from every score before it counts. By the engine's design a
// wrong finger reaches the score s with probability 10^(-s/10); on this
// project's own prints wrong fingers of one class were found some ten points
// higher, and caution is a little more than that (docs/biometrics.md).
const caution = 12

// Fuse makes one score of several fingers and tries: ten points more stand for
// a tenth of the false matches.
//
// A score s is taken to be reached by a wrong finger with probability
// p = 10^(-(s-caution)/10), and the best of m tries reaches it with at most m·p
// (Bonferroni). Fingers of one hand are taken as independent, and their
// probabilities are combined by Fisher's method: X = -2·Σ ln p is chi-squared
// with 2k degrees of freedom for k fingers, whose survival function is
// e^(-X/2)·Σ_{j<k} (X/2)^j/j!. A finger that does not match thus costs
// something and cannot veto; more wrong fingers never add up to a match.
func Fuse(scores []FingerScore) float64 {
	k, half := 0, 0.0 // half is X/2
	for _, s := range scores {
		if s.Tries == 0 {
			continue
		}
		k++
		half += max(0, (s.Score-caution)*math.Ln10/10-math.Log(float64(s.Tries)))
	}
	if k == 0 {
		return 0
	}
	term, sum := 1.0, 0.0
	for j := range k {
		if j > 0 {
			term *= half / float64(j)
		}
		sum += term
	}
	return max(0, 10/math.Ln10*(half-math.Log(sum)))
}

// Policy is a dated rule: from how many fingers on, which fused score says what.
type Policy struct {
	Engine    string
	Fingers   int     // the least number of fingers that were compared
	MatchAt   float64 // +Inf: never by the engine alone
	OfficerAt float64
	From, To  clock.Date // To inclusive, zero while it holds
	Source    string
	Verified  bool
}

// Name says which rule it is, for evidence.
func (p Policy) Name() string {
	return fmt.Sprintf("%s/%d fingers/%s", p.Engine, p.Fingers, p.From)
}

//go:embed policy.tsv
var policyText string

//go:embed retention.tsv
var retentionText string

// Policies are the rules in force at any time.
type Policies []Policy

// LoadPolicies reads the rules that are built in.
func LoadPolicies() (Policies, error) { return ParsePolicies(policyText) }

// ParsePolicies reads rules from tab-separated text with the columns engine,
// fingers, match_at, officer_at, valid_from, valid_to, source, verified.
func ParsePolicies(text string) (Policies, error) {
	rows, err := table(text, 8)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	var out Policies
	for _, r := range rows {
		p := Policy{Engine: r[0], MatchAt: math.Inf(1), Source: r[6], Verified: r[7] == "true"}
		if p.Fingers, err = strconv.Atoi(r[1]); err != nil || p.Fingers < 1 {
			return nil, fmt.Errorf("policies: fingers %q", r[1])
		}
		if r[2] != "-" {
			if p.MatchAt, err = strconv.ParseFloat(r[2], 64); err != nil {
				return nil, fmt.Errorf("policies: match_at %q", r[2])
			}
		}
		if p.OfficerAt, err = strconv.ParseFloat(r[3], 64); err != nil || !(p.OfficerAt <= p.MatchAt) {
			return nil, fmt.Errorf("policies: officer_at %q", r[3])
		}
		if p.From, p.To, err = dates(r[4], r[5]); err != nil {
			return nil, fmt.Errorf("policies: %w", err)
		}
		out = append(out, p)
	}
	return out, nil
}

func table(text string, columns int) (rows [][]string, err error) {
	for i, l := range strings.Split(strings.TrimSpace(text), "\n") {
		f := strings.Split(l, "\t")
		if len(f) != columns {
			return nil, fmt.Errorf("line %d has %d columns, not %d", i+1, len(f), columns)
		}
		if i > 0 {
			rows = append(rows, f)
		}
	}
	return rows, nil
}

func dates(from, to string) (f, t clock.Date, err error) {
	if f, err = clock.ParseDate(from); err != nil {
		return f, t, err
	}
	if to != "" {
		t, err = clock.ParseDate(to)
	}
	return f, t, err
}

func holds(from, to clock.Date, on string) bool {
	return from.String() <= on && (to == clock.Date{} || on <= to.String())
}

// Find is the rule for an engine and a number of fingers on a day: the one that
// asks for the most fingers of those that are met.
func (ps Policies) Find(engine string, fingers int, on clock.Date) (Policy, bool) {
	var best Policy
	day := on.String()
	for _, p := range ps {
		if p.Engine == engine && p.Fingers <= fingers && p.Fingers > best.Fingers && holds(p.From, p.To, day) {
			best = p
		}
	}
	return best, best.Fingers > 0
}

// Decide draws the band of a fused score. Without a rule for the engine the
// answer is always for an officer: its scale is not known here.
func (ps Policies) Decide(engine string, fused float64, fingers int, on clock.Date) (Band, string) {
	p, ok := ps.Find(engine, fingers, on)
	switch {
	case !ok:
		return OfficerComparison, "no rule"
	case fused >= p.MatchAt:
		return Match, p.Name()
	case fused >= p.OfficerAt:
		return OfficerComparison, p.Name()
	}
	return NoMatch, p.Name()
}

// keepDays is for how many days something is kept, by the row in force on a day.
func keepDays(what string, on clock.Date) (int, error) {
	rows, err := table(retentionText, 6)
	if err != nil {
		return 0, fmt.Errorf("retention: %w", err)
	}
	for _, r := range rows {
		from, to, err := dates(r[2], r[3])
		if err != nil {
			return 0, fmt.Errorf("retention: %w", err)
		}
		if r[0] == what && holds(from, to, on.String()) {
			return strconv.Atoi(r[1])
		}
	}
	return 0, fmt.Errorf("retention: no row for %s on %s", what, on)
}
