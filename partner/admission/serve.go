// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/partner/lint"
)

// serveTx brings a party's client up to what was approved, or the trial's up to
// the draft.
func (d *Desk) serveTx(ctx context.Context, tx *db.Tx, by audit.Actor, p partner.Party, trial bool) error {
	text, client := p.Approved, p.Production()
	if trial {
		text, client = p.Draft, p.TrialClient()
	}
	live, tried, err := readKeys(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	doc := read(text)
	c := doc.Client(d.today())
	c.ID, c.Party, c.Trial, c.ValidUntil = client, p.ID, trial, p.ApprovedUntil
	keys := live
	if trial {
		keys, c.ValidUntil = tried, time.Time{}
	}
	keys.into(&c)
	c.Sector = sector(doc, p)
	if trial {
		c.Sector += "#trial" // subjects of the trial are none of production
		c.Name.VI, c.Name.EN = c.Name.VI+" (bản thử)", c.Name.EN+" (trial)"
	}
	if by.Kind == audit.KindCitizen {
		return d.c.Partners.ChangeTx(ctx, tx, by, c)
	}
	return d.c.Partners.RegisterTx(ctx, tx, by, c)
}

// sector is what a party's subjects are alike within: the host of its sector
// identifier or, without one, the party. A redirect address that moves must not
// turn its customers into strangers.
func sector(doc lint.Document, p partner.Party) string {
	if u, err := url.Parse(doc.SectorIdentifier); err == nil && u.Host != "" {
		return u.Hostname()
	}
	return "party:" + string(p.ID)
}

// OpenTrial opens the trial, or brings it up to the draft. What only production
// forbids is no obstacle.
func (d *Desk) OpenTrial(ctx context.Context, by audit.Actor, party partner.PartyID) (secret partner.Secret, err error) {
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		secret = ""
		p, err := d.requireTx(ctx, tx, by, party, editing)
		if err != nil {
			return err
		}
		report := d.check(p.Draft, true)
		if !report.OK() {
			return fault.New(fault.Conflict, "partner.trial.errors")
		}
		_, keys, err := readKeys(ctx, tx, party)
		if err != nil {
			return err
		}
		if report.Document.AuthMethod == string(partner.SecretBasic) && len(keys.Secret) == 0 {
			secret = partner.NewSecret()
			keys.Secret, keys.SecretUntil = secret.Hash(), d.c.Clock.Now().AddDate(1, 0, 0)
			if err := writeKeysTx(ctx, tx, party, true, keys); err != nil {
				return err
			}
		}
		if !keys.serve(report.Document, d.c.Clock.Now()) {
			return fault.New(fault.Conflict, "partner.keys.missing")
		}
		if err := d.serveTx(ctx, tx, by, p, true); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE partner_party SET trial_at = COALESCE(trial_at, $2) WHERE id = $1`, string(party), clock.Micros(d.c.Clock.Now())); err != nil {
			return fmt.Errorf("open a trial: %w", err)
		}
		return d.noteTx(ctx, tx, by, party, "trial.opened", string(p.TrialClient()), id.Person{})
	})
	return secret, err
}
