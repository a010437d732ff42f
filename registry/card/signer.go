// SPDX-License-Identifier: Apache-2.0

package card

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/keys"
	"danh/registry/card/cert"
	"danh/registry/card/chip"
)

// What the sample certificates call themselves. The country is the one in the
// zone of the cards, as readers demand; the rest says that no state speaks.
var (
	authorityName = cert.Name{Country: "VN", Organisation: "Danh SPECIMEN, no authority", Common: "Danh SPECIMEN CSCA"}
	signerName    = cert.Name{Country: "VN", Organisation: "Danh SPECIMEN, no authority", Common: "Danh SPECIMEN Document Signer"}
)

// EnsureSigner makes the certificates of the active keys where they are
// missing: at the first start, and after a rotation. Two servers at once agree
// on one certificate per key.
func (r *Registry) EnsureSigner(ctx context.Context) error {
	kid, key := r.keys.Signer(keys.DocumentSigner)
	_, madeAt, err := findCertificate(ctx, r.db.Read(), keys.DocumentSigner, kid)
	if errors.Is(err, sql.ErrNoRows) {
		return r.makeCertificates(ctx, kid, key.Public())
	}
	if err != nil {
		return fmt.Errorf("find document signer: %w", err)
	}
	now := r.clock.Now()
	days, err := rule(ctx, r.db.Read(), "signer.use_days", clock.DateOf(now))
	if err != nil {
		return err
	}
	if now.After(madeAt.AddDate(0, 0, days)) {
		r.log.Warn("the document signer is older than its time of use; rotate its key", "purpose", string(keys.DocumentSigner), "kid", kid)
	}
	return nil
}

// signer gives the active document signer with its certificate.
func (r *Registry) signer(ctx context.Context, q db.Q) (der []byte, key crypto.Signer, err error) {
	kid, key := r.keys.Signer(keys.DocumentSigner)
	der, _, err = findCertificate(ctx, q, keys.DocumentSigner, kid)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, errors.New("card: the document signer has no certificate; EnsureSigner makes it at start-up")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find document signer: %w", err)
	}
	c, err := cert.Parse(der)
	if err != nil {
		return nil, nil, fmt.Errorf("read document signer: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil || !bytes.Equal(spki, c.SPKI) {
		return nil, nil, errors.New("card: the document signer's certificate is about another key")
	}
	return der, key, nil
}

func findCertificate(ctx context.Context, q db.Q, p keys.Purpose, kid string) (der []byte, madeAt time.Time, err error) {
	var at int64
	err = q.QueryRowContext(ctx, `SELECT der, made_at FROM card_certificate WHERE purpose = $1 AND kid = $2`, string(p), kid).Scan(&der, &at)
	return der, clock.FromMicros(at), err
}

// makeCertificates makes what is missing of the authority's and the signer's.
func (r *Registry) makeCertificates(ctx context.Context, signerKID string, signerKey crypto.PublicKey) error {
	now := r.clock.Now()
	today := clock.DateOf(now)
	issuerKID, issuer := r.keys.Signer(keys.CSCA)
	from := now.Add(-time.Hour) // readers' clocks
	return r.db.Write(ctx, func(tx *db.Tx) error {
		years, err := rule(ctx, tx, "csca.valid_years", today)
		if err != nil {
			return err
		}
		authority, err := cert.MakeAuthority(authorityName, issuer, from, now.AddDate(years, 0, 0))
		if err != nil {
			return err
		}
		if err := keepTx(ctx, tx, keys.CSCA, issuerKID, issuerKID, authority, now); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT der FROM card_certificate WHERE purpose = $1 AND kid = $2`, string(keys.CSCA), issuerKID).Scan(&authority); err != nil {
			return fmt.Errorf("find authority: %w", err)
		}
		if years, err = rule(ctx, tx, "signer.valid_years", today); err != nil {
			return err
		}
		signer, err := cert.MakeSigner(signerName, signerKey, authority, issuer, from, now.AddDate(years, 0, 0))
		if err != nil {
			return err
		}
		if err := keepTx(ctx, tx, keys.DocumentSigner, signerKID, issuerKID, signer, now); err != nil {
			return err
		}
		return r.audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.System("card"), Action: "card.signer_certified", Purpose: "card.purpose.keep",
			Ground: "first start or rotation", Detail: map[string]string{"kid": signerKID, "issuer": issuerKID}})
	})
}

func keepTx(ctx context.Context, tx *db.Tx, p keys.Purpose, kid, issuer string, der []byte, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO card_certificate (purpose, kid, der, issuer_kid, made_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		string(p), kid, der, issuer, clock.Micros(now)); err != nil {
		return fmt.Errorf("keep certificate: %w", err)
	}
	return nil
}

// ListAuthorities lists the certificates whose document signers are believed:
// the installation's own, then those that were added.
func (r *Registry) ListAuthorities(ctx context.Context) (chip.TrustList, error) {
	rows, err := r.db.Read().QueryContext(ctx, `SELECT der, 0 AS place, made_at AS at FROM card_certificate WHERE purpose = $1
		UNION ALL SELECT der, 1, added_at FROM card_trust WHERE removed_at IS NULL ORDER BY place, at`, string(keys.CSCA))
	if err != nil {
		return nil, fmt.Errorf("list authorities: %w", err)
	}
	defer rows.Close()
	var out chip.TrustList
	for rows.Next() {
		var der []byte
		var place, at int64
		if err := rows.Scan(&der, &place, &at); err != nil {
			return nil, fmt.Errorf("list authorities: %w", err)
		}
		c, err := cert.Parse(der)
		if err != nil {
			return nil, fmt.Errorf("read authority: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Trust has an authority believed. The certificate must sign itself; whether
// it is that country's is the caller's to know, by a channel of its own.
func (r *Registry) Trust(ctx context.Context, by audit.Actor, der []byte, ground string) (fingerprint string, err error) {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return "", fault.New(fault.Forbidden, "card.trust.forbidden")
	}
	c, err := cert.Parse(der)
	if err == nil {
		err = c.CheckAuthority()
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", fault.New(fault.Invalid, "card.trust.certificate").With("certificate", "card.trust.certificate"), err)
	}
	err = r.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO card_trust (fingerprint, der, ground, added_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (fingerprint) DO UPDATE SET removed_at = NULL, ground = excluded.ground`, c.Fingerprint(), c.Raw, ground, clock.Micros(r.clock.Now())); err != nil {
			return fmt.Errorf("trust authority: %w", err)
		}
		return r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "card.authority_trusted", Subject: id.Person{}, Purpose: "card.purpose.keep", Ground: ground,
			Detail: map[string]string{"fingerprint": c.Fingerprint()}})
	})
	return c.Fingerprint(), err
}

// Distrust ends the trust in an authority that was added.
func (r *Registry) Distrust(ctx context.Context, by audit.Actor, fingerprint, ground string) error {
	if by.Kind != audit.KindOfficer && by.Kind != audit.KindSystem {
		return fault.New(fault.Forbidden, "card.trust.forbidden")
	}
	return r.db.Write(ctx, func(tx *db.Tx) error {
		var gone string
		err := tx.QueryRowContext(ctx, `UPDATE card_trust SET removed_at = $2 WHERE fingerprint = $1 AND removed_at IS NULL RETURNING fingerprint`,
			fingerprint, clock.Micros(r.clock.Now())).Scan(&gone)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "card.trust.not_found")
		}
		if err != nil {
			return fmt.Errorf("distrust authority: %w", err)
		}
		return r.audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "card.authority_distrusted", Purpose: "card.purpose.keep", Ground: ground,
			Detail: map[string]string{"fingerprint": fingerprint}})
	})
}
