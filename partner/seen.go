// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
)

// Seen is the certificate by which a client that registered a name alone proved
// itself. Nobody handed it in, so this is all that is known of its end. The zero
// value is none.
type Seen struct {
	Name  string    // as it is registered
	Print string    // SHA-256 of the certificate (RFC 8705, section 3.1)
	From  time.Time // when it began
	Until time.Time
}

// yields reports whether another certificate takes its place: one that began
// later or, when this one is over, whichever is used. A client whose servers
// change theirs one after the other is not written down with every request.
func (s Seen) yields(c Seen, now time.Time) bool {
	return c.Print != s.Print && (s.Print == "" || !now.Before(s.Until) || s.From.Before(c.From) || s.From.Equal(c.From) && s.Until.Before(c.Until))
}

func seenOf(c *x509.Certificate) Seen {
	sum := sha256.Sum256(c.Raw)
	return Seen{Print: base64.RawURLEncoding.EncodeToString(sum[:]), From: c.NotBefore, Until: c.NotAfter}
}

// errRenamed ends a transaction that came too late.
var errRenamed = errors.New("partner: the client is registered by another name now")

// Remember keeps the end of the certificate by which a client just proved
// itself, when it registered a name alone and the certificate is newer than the
// one that is known. Whatever is known already costs no statement.
func (d *Directory) Remember(ctx context.Context, c Client, cert *x509.Certificate) error {
	if c.AuthMethod != TLSClient || cert == nil {
		return nil
	}
	now, s := d.c.Clock.Now(), seenOf(cert)
	if !c.Seen.yields(s, now) {
		return nil
	}
	err := d.c.DB.Write(ctx, func(tx *db.Tx) error {
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE partner_client SET seen_print = $2, seen_from = $3, seen_until = $4
			WHERE id = $1 AND retired_at IS NULL AND auth_method = 'tls_client_auth' AND seen_print <> $2
			AND (seen_print = '' OR seen_until <= $5 OR seen_from < $3 OR seen_from = $3 AND seen_until < $4)`,
			string(c.ID), s.Print, clock.Micros(s.From), clock.Micros(s.Until), clock.Micros(now)))
		if err != nil {
			return fmt.Errorf("remember a certificate: %w", err)
		}
		if !ok {
			return nil
		}
		// The row is held: what it is registered by now is what counts.
		is, err := find(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if !is.Settings.NamesTLS(cert) {
			return errRenamed
		}
		tx.After(func() { d.forget(c.ID) })
		return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: audit.Partner(string(c.ID), c.Name.VI), Action: "partner.certificate", Purpose: "partner.register",
			Detail: map[string]string{"client": string(c.ID), "certificate": s.Print, "until": s.Until.UTC().Format(time.RFC3339)}})
	})
	if errors.Is(err, errRenamed) {
		return nil
	}
	return err
}

// unseeTx forgets a certificate that is not the client's any more: it proves
// itself otherwise now, or by another name. Whether there is one is for the row
// to say, which is held by now: it may have been seen since the client was read.
func unseeTx(ctx context.Context, tx *db.Tx, before, after Client) error {
	if before.AuthMethod == TLSClient && after.AuthMethod == TLSClient && after.Settings.TLSSubjectDN == before.Settings.TLSSubjectDN && after.Settings.TLSSANDNS == before.Settings.TLSSANDNS {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE partner_client SET seen_print = '', seen_from = NULL, seen_until = NULL WHERE id = $1 AND seen_print <> ''`, string(after.ID)); err != nil {
		return fmt.Errorf("forget a certificate: %w", err)
	}
	return nil
}

// SeenIn gives the certificate by which a client was seen last; none is the zero
// value, also where there is no such client.
func SeenIn(ctx context.Context, q db.Q, client ID) (Seen, error) {
	var s Seen
	var settings string
	var from, until int64
	err := q.QueryRowContext(ctx, `SELECT settings, seen_print, COALESCE(seen_from, 0), COALESCE(seen_until, 0) FROM partner_client WHERE id = $1 AND retired_at IS NULL AND auth_method = 'tls_client_auth' AND seen_print <> ''`,
		string(client)).Scan(&settings, &s.Print, &from, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return Seen{}, nil
	}
	var by Settings
	if err == nil {
		err = json.Unmarshal([]byte(settings), &by)
	}
	if err != nil {
		return Seen{}, fmt.Errorf("find a client's certificate: %w", err)
	}
	s.Name, s.From, s.Until = by.tlsName(), clock.FromMicros(from), clock.FromMicros(until)
	return s, nil
}

// tlsName is the name that certificates of the client bear.
func (s Settings) tlsName() string { return cmp.Or(s.TLSSANDNS, s.TLSSubjectDN) }
