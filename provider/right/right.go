// SPDX-License-Identifier: Apache-2.0

// Package right owns what a person asks of whoever holds her data: to see it,
// to have it corrected, deleted or used less, or to object; of a partner that
// she once let have it, or of Danh itself (Law on Personal Data Protection 2025;
// Decree 356/2025, article 5).
//
// It counts the law's days from dated rows, reminds before they are over, and
// tells officers and her when they are. It refuses what would make a request
// worthless: an answer without a statement, a refusal without a reason of law,
// a partner answering another's request, a second request of the same kind while
// one is open. Her words and the answers are sealed for her account; a partner
// sees the name by which it knows her, and no other.
//
// Each step is one conditional update with its entry in the log and its messages;
// of two that answer at once one does. Reminders repeat harmlessly.
package right

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/account"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/seal"
	"danh/notify"
	"danh/office"
	"danh/partner"
	"danh/provider"
)

// Texts are the words of kinds, states, reasons and faults, for every door that
// shows requests.
//
//go:embed right.text.json
var Texts embed.FS

// Kind is what is asked.
type Kind string

// The kinds.
const (
	Access      Kind = "access"
	Correction  Kind = "correction"
	Deletion    Kind = "deletion"
	Restriction Kind = "restriction"
	Objection   Kind = "objection"
)

// Kinds lists all of them, in the order of the page.
var Kinds = []Kind{Access, Correction, Deletion, Restriction, Objection}

// State is how far a request is.
type State string

// The states.
const (
	Made         State = "made"
	Acknowledged State = "acknowledged"
	Done         State = "done"
	Refused      State = "refused"
	TakenBack    State = "taken_back"
)

// Reason is why the law lets a request be refused.
type Reason struct {
	Key    string
	Kinds  []Kind
	Source partner.Text
}

var protection = partner.Text{VI: "Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15", EN: "Law on Personal Data Protection 91/2025/QH15"}

// Reasons are the reasons of law, in the order of the page. "retention" names
// what has to be kept: the account and its history of use are, and a party's
// files are when a law of its trade says so.
var Reasons = []Reason{
	{"retention", []Kind{Deletion, Restriction, Objection}, partner.Text{VI: "Luật Căn cước 2023, Điều 28; Nghị định 69/2024/NĐ-CP, Điều 28; luật chuyên ngành", EN: "Law on Identification 2023, article 28; Decree 69/2024/NĐ-CP, article 28; laws of the trade"}},
	{"law", Kinds, protection},
	{"security", []Kind{Access, Deletion, Restriction, Objection}, protection},
	{"others", []Kind{Access}, protection},
	{"nothing", Kinds, protection},
	{"registry", []Kind{Correction}, partner.Text{VI: "Luật Căn cước 2023, Điều 10", EN: "Law on Identification 2023, article 10"}},
}

// ReasonsFor lists the reasons that a kind may be refused for.
func ReasonsFor(k Kind) []Reason {
	var out []Reason
	for _, r := range Reasons {
		if slices.Contains(r.Kinds, k) {
			out = append(out, r)
		}
	}
	return out
}

// Calendar counts the law's days; office.Calendar is one.
type Calendar interface {
	AddWorkingDays(t time.Time, n int) time.Time
	AddDays(t time.Time, n int) time.Time
}

// Config is what the desk stands on.
type Config struct {
	DB       *db.DB
	Clock    clock.Clock
	Seal     *seal.Sealer
	Audit    *audit.Log
	Notify   *notify.Sender
	Jobs     *job.Queue
	Accounts *account.Keeper
	Partners *partner.Directory
	Provider *provider.Provider
	Calendar Calendar
	Roster   *office.Roster // nil: no officer does anything here
}

// Desk takes requests in and brings them to an answer. It is safe for concurrent
// use.
type Desk struct{ c Config }

type rightKind struct{}

type rightID = id.ID[rightKind]

const (
	jobWatch   = "provider.right.watch"
	sealWords  = "provider_right.words"
	sealAnswer = "provider_right.answer"
	purpose    = "provider.right"
	maxWords   = 2000
)

// New opens the desk and takes up the watch over its days.
func New(c Config) *Desk {
	d := &Desk{c}
	c.Jobs.Handle(jobWatch, d.watch)
	return d
}

// Case is a request as its readers see it. Words and Answer are empty in lists.
type Case struct {
	Code           string
	Kind           Kind
	Client         partner.ID // "": Danh itself
	Party          partner.PartyID
	Name           partner.Text
	Subject        string // as the partner knows her
	Consent        provider.ConsentID
	Fields         []string
	Words          string
	Shared         bool
	Source         string
	State          State
	MadeAt         time.Time
	AckDue         time.Time
	Due            time.Time
	AcknowledgedAt time.Time
	EndedAt        time.Time
	Late           bool // it was answered, or is not, after its day
	EscalatedAt    time.Time
	Reason         string
	Answer         string
	Office         string // that answered; "" when the partner did

	id      rightID
	account account.ID
	person  id.Person
}

// Open reports whether an answer is still due.
func (c Case) Open() bool { return c.EndedAt.IsZero() }

// Overdue reports whether the answer is late at an instant.
func (c Case) Overdue(now time.Time) bool { return c.Open() && now.After(c.Due) }

// Unacknowledged reports whether even the acknowledgement is late.
func (c Case) Unacknowledged(now time.Time) bool { return c.State == Made && now.After(c.AckDue) }

// ErrUnknown says that there is no such request for whoever asks.
var ErrUnknown = fault.New(fault.NotFound, "right.unknown")

var errMoved = fault.New(fault.Conflict, "right.moved")

// Ask is a new request.
type Ask struct {
	Kind    Kind
	Consent provider.ConsentID // under which the partner got the data; zero: it is asked of Danh
	Fields  []string           // which data; empty: all
	Words   string             // hers
}

// Make takes a request in and gives its code. It is asked of a partner by the
// consent under which the partner got the data, so nobody can be sent requests
// about people whom he never saw.
func (d *Desk) Make(ctx context.Context, s account.Session, in Ask) (string, error) {
	f := fault.New(fault.Invalid, "right.form")
	if !slices.Contains(Kinds, in.Kind) {
		f.With("kind", "right.kind")
	}
	in.Words = strings.TrimSpace(in.Words)
	if n := utf8.RuneCountInString(in.Words); n > maxWords || n == 0 && (in.Kind == Correction || in.Kind == Objection) {
		f.With("words", "right.words")
	}
	c := Case{Kind: in.Kind, Name: partner.Text{VI: "Danh", EN: "Danh"}, id: id.New[rightKind](), account: s.Account, person: s.Person}
	var client partner.Client
	if in.Consent.IsZero() {
		in.Fields = nil
	} else {
		consent, err := d.c.Provider.FindConsent(ctx, s.Account, in.Consent)
		if err != nil {
			return "", err
		}
		for _, field := range in.Fields {
			if _, ok := consent.Fields[provider.Field(field)]; !ok || field == "" {
				f.With("fields", "right.fields")
			}
		}
		client, err = d.c.Partners.FindClient(ctx, consent.Client)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return "", err
		}
		if !client.OwnDoor {
			c.Client, c.Party, c.Name, c.Consent, c.Shared = consent.Client, consent.Shown.Party, consent.Shown.Client, consent.ID, len(consent.Shown.Given) > 0
			if client.ID != "" {
				c.Subject = d.c.Provider.Subject(client, s.Account)
			}
		}
	}
	if len(f.Fields) > 0 {
		return "", f
	}
	now := d.c.Clock.Now()
	limit, err := d.limit(ctx, in.Kind, clock.DateOf(now))
	if err != nil {
		return "", err
	}
	days := limit.Answer
	if c.Shared {
		days = limit.Shared
	}
	c.Code, c.MadeAt, c.Source = id.NewCaseCode("DL", now), now, limit.Source
	c.AckDue, c.Due = d.c.Calendar.AddWorkingDays(now, limit.Ack), d.c.Calendar.AddDays(now, days)
	to, err := d.c.Accounts.Recipient(ctx, s.Account)
	if err != nil {
		return "", err
	}
	fields, err := json.Marshal(append([]string{}, in.Fields...))
	if err != nil {
		return "", fmt.Errorf("make a request: %w", err)
	}
	err = d.c.DB.Write(ctx, func(tx *db.Tx) error {
		words, err := d.c.Seal.SealTx(ctx, tx, account.Owner(s.Account), sealWords, []byte(in.Words))
		if err != nil {
			return err
		}
		var consent any
		if !c.Consent.IsZero() {
			consent = c.Consent
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO provider_right (account, id, person, code, kind, client, party, name_vi, name_en, subject, consent, fields, words, shared, source, state, made_at, ack_due, due)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'made', $16, $17, $18)`, c.account, c.id, c.person, c.Code, string(c.Kind), string(c.Client), string(c.Party),
			c.Name.VI, c.Name.EN, c.Subject, consent, string(fields), words, c.Shared, c.Source, clock.Micros(now), clock.Micros(c.AckDue), clock.Micros(c.Due)); err != nil {
			return fmt.Errorf("make a request: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO provider_right_code (code, account, id) VALUES ($1, $2, $3)`, c.Code, c.account, c.id); err != nil {
			return fmt.Errorf("make a request: %w", err)
		}
		for _, at := range []time.Time{c.AckDue.Add(time.Minute), c.Due.Add(-48 * time.Hour), c.Due.Add(time.Minute)} {
			if err := d.c.Jobs.EnqueueTx(ctx, tx, jobWatch, watched{c.account, c.id}, job.At(at)); err != nil {
				return err
			}
		}
		if err := d.noteTx(ctx, tx, s.Actor(), "made", c); err != nil {
			return err
		}
		if err := d.tellPartyTx(ctx, tx, s.Actor(), c, client, "partner_request_new"); err != nil {
			return err
		}
		return d.tellTx(ctx, tx, s.Actor(), to, c, "consent_request_made")
	})
	if db.IsUnique(err) {
		return "", fault.New(fault.Conflict, "right.open_already").With("kind", "right.open_already")
	}
	if err != nil {
		return "", err
	}
	return c.Code, nil
}

// Limit is the days of a kind.
type Limit struct {
	Ack, Answer, Shared int
	Source              string
	Verified            bool // read at the official gazette
}

func (d *Desk) limit(ctx context.Context, k Kind, on clock.Date) (Limit, error) {
	var l Limit
	err := d.c.DB.Read().QueryRowContext(ctx, `SELECT ack_days, answer_days, shared_days, source, verified FROM provider_right_limit
		WHERE kind = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2)`, string(k), on.String()).Scan(&l.Ack, &l.Answer, &l.Shared, &l.Source, &l.Verified)
	if err != nil {
		return l, fmt.Errorf("find the days of a request: %w", err)
	}
	return l, nil
}

// LimitOf is the days that a kind has today.
func (d *Desk) LimitOf(ctx context.Context, k Kind) (Limit, error) {
	return d.limit(ctx, k, clock.DateOf(d.c.Clock.Now()))
}

const columns = `account, id, person, code, kind, client, party, name_vi, name_en, subject, consent, fields, words, shared, source, state, made_at, ack_due, due,
	COALESCE(acknowledged_at, 0), COALESCE(ended_at, 0), late, COALESCE(escalated_at, 0), reason, answer, answered_office`

func scan(r db.Row) (c Case, words, answer []byte, err error) {
	var fields string
	var consent []byte
	var made, ackDue, due, acked, ended, escalated int64
	if err = r.Scan(&c.account, &c.id, &c.person, &c.Code, &c.Kind, &c.Client, &c.Party, &c.Name.VI, &c.Name.EN, &c.Subject, &consent, &fields, &words, &c.Shared, &c.Source, &c.State,
		&made, &ackDue, &due, &acked, &ended, &c.Late, &escalated, &c.Reason, &answer, &c.Office); err != nil {
		return c, nil, nil, err
	}
	copy(c.Consent[:], consent)
	c.MadeAt, c.AckDue, c.Due = clock.FromMicros(made), clock.FromMicros(ackDue), clock.FromMicros(due)
	c.AcknowledgedAt, c.EndedAt, c.EscalatedAt = clock.FromMicros(acked), clock.FromMicros(ended), clock.FromMicros(escalated)
	if err = json.Unmarshal([]byte(fields), &c.Fields); err != nil {
		return c, nil, nil, fmt.Errorf("read a request: %w", err)
	}
	return c, words, answer, nil
}

func (d *Desk) list(ctx context.Context, where string, args ...any) ([]Case, error) {
	var out []Case
	err := db.Each(ctx, d.c.DB.Read(), `SELECT `+columns+` FROM provider_right WHERE `+where, args, func(r db.Row) error {
		c, _, _, err := scan(r)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	return out, nil
}

// find reads a request by its code, with its words.
func (d *Desk) find(ctx context.Context, q db.Q, code string) (Case, error) {
	c, words, answer, err := scan(q.QueryRowContext(ctx, `SELECT `+columns+` FROM provider_right WHERE (account, id) IN (SELECT account, id FROM provider_right_code WHERE code = $1)`, code))
	if errors.Is(err, sql.ErrNoRows) {
		return c, ErrUnknown
	}
	if err != nil {
		return c, fmt.Errorf("find a request: %w", err)
	}
	key, err := d.c.Seal.Find(ctx, q, account.Owner(c.account))
	if err != nil {
		return c, err
	}
	for column, from := range map[string]struct {
		sealed []byte
		into   *string
	}{sealWords: {words, &c.Words}, sealAnswer: {answer, &c.Answer}} {
		plain, err := key.Open(column, from.sealed)
		if err != nil {
			return c, err
		}
		*from.into = string(plain)
	}
	return c, nil
}

// List lists an account's requests, open ones first.
func (d *Desk) List(ctx context.Context, a account.ID) ([]Case, error) {
	return d.list(ctx, `account = $1 ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, made_at DESC, id DESC LIMIT 200`, a)
}

// Find finds one of an account's requests.
func (d *Desk) Find(ctx context.Context, a account.ID, code string) (Case, error) {
	c, err := d.find(ctx, d.c.DB.Read(), code)
	if err == nil && c.account != a {
		return Case{}, ErrUnknown
	}
	return c, err
}

// TakeBack ends an open request at her own wish.
func (d *Desk) TakeBack(ctx context.Context, s account.Session, code string) error {
	return d.c.DB.Write(ctx, func(tx *db.Tx) error {
		c, err := d.find(ctx, tx, code)
		if err == nil && c.account != s.Account {
			err = ErrUnknown
		}
		if err != nil {
			return err
		}
		if err := moved(tx.ExecContext(ctx, `UPDATE provider_right SET state = 'taken_back', ended_at = $3 WHERE account = $1 AND id = $2 AND ended_at IS NULL`,
			c.account, c.id, clock.Micros(d.c.Clock.Now()))); err != nil {
			return err
		}
		return d.noteTx(ctx, tx, s.Actor(), "taken_back", c)
	})
}

func moved(res sql.Result, err error) error {
	ok, err := db.Changed(res, err)
	if err == nil && !ok {
		return errMoved
	}
	return err
}

func (d *Desk) noteTx(ctx context.Context, tx *db.Tx, by audit.Actor, step string, c Case) error {
	detail := map[string]string{"code": c.Code, "kind": string(c.Kind)}
	if c.Client != "" {
		detail["client"] = string(c.Client)
	}
	return d.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "right." + step, Subject: c.person, Purpose: purpose, Ground: c.Source, Fields: c.Fields, Detail: detail})
}
