// SPDX-License-Identifier: Apache-2.0

package card

import (
	"context"
	"crypto"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/mrz"
	"danh/registry/card/chip"
	"danh/registry/card/lds"
	"danh/registry/population"
	"danh/registry/residence"
)

const (
	columnNumber = "card_card.number"
	blindScope   = "card.number"

	purposeIssue = "card.purpose.issue"
	groundIssue  = "Luật Căn cước 26/2023/QH15, Điều 23"
)

// Order says for whom a card is made and what no registry knows: the portrait
// that was taken, the marks that were seen, the key that the chip made.
type Order struct {
	Person   id.Person
	Cause    Cause
	Portrait []byte // JPEG, at most 64 KiB
	Marks    string
	ChipKey  crypto.PublicKey // P-256; its private half never leaves the chip
	Ground   string           // of the decision; "" for the law's article on issuing
}

// Issue is IssueTx in a transaction of its own.
func (r *Registry) Issue(ctx context.Context, by audit.Actor, o Order) (c Card, err error) {
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		c, err = r.IssueTx(ctx, tx, by, o)
		return err
	})
	return c, err
}

// IssueTx makes a card and its chip's files from what the registries hold at
// this moment. It is produced, and in force once it is handed over. Each read
// registry leaves its own entry, about parents and spouse as well.
func (r *Registry) IssueTx(ctx context.Context, tx *db.Tx, by audit.Actor, o Order) (Card, error) {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return Card{}, fault.New(fault.Forbidden, "card.issue.forbidden")
	}
	if o.Ground == "" {
		o.Ground = groundIssue
	}
	now := r.clock.Now()
	today := clock.DateOf(now)
	// 1. What stands against it.
	if err := r.mayIssueTx(ctx, tx, o); err != nil {
		return Card{}, err
	}
	// 2. What is true about her.
	p, personal, err := r.describeTx(ctx, tx, by, o)
	if err != nil {
		return Card{}, err
	}
	youngest, err := rule(ctx, tx, "youngest", today)
	if err != nil {
		return Card{}, err
	}
	if p.BirthDate.AgeOn(today) < youngest {
		return Card{}, fault.New(fault.Conflict, "card.issue.young").Arg("age", strconv.Itoa(youngest))
	}
	ages, err := agesOn(ctx, tx, today)
	if err != nil {
		return Card{}, err
	}
	c := Card{ID: id.New[cardKind](), Person: o.Person, Number: p.Number, Kind: IDCard, Cause: o.Cause, IssuedOn: today, ExpiresOn: ages.Expiry(p.BirthDate, today), State: Produced, StateAt: now, MadeAt: now}
	personal.Issued, personal.Expires, personal.Marks = c.IssuedOn, c.ExpiresOn, strings.TrimSpace(o.Marks)
	// 3. The chip, signed.
	zone, err := zoneOf(p, c.ExpiresOn)
	if err != nil {
		return Card{}, fmt.Errorf("issue card: %w", err)
	}
	certificate, key, err := r.signer(ctx, tx)
	if err != nil {
		return Card{}, err
	}
	image, com, err := chip.Make(chip.Order{Zone: zone, Portrait: o.Portrait, Personal: personal, Key: o.ChipKey, Signer: certificate, Sign: key, At: now})
	if errors.Is(err, lds.ErrForm) {
		return Card{}, fmt.Errorf("%w: %w", fault.New(fault.Invalid, "card.issue.portrait").With("portrait", "card.issue.portrait"), err)
	}
	if err != nil {
		return Card{}, fmt.Errorf("issue card: %w", err)
	}
	// 4. The rows.
	if err := r.keepCardTx(ctx, tx, c, image, com); err != nil {
		return Card{}, fmt.Errorf("issue card: %w", err)
	}
	// 5. Who did it.
	if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "card.produced", Subject: o.Person, Purpose: purposeIssue, Ground: o.Ground,
		Fields: []string{"number", "portrait", "chip"}, Detail: map[string]string{"card": c.ID.String(), "cause": string(o.Cause)}}); err != nil {
		return Card{}, fmt.Errorf("issue card: %w", err)
	}
	return c, nil
}

// mayIssueTx refuses a cause that is none, a second card in the making, and a
// card while another is in custody.
func (r *Registry) mayIssueTx(ctx context.Context, tx *db.Tx, o Order) error {
	switch o.Cause {
	case First, Age, Boundary, Convert, Change, Reissue:
	default:
		return fault.New(fault.Invalid, "card.issue.cause").With("cause", "card.issue.cause")
	}
	var made, held, any int
	err := tx.QueryRowContext(ctx, `SELECT COALESCE(SUM(CASE WHEN state = 'produced' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN state = 'held' THEN 1 ELSE 0 END), 0), COUNT(*)
		FROM card_card WHERE person = $1`, o.Person).Scan(&made, &held, &any)
	switch {
	case err != nil:
		return fmt.Errorf("issue card: %w", err)
	case held > 0:
		return fault.New(fault.Conflict, "card.issue.held")
	case made > 0:
		return fault.New(fault.Conflict, "card.issue.made")
	case o.Cause == First && any > 0:
		return fault.New(fault.Conflict, "card.issue.not_first")
	}
	return nil
}

// describeTx reads what a card says about its bearer.
func (r *Registry) describeTx(ctx context.Context, tx *db.Tx, by audit.Actor, o Order) (population.Person, lds.Personal, error) {
	look := audit.Look{By: by, Purpose: purposeIssue, Ground: o.Ground, Fields: []string{population.FieldNumber, population.FieldNumbers, population.FieldName,
		population.FieldBirthDate, population.FieldSex, population.FieldOrigin, population.FieldNationality, population.FieldEthnicity, population.FieldReligion}}
	p, err := r.people.FindTx(ctx, tx, look, o.Person)
	if err != nil {
		return p, lds.Personal{}, fmt.Errorf("issue card: %w", err)
	}
	switch {
	case p.Dead:
		return p, lds.Personal{}, fault.New(fault.Conflict, "card.issue.dead")
	case p.Number.Kind() != population.PIN || p.Number.IsZero():
		return p, lds.Personal{}, fault.New(fault.Conflict, "card.issue.number")
	case p.Nationality != "" && p.Nationality != "VNM":
		return p, lds.Personal{}, fault.New(fault.Conflict, "card.issue.foreign")
	}
	d := lds.Personal{Number: p.Number.Reveal(), Name: p.Name, Birth: p.BirthDate, Sex: Sex(p.Sex), Nationality: "Việt Nam", Ethnicity: p.Ethnicity, Religion: p.Religion}
	if p.Origin != nil {
		d.Origin = p.Origin.Text
	}
	for _, n := range p.Numbers { // the latest that is no longer hers
		if !n.To.IsZero() {
			d.OldNumber = n.Number.Reveal()
		}
	}
	look.Fields = []string{residence.FieldPermanent, residence.FieldTemporary}
	home, err := r.residence.FindResidenceTx(ctx, tx, look, o.Person)
	if err != nil {
		return p, lds.Personal{}, fmt.Errorf("issue card: %w", err)
	}
	if a := home.Permanent; a != nil {
		d.Residence = a.Text
	} else if a := home.Temporary; a != nil {
		d.Residence = a.Text
	}
	look.Fields = nil
	relations, err := r.people.ListRelationsTx(ctx, tx, look, o.Person)
	if err != nil {
		return p, lds.Personal{}, fmt.Errorf("issue card: %w", err)
	}
	look.Fields = []string{population.FieldName}
	for _, x := range relations {
		to := map[population.RelationKind]*string{population.Father: &d.Father, population.Mother: &d.Mother, population.Spouse: &d.Spouse}[x.Kind]
		if to == nil || !x.To.IsZero() {
			continue
		}
		other, err := r.people.FindTx(ctx, tx, look, x.Other)
		if fault.Is(err, fault.NotFound) { // a relative whom the source has not delivered yet
			continue
		}
		if err != nil {
			return p, lds.Personal{}, fmt.Errorf("issue card: %w", err)
		}
		*to = other.Name
	}
	return p, d, nil
}

// Sex is how a card writes a registered sex.
func Sex(s population.Sex) string {
	switch s {
	case population.Male:
		return "Nam"
	case population.Female:
		return "Nữ"
	}
	return ""
}

func zoneOf(p population.Person, expires clock.Date) (mrz.Zone, error) {
	doc, optional, err := mrz.NumberField(p.Number.Reveal())
	if err != nil {
		return mrz.Zone{}, err
	}
	primary, secondary := mrz.SplitVietnamese(p.Name)
	z := mrz.Zone{Document: "ID", Issuer: "VNM", Nationality: "VNM", Number: doc, Optional: optional, Birth: p.BirthDate, Expiry: expires, Primary: primary, Secondary: secondary}
	switch p.Sex {
	case population.Male:
		z.Sex = "M"
	case population.Female:
		z.Sex = "F"
	}
	return z, nil
}

// fileName is the name under which a data group is kept; 0 is the security object.
func fileName(n int) string {
	if n == 0 {
		return "sod"
	}
	return "dg" + strconv.Itoa(n)
}

// fileColumn binds a sealed file to its card and name, so that it cannot be
// put in another's place.
func fileColumn(c ID, name string) string {
	return "card_data_group.file/" + c.String() + "/" + name
}

func (r *Registry) keepCardTx(ctx context.Context, tx *db.Tx, c Card, image chip.Image, com []byte) error {
	if err := r.keepRowTx(ctx, tx, c); err != nil {
		return err
	}
	k, err := r.seal.FindOrMakeTx(ctx, tx, c.Person)
	if err != nil {
		return err
	}
	files := map[string][]byte{"com": com, fileName(0): image.Security}
	for n, f := range image.Files {
		files[fileName(n)] = f
	}
	for name, f := range files {
		sealed, err := k.Seal(fileColumn(c.ID, name), f)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO card_data_group (person, card, name, file) VALUES ($1, $2, $3, $4)`, c.Person, c.ID, name, sealed); err != nil {
			return fmt.Errorf("keep file: %w", err)
		}
	}
	digest := sha256.Sum256(image.Security)
	if _, err := tx.ExecContext(ctx, `INSERT INTO card_chip (digest, card, person) VALUES ($1, $2, $3)`, digest[:], c.ID, c.Person); err != nil {
		return fmt.Errorf("keep chip: %w", err)
	}
	return nil
}

func (r *Registry) keepRowTx(ctx context.Context, tx *db.Tx, c Card) error {
	sealed, err := r.seal.SealTx(ctx, tx, c.Person, columnNumber, []byte(c.Number.Reveal()))
	if err != nil {
		return err
	}
	var endedAt sql.NullInt64
	if ended(c.State) {
		endedAt = sql.NullInt64{Int64: clock.Micros(c.StateAt), Valid: true}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO card_card (person, id, number, kind, cause, issued_on, expires_on, state, state_at, ended_at, made_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, c.Person, c.ID, sealed, string(c.Kind), string(c.Cause), c.IssuedOn, c.ExpiresOn,
		string(c.State), clock.Micros(c.StateAt), endedAt, clock.Micros(c.MadeAt)); err != nil {
		if db.IsUnique(err) {
			return fault.New(fault.Conflict, "card.issue.in_force")
		}
		return fmt.Errorf("keep card: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO card_number (blind, card, person) VALUES ($1, $2, $3)`, r.seal.Blind(blindScope, c.Number.Reveal()), c.ID, c.Person); err != nil {
		return fmt.Errorf("keep number: %w", err)
	}
	return nil
}

// Earlier is a card of an earlier kind that a person already holds.
type Earlier struct {
	Person    id.Person
	Kind      Kind // not IDCard
	Number    population.Number
	IssuedOn  clock.Date
	ExpiresOn clock.Date
	Portrait  []byte // JPEG, as the source holds it; may be empty
	Ground    string
}

// RecordEarlierTx records a card that was issued elsewhere, in force until its
// last day, so that it can be collected, lost and replaced like any other.
func (r *Registry) RecordEarlierTx(ctx context.Context, tx *db.Tx, by audit.Actor, e Earlier) (Card, error) {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return Card{}, fault.New(fault.Forbidden, "card.issue.forbidden")
	}
	f := fault.New(fault.Invalid, "card.earlier.incomplete")
	if e.Kind != OldPaper && e.Kind != Citizen && e.Kind != Chip {
		f.With("kind", "card.earlier.kind")
	}
	if e.Number.IsZero() || e.Kind != OldPaper && e.Number.Kind() != population.PIN {
		f.With("number", "population.number.form")
	}
	now := r.clock.Now()
	today := clock.DateOf(now)
	if !e.IssuedOn.Exact() || today.Before(e.IssuedOn) || !e.ExpiresOn.IsZero() && (!e.ExpiresOn.Exact() || e.ExpiresOn.Before(e.IssuedOn)) {
		f.With("issued", "card.earlier.dates")
	}
	if len(f.Fields) > 0 {
		return Card{}, f
	}
	c := Card{ID: id.New[cardKind](), Person: e.Person, Number: e.Number, Kind: e.Kind, Cause: First, IssuedOn: e.IssuedOn, ExpiresOn: e.ExpiresOn, State: Delivered, StateAt: now, MadeAt: now}
	if !c.ExpiresOn.IsZero() && c.ExpiresOn.Before(today) {
		c.State = Expired
	}
	if err := r.keepRowTx(ctx, tx, c); err != nil {
		return Card{}, err
	}
	fields := []string{"number"}
	if len(e.Portrait) > 0 {
		fields = append(fields, FieldPortrait)
		if err := r.shelf().KeepPortraitTx(ctx, tx, e.Person, e.IssuedOn, e.Portrait); err != nil {
			return Card{}, err
		}
	}
	if err := r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "card.earlier_recorded", Subject: e.Person, Purpose: "card.purpose.keep", Ground: e.Ground,
		Fields: fields, Detail: map[string]string{"card": c.ID.String(), "kind": string(e.Kind)}}); err != nil {
		return Card{}, fmt.Errorf("record earlier card: %w", err)
	}
	return c, nil
}
