// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

type staffKind struct{}

// StaffID is the key of an appointment.
type StaffID = id.ID[staffKind]

// Role is what a member of staff may do.
type Role string

// The roles that exist so far.
const (
	Operator  Role = "operator"  // keeps the installation running; sees no one's data
	Registrar Role = "registrar" // decides cases at an office
	Auditor   Role = "auditor"   // checks the log

	IntakeOfficer Role = "intake"   // enrols people at an office's counter
	Approver      Role = "approver" // the second officer: confirms what an intake officer established
	Hotline       Role = "hotline"  // answers the telephone: may lock an account, and neither unlock nor see anything
)

// Roles lists all of them.
var Roles = []Role{Operator, Registrar, Auditor, IntakeOfficer, Approver, Hotline}

func (r Role) known() bool { return slices.Contains(Roles, r) }

// atOffice reports whether a role is held at an office: people are told which
// office looked at their data, and an officer without one would be nobody to
// them.
func (r Role) atOffice() bool {
	return r == Registrar || r == IntakeOfficer || r == Approver || r == Hotline
}

// Staff is one appointment: an account that holds a role at an office for a time.
type Staff struct {
	ID         StaffID
	Account    id.Person // the account's key
	Person     id.Person
	Role       Role
	Office     ID // zero: none
	OfficeName string
	Area       string    // code of the commune or province it counts for, Everywhere, or "" when it has no office
	From, To   time.Time // To exclusive, zero while it stands
}

// Everywhere is the area of an appointment for the whole country.
const Everywhere = "*"

// Covers reports whether an appointment counts for somebody who lives in a
// commune of a province. Somebody whose residence nobody knows is everybody's.
func (s Staff) Covers(commune, province string) bool {
	return commune == "" || s.Area == Everywhere || s.Area == commune || s.Area == province
}

// Roster is the list of staff. A door asks it on every request, so an
// appointment that was ended a moment ago opens nothing any more.
type Roster struct {
	db    *db.DB
	clock clock.Clock
	audit *audit.Log
}

// OpenRoster makes the roster; it reads nothing yet.
func OpenRoster(d *db.DB, c clock.Clock, l *audit.Log) *Roster {
	return &Roster{db: d, clock: c, audit: l}
}

const staffColumns = `s.id, s.account, s.person, s.role, s.office, COALESCE(o.name, ''), CASE WHEN s.area = '' THEN COALESCE(o.unit_code, '') ELSE s.area END, s.valid_from, COALESCE(s.valid_to, 0)
	FROM office_staff s LEFT JOIN office_office o ON o.id = s.office`

func listStaff(ctx context.Context, q db.Q, where string, args ...any) ([]Staff, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+staffColumns+` WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read staff: %w", err)
	}
	defer rows.Close()
	var out []Staff
	for rows.Next() {
		var s Staff
		var from, to int64
		if err := rows.Scan(&s.ID, &s.Account, &s.Person, &s.Role, &s.Office, &s.OfficeName, &s.Area, &from, &to); err != nil {
			return nil, fmt.Errorf("read staff: %w", err)
		}
		s.From, s.To = clock.FromMicros(from), clock.FromMicros(to)
		out = append(out, s)
	}
	return out, rows.Err()
}

// RolesOf gives what an account may do at an instant; none is no error.
func (r *Roster) RolesOf(ctx context.Context, account id.Person, at time.Time) ([]Staff, error) {
	return listStaff(ctx, r.db.Read(), `s.account = $1 AND s.valid_from <= $2 AND (s.valid_to IS NULL OR s.valid_to > $2) ORDER BY s.role`,
		account, clock.Micros(at))
}

// ListAt gives everybody who holds a role at an instant.
func (r *Roster) ListAt(ctx context.Context, at time.Time) ([]Staff, error) {
	return listStaff(ctx, r.db.Read(), `s.valid_from <= $1 AND (s.valid_to IS NULL OR s.valid_to > $1) ORDER BY s.role, s.valid_from, s.id`, clock.Micros(at))
}

// RequireTx is the authority check of a change that only a role may make: the
// officer must hold the role at this moment, read in the change's own
// transaction. It gives the appointment under which she acts.
func (r *Roster) RequireTx(ctx context.Context, tx *db.Tx, by audit.Actor, role Role) (Staff, error) {
	return r.require(ctx, tx, by, role)
}

// Require is RequireTx for reading.
func (r *Roster) Require(ctx context.Context, by audit.Actor, role Role) (Staff, error) {
	return r.require(ctx, r.db.Read(), by, role)
}

func (r *Roster) require(ctx context.Context, q db.Q, by audit.Actor, role Role) (Staff, error) {
	none := fault.New(fault.Forbidden, "office.staff.no_role")
	if by.Kind != audit.KindOfficer || by.Account.IsZero() {
		return Staff{}, none
	}
	list, err := listStaff(ctx, q, `s.account = $1 AND s.role = $2 AND s.valid_from <= $3 AND (s.valid_to IS NULL OR s.valid_to > $3)`,
		by.Account, string(role), clock.Micros(r.clock.Now()))
	if err != nil {
		return Staff{}, err
	}
	if len(list) == 0 || list[0].Person != by.Person {
		return Staff{}, none
	}
	return list[0], nil
}

// unitCode is the code of a province or of a commune.
var unitCode = regexp.MustCompile(`^(\d{2}|\d{5})$`)

// Appointment is what makes somebody a member of staff.
type Appointment struct {
	Account id.Person
	Person  id.Person
	Role    Role
	Office  ID        // operators and auditors need none
	Area    string    // code of a commune or province, or Everywhere; "" for the office's commune
	From    time.Time // zero: at once
	To      time.Time // zero: until it is ended
}

// mayAppoint: staff are appointed and ended at the installation itself.
// Officers do so among themselves with a second pair of eyes, which does not
// exist at this door.
func mayAppoint(by audit.Actor) error {
	if by.Kind != audit.KindSystem {
		return fault.New(fault.Forbidden, "office.staff.not_yours")
	}
	return nil
}

// AppointTx appoints. Whoever holds the role already keeps that appointment: Conflict.
func (r *Roster) AppointTx(ctx context.Context, tx *db.Tx, by audit.Actor, a Appointment) (Staff, error) {
	if err := mayAppoint(by); err != nil {
		return Staff{}, err
	}
	now := r.clock.Now()
	if a.From.IsZero() {
		a.From = now
	}
	f := fault.New(fault.Invalid, "office.staff.invalid")
	if !a.Role.known() {
		f.With("role", "office.staff.role")
	}
	if a.Account.IsZero() || a.Person.IsZero() {
		f.With("account", "office.staff.account")
	}
	if a.Role.atOffice() && a.Office.IsZero() {
		f.With("office", "office.staff.office")
	}
	if a.Area != "" && a.Area != Everywhere && !unitCode.MatchString(a.Area) {
		f.With("area", "office.staff.area")
	}
	if !a.To.IsZero() && (!a.To.After(a.From) || !a.To.After(now)) {
		f.With("to", "office.staff.period")
	}
	if len(f.Fields) > 0 {
		return Staff{}, f
	}
	var office any
	s := Staff{ID: id.New[staffKind](), Account: a.Account, Person: a.Person, Role: a.Role, Office: a.Office, Area: a.Area, From: a.From, To: a.To}
	if !a.Office.IsZero() {
		office = a.Office
		var commune string
		err := tx.QueryRowContext(ctx, `SELECT name, unit_code FROM office_office WHERE id = $1 AND valid_to IS NULL`, a.Office).Scan(&s.OfficeName, &commune)
		if errors.Is(err, sql.ErrNoRows) {
			return Staff{}, fault.New(fault.NotFound, "office.not_found")
		}
		if err != nil {
			return Staff{}, fmt.Errorf("find office: %w", err)
		}
		if s.Area == "" {
			s.Area = commune
		}
	}
	// 1. An appointment that lapsed by itself no longer stands in the way.
	if _, err := tx.ExecContext(ctx, `UPDATE office_staff SET ended_at = valid_to, ended_by = 'lapsed' WHERE account = $1 AND role = $2 AND ended_at IS NULL AND valid_to <= $3`,
		a.Account, string(a.Role), clock.Micros(now)); err != nil {
		return Staff{}, fmt.Errorf("end lapsed appointment: %w", err)
	}
	// 2. The unique index decides between two that are made at the same time.
	var to any
	if !a.To.IsZero() {
		to = clock.Micros(a.To)
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO office_staff (account, id, person, role, office, valid_from, valid_to, appointed_at, appointed_by, area)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		s.Account, s.ID, s.Person, string(s.Role), office, clock.Micros(s.From), to, clock.Micros(now), signature(by), a.Area)
	if err != nil {
		return Staff{}, fmt.Errorf("appoint: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return Staff{}, errors.Join(fault.New(fault.Conflict, "office.staff.held"), err)
	}
	return s, r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "office.staff.appointed", Subject: s.Person, Purpose: "office.staff",
		Detail: map[string]string{"role": string(s.Role), "appointment": s.ID.String()}})
}

// EndTx ends an account's standing appointment to a role at once.
func (r *Roster) EndTx(ctx context.Context, tx *db.Tx, by audit.Actor, account id.Person, role Role) error {
	if err := mayAppoint(by); err != nil {
		return err
	}
	var which StaffID
	var person id.Person
	err := tx.QueryRowContext(ctx, `UPDATE office_staff SET valid_to = $3, ended_at = $3, ended_by = $4
		WHERE account = $1 AND role = $2 AND ended_at IS NULL AND (valid_to IS NULL OR valid_to > $3) RETURNING id, person`,
		account, string(role), clock.Micros(r.clock.Now()), signature(by)).Scan(&which, &person)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "office.staff.none")
	}
	if err != nil {
		return fmt.Errorf("end appointment: %w", err)
	}
	return r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "office.staff.ended", Subject: person, Purpose: "office.staff",
		Detail: map[string]string{"role": string(role), "appointment": which.String()}})
}

// Appoint and End are AppointTx and EndTx in transactions of their own.
func (r *Roster) Appoint(ctx context.Context, by audit.Actor, a Appointment) (s Staff, err error) {
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		s, err = r.AppointTx(ctx, tx, by, a)
		return err
	})
	return s, err
}

// End ends an appointment; see EndTx.
func (r *Roster) End(ctx context.Context, by audit.Actor, account id.Person, role Role) error {
	return r.db.Write(ctx, func(tx *db.Tx) error { return r.EndTx(ctx, tx, by, account, role) })
}

// signature says who appointed, by surrogate key.
func signature(by audit.Actor) string {
	if by.Account.IsZero() {
		return string(by.Kind) + ":" + by.Name
	}
	return string(by.Kind) + ":" + by.Account.String()
}
