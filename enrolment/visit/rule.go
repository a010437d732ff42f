// SPDX-License-Identifier: Apache-2.0

package visit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
)

// Part is a part of what the registries hold about a person.
type Part string

// The parts.
const (
	PartPerson    Part = "person"
	PartResidence Part = "residence"
	PartHousehold Part = "household"
	PartCards     Part = "cards"
	PartPortrait  Part = "portrait"
)

// Purpose is a dated row: for what a visit may be opened and what it lets see.
type Purpose struct {
	Name     string
	Unproved bool // a visit suffices in which nobody proved that she is there
	Parts    []Part
	Ground   string
	VI, EN   string
}

// Reason is a dated row: why somebody may look without a visit.
type Reason struct {
	Name   string
	Tell   time.Duration // after how long the person is told; 0: at once
	Parts  []Part
	Ground string
	VI, EN string
}

func parts(s string) (out []Part) {
	for p := range strings.SplitSeq(s, ",") {
		out = append(out, Part(p))
	}
	return out
}

// in is a name in the reader's language.
func in(language, vi, en string) string {
	if language == "en" {
		return en
	}
	return vi
}

func (d *Desk) today() clock.Date { return clock.DateOf(d.c.Clock.Now()) }

// ListPurposes lists the purposes of today.
func (d *Desk) ListPurposes(ctx context.Context) ([]Purpose, error) {
	return listPurposes(ctx, d.c.DB.Read(), d.today())
}

func listPurposes(ctx context.Context, q db.Q, on clock.Date) ([]Purpose, error) {
	var out []Purpose
	err := db.Each(ctx, q, `SELECT name, unproved, parts, ground, name_vi, name_en FROM enrolment_visit_purpose
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY name_vi`, []any{on.String()}, func(s db.Row) error {
		var p Purpose
		var list string
		err := s.Scan(&p.Name, &p.Unproved, &list, &p.Ground, &p.VI, &p.EN)
		p.Parts = parts(list)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list purposes: %w", err)
	}
	return out, nil
}

func findPurpose(ctx context.Context, q db.Q, name string, on clock.Date) (Purpose, error) {
	all, err := listPurposes(ctx, q, on)
	if err != nil {
		return Purpose{}, err
	}
	if i := slices.IndexFunc(all, func(p Purpose) bool { return p.Name == name }); i >= 0 {
		return all[i], nil
	}
	return Purpose{}, fault.New(fault.Invalid, "enrolment.visit.purpose").With("purpose", "enrolment.visit.purpose")
}

// ListReasons lists the reasons of today for looking without a visit.
func (d *Desk) ListReasons(ctx context.Context) ([]Reason, error) {
	return listReasons(ctx, d.c.DB.Read(), d.today())
}

func listReasons(ctx context.Context, q db.Q, on clock.Date) ([]Reason, error) {
	var out []Reason
	err := db.Each(ctx, q, `SELECT name, tell_hours, parts, ground, name_vi, name_en FROM enrolment_visit_reason
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY tell_hours, name`, []any{on.String()}, func(s db.Row) error {
		var r Reason
		var list string
		var hours int64
		err := s.Scan(&r.Name, &hours, &list, &r.Ground, &r.VI, &r.EN)
		r.Parts, r.Tell = parts(list), time.Duration(hours)*time.Hour
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list reasons: %w", err)
	}
	return out, nil
}

func findReason(ctx context.Context, q db.Q, name string, on clock.Date) (Reason, error) {
	all, err := listReasons(ctx, q, on)
	if err != nil {
		return Reason{}, err
	}
	if i := slices.IndexFunc(all, func(r Reason) bool { return r.Name == name }); i >= 0 {
		return all[i], nil
	}
	return Reason{}, fault.New(fault.Invalid, "enrolment.visit.reason").With("reason", "enrolment.visit.reason")
}

// rule is the value of a dated rule on a day.
func rule(ctx context.Context, q db.Q, name string, on clock.Date) (int, error) {
	var v int
	err := q.QueryRowContext(ctx, `SELECT value FROM enrolment_visit_rule WHERE name = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
		ORDER BY valid_from DESC LIMIT 1`, name, on.String()).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("visit: there is no rule %s", name)
	}
	if err != nil {
		return 0, fmt.Errorf("read rule %s: %w", name, err)
	}
	return v, nil
}

func span(ctx context.Context, q db.Q, name string, unit time.Duration, on clock.Date) (time.Duration, error) {
	v, err := rule(ctx, q, name, on)
	return time.Duration(v) * unit, err
}
