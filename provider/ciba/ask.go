// SPDX-License-Identifier: Apache-2.0

package ciba

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/id"
	"danh/internal/job"
	"danh/partner"
	"danh/provider"
	"danh/provider/jar"
)

// Answer tells a client that its request was taken (CIBA Core 1.0, section 7.3).
type Answer struct {
	Request  string `json:"auth_req_id"`
	Expires  int    `json:"expires_in"`
	Interval int    `json:"interval"`
	Match    string `json:"danh_match"` // two digits for the client's own screen; she must find them there
}

func refuse(code, description string) *provider.Error {
	return &provider.Error{Code: code, Description: description}
}

// asking is a client's request, checked as far as its text goes.
type asking struct {
	provider.Afar
	object  *jar.Object // in which it came; nil: none
	hint    hint
	message string
	token   string // client_notification_token
	life    time.Duration
}

const maxToken = 1024

// maxMessage in letters: what a person can compare at a glance (section 7.1).
const maxMessage = 64

func (d *Desk) read(ctx context.Context, c partner.Client, v url.Values) (in asking, err error) {
	if v, in.object, err = d.c.Provider.UnwrapAfar(ctx, c, v); err != nil {
		return in, err
	}
	if v.Get("scope") == "" {
		return in, refuse("invalid_request", "scope is missing")
	}
	if in.Afar, err = d.c.Provider.ReadAfar(c, v); err != nil {
		return in, err
	}
	in.message = v.Get("binding_message")
	switch {
	case in.message == "" && c.Profile == partner.FAPI2:
		// FAPI-CIBA, section 5.2.2: something unlike for each request must stand on both screens.
		return in, refuse("invalid_binding_message", "binding_message is required")
	case !plain(in.message):
		return in, refuse("invalid_binding_message", "binding_message must be plain text of at most 64 letters")
	}
	if c.Settings.BackchannelMode == Ping {
		in.token = v.Get("client_notification_token")
		// RFC 6750, section 2.1, and 128 bits at least (CIBA Core 1.0, section 7.1).
		if len(in.token) < 22 || len(in.token) > maxToken || strings.Trim(strings.TrimRight(in.token, "="), tokenLetters) != "" {
			return in, refuse("invalid_request", "client_notification_token must be a bearer token of at least 22 characters")
		}
	}
	if in.life, err = d.life(ctx, v.Get("requested_expiry")); err != nil {
		return in, err
	}
	in.hint, err = d.readHint(ctx, c, in.Client, v)
	return in, err
}

const tokenLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"

// plain admits what looks alike on both screens: letters, digits, signs and
// single spaces, no control or format characters.
func plain(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxMessage && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return r != ' ' && !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S)
		})
}

// life is how long the request waits for her: what the client wishes, within the
// rules (section 7.1, requested_expiry).
func (d *Desk) life(ctx context.Context, wish string) (time.Duration, error) {
	least, err := d.span(ctx, "backchannel_least_seconds", time.Second)
	if err != nil {
		return 0, err
	}
	most, err := d.span(ctx, "backchannel_most_seconds", time.Second)
	if err != nil {
		return 0, err
	}
	if wish == "" {
		return d.span(ctx, "backchannel_seconds", time.Second)
	}
	n, err := strconv.ParseInt(wish, 10, 32)
	if err != nil || n <= 0 {
		return 0, refuse("invalid_request", "requested_expiry must be a positive number of seconds")
	}
	return min(max(time.Duration(n)*time.Second, least), most), nil
}

// Ask takes a client's request. Whether it reaches anybody is not told: only what
// the client itself sent decides about the answer.
func (d *Desk) Ask(ctx context.Context, c partner.Client, v url.Values) (Answer, error) {
	if m := c.Settings.BackchannelMode; m != Poll && m != Ping {
		return Answer{}, refuse("unauthorized_client", "the client is not registered for requests without a browser")
	}
	in, err := d.read(ctx, c, v)
	if err != nil {
		return Answer{}, err
	}
	text, err := in.Text()
	if err != nil {
		return Answer{}, err
	}
	pace, err := d.c.Accounts.Value(ctx, "backchannel_poll_seconds")
	if err != nil {
		return Answer{}, err
	}
	most, err := d.c.Accounts.Value(ctx, "backchannel_per_client")
	if err != nil {
		return Answer{}, err
	}
	choices, number, err := draw(3)
	if err != nil {
		return Answer{}, err
	}
	r := Request{ID: id.New[kind]()}
	var out Answer
	var wait time.Duration
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		now := d.c.Clock.Now()
		if err := d.c.Provider.UseObjectTx(ctx, tx, c, in.object); err != nil {
			if e := new(provider.Error); errors.As(err, &e) {
				return refuse("invalid_request", e.Description)
			}
			return err
		}
		root := c.ID
		if c.Settings.SoftwareID != "" {
			if root, err = d.c.Provider.Root(ctx, tx, c.ID); err != nil {
				return err
			}
		}
		// 1. Counted before anything is looked at, by what the client said: of nobody
		// and of somebody it is told alike that it asks too often.
		if wait, err = d.c.Accounts.CountTx(ctx, tx, "backchannel.client", d.c.Seal.Blind("backchannel.client", string(root)+"\x00"+in.hint.String()), most, time.Hour); err != nil || wait > 0 {
			return err
		}
		// 2. Whom it reaches; from here on a number that was drawn stands for nobody.
		of, person, err := d.whomTx(ctx, tx, c, root, in.hint)
		if err != nil {
			return err
		}
		state := Asked
		if of.IsZero() {
			of, state = account.ID(id.New[kind]()), Nobody
		}
		var message []byte
		if state == Asked && in.message != "" {
			if message, err = d.c.Seal.SealTx(ctx, tx, account.Owner(of), sealMessage, []byte(in.message)); err != nil {
				return err
			}
		}
		out = Answer{Request: d.box.Seal(forRequest, of, r.ID), Expires: int(in.life / time.Second), Interval: pace, Match: strconv.Itoa(number)}
		var called []byte
		if in.token != "" {
			if called, err = d.shut(r.ID, call{in.token, out.Request}); err != nil {
				return err
			}
		}
		// 3. The client's earlier request to her is over: one screen, one number.
		if _, err := tx.ExecContext(ctx, `UPDATE provider_backchannel SET state = 'replaced', answered_at = $3 WHERE account = $1 AND client = $2 AND state IN ('asked', 'picked')`,
			of, string(c.ID), clock.Micros(now)); err != nil {
			return fmt.Errorf("end an earlier request: %w", err)
		}
		ends := now.Add(in.life)
		if _, err := tx.ExecContext(ctx, `INSERT INTO provider_backchannel (account, id, client, asked, message, called, number, choices, state, pace, poll_from, asked_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)`,
			of, r.ID, string(c.ID), text, message, called, number, written(choices), string(state), pace, clock.Micros(now), clock.Micros(ends)); err != nil {
			return fmt.Errorf("keep a request: %w", err)
		}
		// 4. Her phone is told by a job, and so is nobody's: an answer that took longer
		// would say that there is somebody.
		e := errand{of, r.ID}
		if err := d.c.Jobs.EnqueueTx(ctx, tx, jobTell, e, job.MaxAttempts(3)); err != nil {
			return err
		}
		if in.token != "" {
			if err := d.c.Jobs.EnqueueTx(ctx, tx, jobPing, e, job.At(ends), job.MaxAttempts(pingAttempts)); err != nil {
				return err
			}
		}
		entry := audit.Entry{Actor: audit.Partner(string(c.ID), c.Name.VI), Action: "backchannel.asked", Subject: person, Purpose: "provider.backchannel", Detail: map[string]string{"client": string(c.ID)}}
		if state == Nobody {
			entry.Outcome = "nobody"
		}
		return d.c.Audit.RecordTx(ctx, tx, entry)
	})
	if err != nil {
		return Answer{}, err
	}
	if wait > 0 {
		return Answer{}, tooMany(wait)
	}
	return out, nil
}

// whomTx decides whom a request reaches; zero keys when it is nobody, for
// whichever reason.
func (d *Desk) whomTx(ctx context.Context, tx *db.Tx, c partner.Client, root partner.ID, h hint) (of account.ID, person id.Person, err error) {
	none := func(err error) (account.ID, id.Person, error) { return account.ID{}, id.Person{}, err }
	if of, err = d.findTx(ctx, tx, c, h); err != nil || of.IsZero() {
		return none(err)
	}
	if person, err = d.c.Accounts.AnswersAloneTx(ctx, tx, of); err != nil || person.IsZero() {
		return none(err)
	}
	// A client under trial asks its own staff and synthetic people.
	if may, err := d.c.Provider.Admits(ctx, c, account.Session{Account: of, Person: person, Status: account.Active}); err != nil || !may {
		return none(err)
	}
	now := clock.Micros(d.c.Clock.Now())
	var bars, waiting int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM provider_unasked WHERE account = $1 AND client IN ($2, '') AND (until_at IS NULL OR until_at > $3)`,
		of, string(root), now).Scan(&bars); err != nil || bars > 0 {
		return none(err)
	}
	most, err := d.c.Accounts.Value(ctx, "backchannel_waiting")
	if err != nil {
		return none(err)
	}
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM provider_backchannel WHERE account = $1 AND client <> $2 AND state IN ('asked', 'picked') AND expires_at > $3`,
		of, string(c.ID), now).Scan(&waiting); err != nil || waiting >= most {
		return none(err)
	}
	// Counted last: what does not reach her uses up nothing of hers.
	if most, err = d.c.Accounts.Value(ctx, "backchannel_per_person"); err != nil {
		return none(err)
	}
	if wait, err := d.c.Accounts.CountTx(ctx, tx, "backchannel.person", of[:], most, time.Hour); err != nil || wait > 0 {
		return none(err)
	}
	return of, person, nil
}

// draw gives different numbers of two digits, and one of them.
func draw(n int) (choices []int, one int, err error) {
	for len(choices) < n {
		x, err := rand.Int(rand.Reader, big.NewInt(90))
		if err != nil {
			return nil, 0, fmt.Errorf("draw numbers: %w", err)
		}
		if v := int(x.Int64()) + 10; !slices.Contains(choices, v) {
			choices = append(choices, v)
		}
	}
	at, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return nil, 0, fmt.Errorf("draw a number: %w", err)
	}
	return choices, choices[at.Int64()], nil
}

func written(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, " ")
}
