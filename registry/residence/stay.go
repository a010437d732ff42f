// SPDX-License-Identifier: Apache-2.0

package residence

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/registry/population"
)

const (
	columnGuest   = "residence_stay.guest"
	columnDispute = "residence_stay.dispute"

	roleGuest    = "guest"
	roleNotifier = "notifier"

	groundStay = "Luật Cư trú 68/2020/QH14, Điều 30"
)

// sealedGuest is the stored form of a guest.
type sealedGuest struct {
	Name       string         `json:"name"`
	BirthDate  clock.Date     `json:"birth_date"`
	Sex        population.Sex `json:"sex,omitempty"`
	Number     string         `json:"number,omitempty"`
	Passport   string         `json:"passport,omitempty"`
	Country    string         `json:"country,omitempty"`
	Unnumbered string         `json:"unnumbered,omitempty"`
}

// mayNotify says who may notify a stay: the notifier herself, an officer who
// takes it down at the desk or on the telephone, or a part of Danh. A citizen
// who is not proved to be the person of her account notifies without one: the
// stay then names no notifier.
func mayNotify(by audit.Actor, s Stay) error {
	switch by.Kind {
	case audit.KindOfficer, audit.KindSystem:
		return nil
	case audit.KindCitizen:
		if s.Notifier.IsZero() || by.Person == s.Notifier || by.OnBehalfOf == s.Notifier {
			return nil
		}
	}
	return fault.New(fault.Forbidden, "residence.stay.forbidden")
}

func (r *Registry) checkStay(ctx context.Context, q db.Q, s Stay) error {
	f := fault.New(fault.Invalid, "residence.stay.incomplete")
	if population.FoldName(s.Guest.Name) == "" {
		f.With("guest_name", "residence.stay.guest_name")
	}
	if s.Guest.BirthDate.IsZero() {
		f.With("guest_birth_date", "residence.stay.guest_birth_date")
	}
	if named := !s.Guest.Number.IsZero(); named == (strings.TrimSpace(s.Guest.Passport) != "") && (named || s.Guest.Unnumbered == "") {
		f.With("guest_number", "residence.stay.guest_number")
	}
	if strings.TrimSpace(s.Reason) == "" {
		f.With("reason", "residence.stay.reason")
	}
	if strings.TrimSpace(s.Address.Text) == "" {
		f.With("address", "residence.stay.address")
	}
	if !s.From.Exact() || !s.Until.Exact() || s.Until.Before(s.From) {
		f.With("until", "residence.stay.period")
		return f
	}
	days, err := rule(ctx, q, "stay.max_days", s.From)
	if err != nil {
		return err
	}
	if s.From.AddDays(days).Before(s.Until) {
		f.With("until", "residence.stay.too_long").Arg("days", strconv.Itoa(days))
	}
	if len(f.Fields) > 0 {
		return f
	}
	return nil
}

// RecordStayTx records a notified stay. The caller may choose the key, so that
// a repeated notice records one stay; the first one then stands.
//
// What was typed about the guest is sealed under the stay's own key. Whether
// it is about somebody in the registry is found out here, silently: the
// notifier learns nothing of it, the guest can be told (GuestOfTx) and dispute.
func (r *Registry) RecordStayTx(ctx context.Context, tx *db.Tx, by audit.Actor, s Stay) (StayID, error) {
	if err := mayNotify(by, s); err != nil {
		return StayID{}, err
	}
	if err := r.checkStay(ctx, tx, s); err != nil {
		return StayID{}, err
	}
	if s.ID.IsZero() {
		s.ID = id.New[stayKind]()
	}
	now := r.clock.Now()
	if s.Arrival.IsZero() {
		s.Arrival = now
	}
	if s.Channel == "" {
		s.Channel = Portal
	}
	// 1. The row, unless it is there already.
	var first StayID
	err := tx.QueryRowContext(ctx, `INSERT INTO residence_stay (id, notifier, text, unit_code, unit_from, arrival, valid_from, valid_to,
		reason, channel, reference, state, recorded_at, source) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'notice')
		ON CONFLICT (id) DO NOTHING RETURNING id`,
		s.ID, s.Notifier, s.Address.Text, text(s.Address.UnitCode), s.Address.UnitFrom, clock.Micros(s.Arrival), s.From, s.Until,
		s.Reason, string(s.Channel), s.Reference, string(StayRecorded), clock.Micros(now)).Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		var whose id.Person
		if err := tx.QueryRowContext(ctx, `SELECT notifier FROM residence_stay WHERE id = $1`, s.ID).Scan(&whose); err != nil {
			return StayID{}, fmt.Errorf("record stay: %w", err)
		}
		if whose != s.Notifier {
			return StayID{}, fault.New(fault.Conflict, "residence.stay.key_taken")
		}
		return s.ID, nil
	}
	if err != nil {
		return StayID{}, fmt.Errorf("record stay: %w", err)
	}
	// 2. The guest: sealed, and found in the registry when she is known there.
	g := s.Guest
	plain, err := json.Marshal(sealedGuest{population.NormaliseName(g.Name), g.BirthDate, g.Sex, g.Number.Reveal(), g.Passport, g.Country, g.Unnumbered})
	if err != nil {
		return StayID{}, fmt.Errorf("record stay: %w", err)
	}
	sealed, err := r.seal.SealTx(ctx, tx, id.Person(s.ID), columnGuest, plain)
	if err != nil {
		return StayID{}, fmt.Errorf("record stay: %w", err)
	}
	guest, err := r.recogniseTx(ctx, tx, g)
	if err != nil {
		return StayID{}, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE residence_stay SET guest = $2, guest_person = $3 WHERE id = $1`, s.ID, sealed, guest); err != nil {
		return StayID{}, fmt.Errorf("record stay: %w", err)
	}
	// 3. Whose stay it is, and the entries.
	for _, p := range []struct {
		person id.Person
		role   string
	}{{s.Notifier, roleNotifier}, {guest, roleGuest}} {
		if p.person.IsZero() {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO residence_stay_party (person, role, stay) VALUES ($1, $2, $3)`, p.person, p.role, s.ID); err != nil {
			return StayID{}, fmt.Errorf("record stay: %w", err)
		}
		if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "residence.stay_recorded", Subject: p.person, Purpose: "residence.purpose.stay",
			Ground: groundStay, Fields: []string{FieldStays}, Detail: map[string]string{"role": p.role, "channel": string(s.Channel)}}); err != nil {
			return StayID{}, fmt.Errorf("record stay: %w", err)
		}
	}
	return s.ID, nil
}

// recogniseTx finds the person whom the typed data describe. A name typed
// without diacritics is enough; another birth date is somebody else.
func (r *Registry) recogniseTx(ctx context.Context, tx *db.Tx, g Guest) (id.Person, error) {
	if g.Number.IsZero() {
		return id.Person{}, nil
	}
	m, err := r.people.MatchTx(ctx, tx, audit.Look{By: audit.System("residence"), Purpose: "residence.purpose.tell_guest", Ground: groundStay},
		population.Declared{Number: g.Number, Name: g.Name, BirthDate: g.BirthDate, Sex: g.Sex})
	if err != nil {
		return id.Person{}, fmt.Errorf("recognise guest: %w", err)
	}
	if m.Dead || m.Number != population.Equal || m.Name == population.Different || m.BirthDate != population.Equal {
		return id.Person{}, nil
	}
	return m.Person, nil
}

// GuestOfTx is the person whom a stay's typed data describe, or zero. It is
// for telling her; the notifier must not learn it.
func (r *Registry) GuestOfTx(ctx context.Context, tx *db.Tx, stay StayID) (id.Person, error) {
	var p id.Person
	err := tx.QueryRowContext(ctx, `SELECT guest_person FROM residence_stay WHERE id = $1`, stay).Scan(&p)
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.New(fault.NotFound, "residence.stay.not_found")
	}
	if err != nil {
		return p, fmt.Errorf("find guest: %w", err)
	}
	return p, nil
}

const stayColumns = `s.id, s.notifier, s.guest_person, s.guest, s.text, s.unit_code, s.unit_from, s.arrival, s.valid_from, s.valid_to,
	s.reason, s.channel, s.reference, s.state, s.recorded_at, s.disputed_at`

func scanStay(row interface{ Scan(...any) error }, before ...any) (s Stay, guest []byte, err error) {
	var unit sql.NullString
	var arrival, recorded int64
	var disputed sql.NullInt64
	err = row.Scan(append(before, &s.ID, &s.Notifier, &s.GuestPerson, &guest, &s.Address.Text, &unit, &s.Address.UnitFrom, &arrival, &s.From, &s.Until,
		&s.Reason, &s.Channel, &s.Reference, &s.State, &recorded, &disputed)...)
	s.Address.UnitCode = unit.String
	s.Arrival, s.RecordedAt, s.DisputedAt = clock.FromMicros(arrival), clock.FromMicros(recorded), clock.FromMicros(disputed.Int64)
	return s, guest, err
}

// showTo leaves of a stay what a person may see: the notifier sees what she
// typed and not whether it is known; the guest does not see what was typed.
func (r *Registry) showTo(ctx context.Context, q db.Q, s Stay, sealed []byte, person id.Person) (Stay, error) {
	if person == s.Notifier && !person.IsZero() {
		if s.GuestPerson != person {
			s.GuestPerson = id.Person{}
		}
		return r.openGuest(ctx, q, s, sealed)
	}
	s.Guest = Guest{}
	return s, nil
}

func (r *Registry) openGuest(ctx context.Context, q db.Q, s Stay, sealed []byte) (Stay, error) {
	if sealed == nil {
		return s, nil
	}
	plain, err := r.seal.Open(ctx, q, id.Person(s.ID), columnGuest, sealed)
	if err != nil {
		return Stay{}, fmt.Errorf("open stay: %w", err)
	}
	var g sealedGuest
	if err := json.Unmarshal(plain, &g); err != nil {
		return Stay{}, fmt.Errorf("open stay: %w", err)
	}
	s.Guest = Guest{g.Name, g.BirthDate, g.Sex, population.Number(g.Number), g.Passport, g.Country, g.Unnumbered}
	return s, nil
}

func mayLookAt(by audit.Actor, people ...id.Person) bool {
	switch by.Kind {
	case audit.KindOfficer, audit.KindSystem:
		return true
	case audit.KindCitizen:
		for _, p := range people {
			if !p.IsZero() && (by.Person == p || by.OnBehalfOf == p) {
				return true
			}
		}
	}
	return false
}

// ListStays lists the stays that a person notified and those at which she is
// the guest, latest first, at most 200, and answers once the audit entry is
// committed. A citizen lists her own.
func (r *Registry) ListStays(ctx context.Context, look audit.Look, person id.Person) ([]Stay, error) {
	if err := checkLook(look); err != nil {
		return nil, err
	}
	if !mayLookAt(look.By, person) {
		return nil, fault.New(fault.Forbidden, "residence.stay.forbidden")
	}
	rows, err := r.db.Read().QueryContext(ctx, `SELECT `+stayColumns+` FROM residence_stay s
		WHERE s.id IN (SELECT stay FROM residence_stay_party WHERE person = $1) ORDER BY s.valid_from DESC, s.id DESC LIMIT 200`, person)
	if err != nil {
		return nil, fmt.Errorf("list stays: %w", err)
	}
	defer rows.Close()
	var out []Stay
	var sealed [][]byte
	for rows.Next() {
		s, g, err := scanStay(rows)
		if err != nil {
			return nil, fmt.Errorf("list stays: %w", err)
		}
		out, sealed = append(out, s), append(sealed, g)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list stays: %w", err)
	}
	rows.Close()
	for i := range out {
		if out[i], err = r.showTo(ctx, r.db.Read(), out[i], sealed[i], person); err != nil {
			return nil, err
		}
	}
	e := look.Entry(actionListed, person)
	e.Fields = []string{FieldStays}
	if err := r.audit.Record(ctx, e); err != nil {
		return nil, fmt.Errorf("list stays: %w", err)
	}
	return out, nil
}

// FindStay reads one stay, for its notifier, its guest or an officer, and
// answers once the audit entry is committed. To anybody else it is absent.
func (r *Registry) FindStay(ctx context.Context, look audit.Look, stay StayID) (Stay, error) {
	if err := checkLook(look); err != nil {
		return Stay{}, err
	}
	absent := fault.New(fault.NotFound, "residence.stay.not_found")
	q := r.db.Read()
	s, sealed, err := scanStay(q.QueryRowContext(ctx, `SELECT `+stayColumns+` FROM residence_stay s WHERE s.id = $1`, stay))
	if errors.Is(err, sql.ErrNoRows) {
		return Stay{}, absent
	}
	if err != nil {
		return Stay{}, fmt.Errorf("find stay: %w", err)
	}
	if !mayLookAt(look.By, s.Notifier, s.GuestPerson) {
		return Stay{}, absent
	}
	about := s.GuestPerson
	if about.IsZero() {
		about = s.Notifier
	}
	if look.By.Kind == audit.KindCitizen {
		viewer := look.By.Person
		if !look.By.OnBehalfOf.IsZero() {
			viewer = look.By.OnBehalfOf
		}
		if s, err = r.showTo(ctx, q, s, sealed, viewer); err != nil {
			return Stay{}, err
		}
	} else if s, err = r.openGuest(ctx, q, s, sealed); err != nil {
		return Stay{}, err
	}
	e := look.Entry(actionRead, about)
	e.Fields = []string{FieldStays}
	if err := r.audit.Record(ctx, e); err != nil {
		return Stay{}, fmt.Errorf("find stay: %w", err)
	}
	return s, nil
}

// DisputeStayTx lets the guest say that a stay is not hers. why is her own
// words, sealed. It counts once; to anybody but the guest the stay is absent.
func (r *Registry) DisputeStayTx(ctx context.Context, tx *db.Tx, by audit.Actor, stay StayID, why string) error {
	absent := fault.New(fault.NotFound, "residence.stay.not_found")
	if by.Kind != audit.KindCitizen || by.Person.IsZero() {
		return fault.New(fault.Forbidden, "residence.stay.forbidden")
	}
	sealed, err := r.seal.SealTx(ctx, tx, id.Person(stay), columnDispute, []byte(why))
	if err != nil {
		return fmt.Errorf("dispute stay: %w", err)
	}
	var notifier id.Person
	err = tx.QueryRowContext(ctx, `UPDATE residence_stay SET state = $3, disputed_at = $4, dispute = $5
		WHERE id = $1 AND guest_person = $2 AND state = $6 RETURNING notifier`,
		stay, by.Person, string(StayDisputed), clock.Micros(r.clock.Now()), sealed, string(StayRecorded)).Scan(&notifier)
	if errors.Is(err, sql.ErrNoRows) {
		var state string
		err := tx.QueryRowContext(ctx, `SELECT state FROM residence_stay WHERE id = $1 AND guest_person = $2`, stay, by.Person).Scan(&state)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return absent
		case err != nil:
			return fmt.Errorf("dispute stay: %w", err)
		}
		return fault.New(fault.Conflict, "residence.stay.disputed_before")
	}
	if err != nil {
		return fmt.Errorf("dispute stay: %w", err)
	}
	for _, p := range []id.Person{by.Person, notifier} {
		if p.IsZero() {
			continue
		}
		if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "residence.stay_disputed", Subject: p, Purpose: "residence.purpose.dispute",
			Ground: groundStay, Fields: []string{FieldStays}}); err != nil {
			return fmt.Errorf("dispute stay: %w", err)
		}
	}
	return nil
}

// text gives NULL for what is absent.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
