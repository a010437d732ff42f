// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

// Rule is one dated row of law or house rule: a number that holds from a day
// to a day, both included.
type Rule struct {
	Name      string
	From, To  clock.Date // To zero: still in force
	Value     int
	Source    string
	Confirmed bool // read at the official gazette
}

// Feature is one dated row of the table that rules every door: which account
// level a feature takes, and whether a provisional account has it.
type Feature struct {
	Name        string
	From, To    clock.Date
	Level       Level
	Provisional bool
	Source      string
	OpenFrom    clock.Date // from then on there is a journey for it here; zero: not yet
}

// OpenOn reports whether the feature can be used here on a day, at its level.
func (f Feature) OpenOn(day clock.Date) bool { return !f.OpenFrom.IsZero() && !day.Before(f.OpenFrom) }

// rules holds both tables in memory for a minute: they change by an officer's
// decision, days ahead.
type rules struct {
	db    *db.DB
	clock clock.Clock
	book  atomic.Pointer[book]
}

type book struct {
	loaded   time.Time
	rules    map[string][]Rule
	features map[string][]Feature
	order    []string
	assures  map[string][]assured // by the factors used
	demands  map[string][]Demand
	asking   []string            // the journeys in the table's order
	common   map[string][]Rule   // passcodes that are tried first
	forOrg   map[string][]scoped // journeys that are open while she acts for an organisation
	acting   map[string][]Rule   // journeys that are open while she acts for somebody else
}

const ruleAge = time.Minute

func (r *rules) load(ctx context.Context) (*book, error) {
	now := r.clock.Now()
	if b := r.book.Load(); b != nil && now.Sub(b.loaded) < ruleAge && !now.Before(b.loaded) {
		return b, nil
	}
	b := &book{loaded: now, rules: map[string][]Rule{}, features: map[string][]Feature{}, assures: map[string][]assured{}, demands: map[string][]Demand{}, common: map[string][]Rule{}, acting: map[string][]Rule{}, forOrg: map[string][]scoped{}}
	err := db.Each(ctx, r.db.Read(), `SELECT name, valid_from, valid_to, value, source, verified FROM account_rule`, nil, func(s db.Row) error {
		var v Rule
		if err := s.Scan(&v.Name, &v.From, &v.To, &v.Value, &v.Source, &v.Confirmed); err != nil {
			return err
		}
		b.rules[v.Name] = append(b.rules[v.Name], v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	err = db.Each(ctx, r.db.Read(), `SELECT feature, valid_from, valid_to, level, provisional, source, open_from FROM account_feature ORDER BY level, feature, valid_from`, nil, func(s db.Row) error {
		var v Feature
		if err := s.Scan(&v.Name, &v.From, &v.To, &v.Level, &v.Provisional, &v.Source, &v.OpenFrom); err != nil {
			return err
		}
		if b.features[v.Name] == nil {
			b.order = append(b.order, v.Name)
		}
		b.features[v.Name] = append(b.features[v.Name], v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read features: %w", err)
	}
	err = db.Each(ctx, r.db.Read(), `SELECT factors, valid_from, valid_to, assurance, by_verification FROM account_assurance`, nil, func(s db.Row) error {
		var words string
		var v assured
		if err := s.Scan(&words, &v.from, &v.to, &v.value, &v.byVerification); err != nil {
			return err
		}
		for _, w := range strings.Fields(words) {
			v.factors = append(v.factors, Factor(w))
		}
		b.assures[words] = append(b.assures[words], v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read assurances: %w", err)
	}
	err = db.Each(ctx, r.db.Read(), `SELECT journey, valid_from, valid_to, level, assurance, max_age_seconds, source, verified FROM account_demand ORDER BY assurance, level, journey, valid_from`, nil, func(s db.Row) error {
		var v Demand
		var seconds int
		if err := s.Scan(&v.Journey, &v.From, &v.To, &v.Level, &v.Assurance, &seconds, &v.Source, &v.Confirmed); err != nil {
			return err
		}
		v.MaxAge = time.Duration(seconds) * time.Second
		if b.demands[v.Journey] == nil {
			b.asking = append(b.asking, v.Journey)
		}
		b.demands[v.Journey] = append(b.demands[v.Journey], v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read demands: %w", err)
	}
	err = db.Each(ctx, r.db.Read(), `SELECT passcode, valid_from, valid_to FROM account_passcode_common`, nil, func(s db.Row) error {
		var v Rule
		if err := s.Scan(&v.Name, &v.From, &v.To); err != nil {
			return err
		}
		b.common[v.Name] = append(b.common[v.Name], v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read common passcodes: %w", err)
	}
	err = db.Each(ctx, r.db.Read(), `SELECT journey, scope, valid_from, valid_to FROM account_organisation_journey`, nil, func(s db.Row) error {
		var v scoped
		err := s.Scan(&v.Name, &v.scope, &v.From, &v.To)
		b.forOrg[v.Name] = append(b.forOrg[v.Name], v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what is open while acting for an organisation: %w", err)
	}
	err = db.Each(ctx, r.db.Read(), `SELECT journey, valid_from, valid_to FROM account_acting_journey`, nil, func(s db.Row) error {
		var v Rule
		if err := s.Scan(&v.Name, &v.From, &v.To); err != nil {
			return err
		}
		b.acting[v.Name] = append(b.acting[v.Name], v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what may be done for others: %w", err)
	}
	r.book.Store(b)
	return b, nil
}

func within(day, from, to clock.Date) bool {
	return !day.Before(from) && (to.IsZero() || !to.Before(day))
}

// today gives all rules in force.
func (r *rules) today(ctx context.Context) (inForce, error) {
	b, err := r.load(ctx)
	return inForce{b, clock.DateOf(r.clock.Now())}, err
}

type inForce struct {
	book *book
	day  clock.Date
}

// value is the rule's value in force, or 0 when there is none.
func (f inForce) value(name string) int {
	for _, v := range f.book.rules[name] {
		if within(f.day, v.From, v.To) {
			return v.Value
		}
	}
	return 0
}

func (f inForce) duration(name string, unit time.Duration) time.Duration {
	return time.Duration(f.value(name)) * unit
}

// Value gives a rule's value in force today; 0 when there is none.
func (k *Keeper) Value(ctx context.Context, name string) (int, error) {
	f, err := k.rules.today(ctx)
	if err != nil {
		return 0, err
	}
	return f.value(name), nil
}

// SetRuleTx puts a rule in force from a day on. The rule that held before ends
// the day before; what was decided under it stays decided.
func (k *Keeper) SetRuleTx(ctx context.Context, tx *db.Tx, by audit.Actor, r Rule) error {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return fault.New(fault.Forbidden, "account.rule.forbidden")
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account_rule SET valid_to = $3 WHERE name = $1 AND valid_from < $2 AND (valid_to IS NULL OR valid_to >= $2)`,
		r.Name, r.From, r.From.AddDays(-1)); err != nil {
		return fmt.Errorf("end rule: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO account_rule (name, valid_from, valid_to, value, source, verified) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (name, valid_from) DO UPDATE SET valid_to = excluded.valid_to, value = excluded.value, source = excluded.source, verified = excluded.verified`,
		r.Name, r.From, r.To, r.Value, r.Source, r.Confirmed); err != nil {
		return fmt.Errorf("set rule: %w", err)
	}
	tx.After(func() { k.rules.book.Store(nil) })
	return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.rule.set", Fields: []string{r.Name}, Detail: map[string]string{"from": r.From.String(), "value": fmt.Sprint(r.Value)}})
}
