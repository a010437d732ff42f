// SPDX-License-Identifier: Apache-2.0

package card_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/job"
	"danh/internal/keys"
	"danh/internal/seal"
	"danh/registry/card"
	"danh/registry/card/cert"
	"danh/registry/card/chip"
	"danh/registry/population"
	"danh/registry/residence"
)

var schemas = []db.Schema{seal.Schema, job.Schema, audit.Schema, population.Schema, residence.Schema, card.Schema}

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam)

const source = "test-source"

type bench struct {
	*card.Registry
	db     *db.DB
	jobs   *job.Queue
	clock  *clock.Fake
	keys   *keys.Store
	people *population.Registry
	ha     id.Person
	mu     sync.Mutex
	events []card.Event
}

func date(t testing.TB, s string) clock.Date {
	t.Helper()
	d, err := clock.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, d *db.DB) *bench {
	t.Helper()
	b := &bench{db: d, clock: clock.NewFake(now)}
	key := make([]byte, 32)
	s, err := seal.New(key, key, b.clock)
	if err != nil {
		t.Fatal(err)
	}
	a, err := audit.New(audit.Config{DB: d, Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	b.jobs = job.New(d, b.clock, slog.New(slog.DiscardHandler))
	if b.people, err = population.New(population.Config{DB: d, Seal: s, Audit: a, Jobs: b.jobs, Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	homes, err := residence.New(residence.Config{DB: d, Seal: s, Audit: a, Population: b.people, Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	if b.keys, err = keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	if b.Registry, err = card.New(card.Config{DB: d, Seal: s, Audit: a, Jobs: b.jobs, Keys: b.keys, Population: b.people, Residence: homes, Clock: b.clock}); err != nil {
		t.Fatal(err)
	}
	for _, k := range []card.EventKind{card.HandedOver, card.WasLost, card.WasHeld, card.Released, card.WasRevoked, card.HasExpired} {
		b.Subscribe(k, func(_ context.Context, e card.Event) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.events = append(b.events, e)
			return nil
		})
	}
	if err := b.EnsureSigner(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := strings.Join([]string{
		`{"format":"danh-people","version":1,"source":"test-source","count":4,"seed":0,"as_of":"2026-11-21"}`,
		`{"type":"person","ref":"p1","numbers":[{"number":"012999901","from":"2006-04-12","to":"2017-05-10","reason":"replaced"},{"number":"001190999901","from":"2017-05-10"}],"name":"Nguyễn Thị Minh Hà","birth_date":"1990-09-02","sex":"female","origin":{"text":"Phường Điện Biên, Hà Nội","unit":"00019","unit_from":"1900-01-01"},"nationality":"VNM","ethnicity":"Kinh","religion":"Không","relations":[{"kind":"mother","ref":"p2"},{"kind":"spouse","ref":"p3"}]}`,
		`{"type":"person","ref":"p2","numbers":[{"number":"001160999902"}],"name":"Lê Thị Cúc","birth_date":"1960","sex":"female"}`,
		`{"type":"person","ref":"p3","numbers":[{"number":"001088999903"}],"name":"Trần Văn Lâm","birth_date":"1988-01-02","sex":"male"}`,
		`{"type":"person","ref":"p4","numbers":[{"number":"001313999904"}],"name":"Trần Khánh An","birth_date":"2013-10-05","sex":"female","died":"2020-01-01"}`,
		`{"type":"household","ref":"h1","head":"p1","address":{"text":"Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Thành phố Hà Nội","unit":"00004","unit_from":"2025-07-01"},"members":[{"ref":"p1","relation":"head","since":"2013-06-01"}]}`,
	}, "\n") + "\n"
	if got, err := homes.Import(t.Context(), residence.ImportConfig{}, strings.NewReader(file)); err != nil || got.People != 4 || got.Rejected != 0 {
		t.Fatal(got, err)
	}
	b.ha = b.people.PersonID(source, "p1")
	return b
}

var officer = audit.Officer(id.NewPerson(), id.NewPerson(), "Test office")

var look = audit.Look{By: officer, Purpose: "test.purpose", Ground: "test ground"}

func portrait(t testing.TB) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 300, 400))
	for i := range m.Pix {
		m.Pix[i] = byte(i / 300)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// issue makes a card; the key is the chip's.
func (b *bench) issue(t testing.TB, person id.Person, cause card.Cause) (card.Card, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Issue(t.Context(), officer, card.Order{Person: person, Cause: cause, Portrait: portrait(t), Marks: "Nốt ruồi", ChipKey: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

func (b *bench) decide(t testing.TB, c card.Card, step card.Step, reason string) {
	t.Helper()
	if err := b.Decide(t.Context(), officer, card.Decision{Person: c.Person, Card: c.ID, Step: step, Reason: reason, Ground: "test ground"}); err != nil {
		t.Fatalf("%s: %v", step, err)
	}
}

func (b *bench) state(t testing.TB, c card.Card) card.State {
	t.Helper()
	got, err := b.Find(t.Context(), look, c.Person, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got.State
}

func (b *bench) entries(t testing.TB, action, outcome string, about id.Person) (n int) {
	t.Helper()
	if err := b.db.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE subject = $1 AND action = $2 AND outcome = $3`, about[:], action, outcome).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// present puts a chip on the reader: the chip answers the challenge with a key.
func (b *bench) present(t testing.TB, i chip.Image, key *ecdsa.PrivateKey) (card.Verdict, error) {
	t.Helper()
	c, err := b.NewChallenge(t.Context(), officer)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := chip.Answer(key, c.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	return b.Verify(t.Context(), look, card.Presented{Image: i, Challenge: c.ID, Answer: answer})
}

func (b *bench) image(t testing.TB, c card.Card) chip.Image {
	t.Helper()
	i, com, err := b.ReadChip(t.Context(), look, c.Person, c.ID)
	if err != nil || len(com) == 0 {
		t.Fatal(err)
	}
	return i
}

func TestACardFromOrderToReader(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		c, key := b.issue(t, b.ha, card.First)
		if c.ExpiresOn != date(t, "2030-09-02") || c.State != card.Produced || c.Number.Reveal() != "001190999901" {
			t.Fatalf("%+v", c)
		}
		i := b.image(t, c)
		if _, err := b.present(t, i, key); !keyed(err, "card.present.produced") {
			t.Fatalf("a card that was not handed over: %v", err)
		}
		b.decide(t, c, card.HandOver, "")
		v, err := b.present(t, i, key)
		if err != nil {
			t.Fatal(err)
		}
		p := v.Content.Personal
		if !v.Own || v.Card.ID != c.ID || !v.Card.InForce() || v.Number.Reveal() != "001190999901" || p.Name != "Nguyễn Thị Minh Hà" || p.Mother != "Lê Thị Cúc" || p.Spouse != "Trần Văn Lâm" ||
			p.Father != "" || p.OldNumber != "012999901" || p.Residence != "Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Thành phố Hà Nội" || p.Origin != "Phường Điện Biên, Hà Nội" ||
			p.Marks != "Nốt ruồi" || p.Sex != "Nữ" || v.Content.Zone.Secondary != "THI MINH HA" || !bytes.Equal(v.Content.Face.Image, portrait(t)) {
			t.Fatalf("%+v %+v", v, p)
		}
		// Every registry that was read has its entry, the mother's and the husband's too.
		if b.entries(t, "population.read", "", b.ha) == 0 || b.entries(t, "residence.read", "", b.ha) == 0 || b.entries(t, "population.read", "", b.people.PersonID(source, "p2")) != 1 ||
			b.entries(t, "card.produced", "", b.ha) != 1 || b.entries(t, "card.chip.read", "", b.ha) != 1 || b.entries(t, "card.chip.read", "refused", b.ha) != 1 {
			t.Error("entries are missing")
		}
		got, err := b.FindByNumber(t.Context(), look, "001190999901")
		if err != nil || got.ID != c.ID || got.Number != c.Number {
			t.Fatal(got, err)
		}
		if _, err := b.FindByNumber(t.Context(), look, "001190999999"); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		// Nothing about her lies open in the tables.
		for _, table := range []string{"card_card", "card_data_group", "card_number", "card_chip"} {
			if n := b.grep(t, table, "001190999901"); n != 0 {
				t.Errorf("%s holds the number in the clear", table)
			}
		}
	})
}

func (b *bench) grep(t testing.TB, table, text string) (n int) {
	t.Helper()
	rows, err := b.db.Read().QueryContext(t.Context(), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for rows.Next() {
		values := make([]any, len(columns))
		to := make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		seen++
		for _, v := range values {
			switch x := v.(type) {
			case []byte:
				if bytes.Contains(x, []byte(text)) {
					n++
				}
			case string:
				if strings.Contains(x, text) {
					n++
				}
			}
		}
	}
	if err := rows.Err(); err != nil || seen == 0 {
		t.Fatal(table, "is empty", err)
	}
	return n
}

// TestTransitions walks the whole table: each step from each state.
func TestTransitions(t *testing.T) {
	states := []card.State{card.Produced, card.Delivered, card.Lost, card.Held, card.Revoked, card.Expired, card.Replaced}
	want := map[card.Step]map[card.State]card.State{
		card.HandOver: {card.Produced: card.Delivered},
		card.Lose:     {card.Produced: card.Lost, card.Delivered: card.Lost, card.Held: card.Lost},
		card.Hold:     {card.Delivered: card.Held},
		card.Release:  {card.Held: card.Delivered},
		card.Revoke:   {card.Produced: card.Revoked, card.Delivered: card.Revoked, card.Held: card.Revoked, card.Lost: card.Revoked},
		card.Expire:   {card.Delivered: card.Expired, card.Held: card.Expired},
		card.Replace:  {card.Delivered: card.Replaced, card.Held: card.Replaced, card.Expired: card.Replaced},
	}
	for step, moves := range want {
		for _, from := range states {
			to, ok := card.Next(from, step)
			if wantTo := moves[from]; to != wantTo || ok != (wantTo != "") {
				t.Errorf("%s from %s: %s", step, from, to)
			}
		}
	}
}

func TestLifeOfCards(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		ctx := t.Context()
		var earlier card.Card
		err := d.Write(ctx, func(tx *db.Tx) (err error) {
			earlier, err = b.RecordEarlierTx(ctx, tx, officer, card.Earlier{Person: b.ha, Kind: card.Chip, Number: "001190999901", IssuedOn: date(t, "2021-05-01"), ExpiresOn: date(t, "2030-09-02"), Ground: "test"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Issue(ctx, officer, card.Order{Person: b.ha, Cause: card.First, Portrait: portrait(t)}); !keyed(err, "card.issue.not_first") {
			t.Fatal(err)
		}
		c, key := b.issue(t, b.ha, card.Convert)
		i := b.image(t, c)
		if b.state(t, earlier) != card.Delivered {
			t.Fatal("the earlier card ended before the later was handed over")
		}
		b.decide(t, c, card.HandOver, "")
		if b.state(t, earlier) != card.Replaced || b.state(t, c) != card.Delivered {
			t.Fatal("two cards in force, or none")
		}
		b.decide(t, c, card.Hold, "detention")
		if _, err := b.present(t, i, key); !keyed(err, "card.present.held") {
			t.Fatal(err)
		}
		if _, err := b.Issue(ctx, officer, card.Order{Person: b.ha, Cause: card.Reissue, Portrait: portrait(t)}); !keyed(err, "card.issue.held") {
			t.Fatal("a second card while the first is in custody", err)
		}
		b.decide(t, c, card.Release, "")
		if v, err := b.present(t, i, key); err != nil || !v.Own {
			t.Fatal(err)
		}
		// She reports it lost; the replaying finder fails from that commit on.
		she := audit.Citizen(id.NewPerson(), b.ha)
		if err := b.Decide(ctx, she, card.Decision{Person: b.ha, Card: c.ID, Step: card.Lose, Reason: "stolen"}); err != nil {
			t.Fatal(err)
		}
		if v, err := b.present(t, i, key); !keyed(err, "card.present.lost") || v.Card.ID != c.ID {
			t.Fatal(v, err)
		}
		if err := b.Decide(ctx, officer, card.Decision{Person: b.ha, Card: c.ID, Step: card.Release}); !fault.Is(err, fault.Conflict) {
			t.Fatal("a lost card came back", err)
		}
		second, key2 := b.issue(t, b.ha, card.Reissue)
		b.decide(t, second, card.HandOver, "")
		if _, err := b.present(t, b.image(t, second), key2); err != nil {
			t.Fatal(err)
		}
		all, err := b.ListByPerson(ctx, audit.Look{By: she, Purpose: "own", Ground: "own data"}, b.ha)
		if err != nil || len(all) != 3 || all[2].ID != earlier.ID {
			t.Fatal(all, err)
		}
		// Its last day passes: expired at once for whoever looks, news with the sweep.
		b.clock.Set(date(t, "2030-09-02").Time().Add(23 * time.Hour))
		if b.state(t, second) != card.Delivered {
			t.Fatal("expired on its last day")
		}
		b.clock.Advance(2 * time.Hour)
		if b.state(t, second) != card.Expired {
			t.Fatal("in force after its last day")
		}
		for range 2 { // every server runs the purges
			for _, p := range b.Purges() {
				if _, err := p.RunOnce(ctx, d, b.clock.Now()); err != nil {
					t.Fatal(p.Name, err)
				}
			}
		}
		if err := b.jobs.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range b.events {
			if e.Person != b.ha || e.Card.IsZero() || e.ID.IsZero() {
				t.Errorf("%+v", e)
			}
			kinds = append(kinds, strings.TrimPrefix(string(e.Kind), "card."))
		}
		if got := strings.Join(kinds, " "); got != "delivered held released lost delivered expired" {
			t.Fatalf("the news were %s", got)
		}
		// Its files go when their time is over, the row stays.
		b.clock.Set(now.AddDate(12, 0, 0))
		for _, p := range b.Purges() {
			if _, err := p.RunOnce(ctx, d, b.clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := b.ReadChip(ctx, look, b.ha, second.ID); !fault.Is(err, fault.NotFound) {
			t.Fatal("the files outlived their time", err)
		}
		if b.state(t, second) != card.Expired {
			t.Fatal("the row is gone")
		}
	})
}

// TestPresentedChipsRefusedByName: the attacks on a presented chip, end to end.
func TestPresentedChipsRefusedByName(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		ctx := t.Context()
		c, key := b.issue(t, b.ha, card.First)
		b.decide(t, c, card.HandOver, "")
		i := b.image(t, c)
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		tampered := i
		tampered.Files = maps.Clone(i.Files)
		tampered.Files[13] = bytes.Replace(i.Files[13], []byte("Nguyễn"), []byte("Nguyến"), 1)
		unlisted := i
		unlisted.Files = maps.Clone(i.Files)
		unlisted.Files[11] = []byte{0x6b, 0}
		for name, x := range map[string]struct {
			image chip.Image
			key   *ecdsa.PrivateKey
			want  string
		}{
			"swapped chip":        {i, other, "card.chip.swapped"},
			"tampered data group": {tampered, key, "card.chip.tampered"},
			"unlisted data group": {unlisted, key, "card.chip.unlisted"},
		} {
			if v, err := b.present(t, x.image, x.key); !keyed(err, x.want) || v.Own {
				t.Errorf("%s: %+v %v", name, v, err)
			}
		}
		// The challenge: answered twice, too late, by another account.
		spend := func(by audit.Actor, wait time.Duration, times int) (err error) {
			ch, cerr := b.NewChallenge(ctx, officer)
			if cerr != nil {
				t.Fatal(cerr)
			}
			answer, aerr := chip.Answer(key, ch.Nonce)
			if aerr != nil {
				t.Fatal(aerr)
			}
			b.clock.Advance(wait)
			l := look
			l.By = by
			for range times {
				_, err = b.Verify(ctx, l, card.Presented{Image: i, Challenge: ch.ID, Answer: answer})
			}
			return err
		}
		if err := spend(officer, 0, 1); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"answer replayed":  spend(officer, 0, 2),
			"answer too late":  spend(officer, 3*time.Minute, 1),
			"another officer":  spend(audit.Officer(id.NewPerson(), id.NewPerson(), "x"), 0, 1),
			"without account":  spend(audit.System("reader"), 0, 1),
			"no challenge yet": func() error { _, err := b.Verify(ctx, look, card.Presented{Image: i}); return err }(),
		} {
			if !keyed(err, "card.chip.challenge") {
				t.Errorf("%s: %v", name, err)
			}
		}
		// In parallel on one challenge: once.
		ch, err := b.NewChallenge(ctx, officer)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := chip.Answer(key, ch.Nonce)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		passed := 0
		for range 8 {
			wg.Go(func() {
				if _, err := b.Verify(ctx, look, card.Presented{Image: i, Challenge: ch.ID, Answer: answer}); err == nil {
					mu.Lock()
					passed++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if passed != 1 {
			t.Errorf("one challenge was answered %d times", passed)
		}
		// A card forged with the signer's own key, unknown to the registry.
		_, signer := b.keys.Signer(keys.DocumentSigner)
		trusted, err := b.ListAuthorities(ctx)
		if err != nil || len(trusted) != 1 {
			t.Fatal(trusted, err)
		}
		genuine, err := chip.Authenticate(i, trusted, b.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		forged, _, err := chip.Make(chip.Order{Zone: genuine.Zone, Portrait: portrait(t), Personal: *genuine.Personal, Key: other.Public(), Signer: genuine.Signer.Raw, Sign: signer, At: now})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.present(t, forged, other); !keyed(err, "card.chip.unknown") {
			t.Errorf("forged with the signer's key: %v", err)
		}
		// The signer's certificate runs out.
		b.clock.Set(now.AddDate(25, 0, 0))
		if _, err := b.present(t, i, key); !keyed(err, "card.chip.signer_expired") {
			t.Errorf("expired signer: %v", err)
		}
	})
}

// TestAnotherAuthority trusts a second authority, reads its chips, and stops.
func TestAnotherAuthority(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		a := open(t, d)
		b := open(t, dbtest.Open(t, db.SQLite, schemas))
		ctx := t.Context()
		c, key := b.issue(t, b.ha, card.First)
		b.decide(t, c, card.HandOver, "")
		i := b.image(t, c)
		if _, err := a.present(t, i, key); !keyed(err, "card.chip.untrusted") {
			t.Fatal(err)
		}
		theirs, err := b.ListAuthorities(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Trust(ctx, audit.Citizen(id.NewPerson(), a.ha), theirs[0].Raw, "test"); !fault.Is(err, fault.Forbidden) {
			t.Fatal("a citizen changed the trust list", err)
		}
		o, err := chip.Authenticate(i, theirs, now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Trust(ctx, officer, o.Signer.Raw, "test"); !keyed(err, "card.trust.certificate") || !errors.Is(err, cert.ErrUse) {
			t.Fatal("a document signer in the trust list", err)
		}
		fingerprint, err := a.Trust(ctx, officer, theirs[0].Raw, "test")
		if err != nil {
			t.Fatal(err)
		}
		if v, err := a.present(t, i, key); err != nil || v.Own || !v.Card.ID.IsZero() || v.Content.Personal.Name == "" {
			t.Fatal(v, err)
		}
		if err := a.Distrust(ctx, officer, fingerprint, "test"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.present(t, i, key); !keyed(err, "card.chip.untrusted") {
			t.Fatal(err)
		}
	})
}

// TestAuthority: who may not do what, and that it is refused and recorded.
func TestAuthority(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		ctx := t.Context()
		c, _ := b.issue(t, b.ha, card.First)
		b.decide(t, c, card.HandOver, "")
		she, he := audit.Citizen(id.NewPerson(), b.ha), audit.Citizen(id.NewPerson(), b.people.PersonID(source, "p3"))
		acting := he
		acting.OnBehalfOf = b.ha
		sheForHim := she
		sheForHim.OnBehalfOf = he.Person
		for _, x := range []struct {
			by   audit.Actor
			step card.Step
			ok   bool
		}{
			{she, card.HandOver, false}, {she, card.Hold, false}, {she, card.Release, false}, {she, card.Revoke, false},
			{he, card.Lose, false}, {sheForHim, card.Lose, false}, {audit.Anonymous(), card.Lose, false}, {audit.Partner("bank", "Bank"), card.Revoke, false},
			{audit.Partner("bank", "Bank"), card.Lose, false}, {acting, card.Lose, true},
		} {
			reason := map[card.Step]string{card.Lose: "lost", card.Hold: "prison", card.Revoke: "altered"}[x.step]
			err := b.Decide(ctx, x.by, card.Decision{Person: b.ha, Card: c.ID, Step: x.step, Reason: reason})
			if x.ok && err != nil || !x.ok && !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s by %s: %v", x.step, x.by.Kind, err)
			}
		}
		for _, by := range []audit.Actor{he, audit.Anonymous(), sheForHim} {
			l := audit.Look{By: by, Purpose: "curiosity", Ground: "none"}
			if _, err := b.ListByPerson(ctx, l, b.ha); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s listed: %v", by.Kind, err)
			}
			if _, err := b.FindByNumber(ctx, l, "001190999901"); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s found by number: %v", by.Kind, err)
			}
			if _, _, err := b.ReadChip(ctx, l, b.ha, c.ID); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s read the chip: %v", by.Kind, err)
			}
		}
		if b.entries(t, "card.listed", "refused", b.ha) != 3 || b.entries(t, "card.read", "refused", b.ha) != 6 {
			t.Error("refused looks left no entry")
		}
		if _, err := b.Issue(ctx, she, card.Order{Person: b.ha, Cause: card.Reissue}); !fault.Is(err, fault.Forbidden) {
			t.Error("she made herself a card", err)
		}
		if err := b.Decide(ctx, officer, card.Decision{Person: b.ha, Card: c.ID, Step: card.Revoke, Reason: "dislike"}); !keyed(err, "card.reason.unknown") {
			t.Error("revoked for no reason of the law", err)
		}
		if _, err := b.ListByPerson(ctx, audit.Look{By: officer}, b.ha); err == nil {
			t.Error("a look without purpose and ground")
		}
	})
}

func TestNotIssued(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for name, x := range map[string]struct {
			order card.Order
			want  string
		}{
			"to the dead":         {card.Order{Person: b.people.PersonID(source, "p4"), Cause: card.First, Portrait: portrait(t), ChipKey: key.Public()}, "card.issue.dead"},
			"without portrait":    {card.Order{Person: b.ha, Cause: card.First, ChipKey: key.Public()}, "card.issue.portrait"},
			"picture of no form":  {card.Order{Person: b.ha, Cause: card.First, Portrait: []byte("GIF89a"), ChipKey: key.Public()}, "card.issue.portrait"},
			"for no cause":        {card.Order{Person: b.ha, Cause: "wish", Portrait: portrait(t), ChipKey: key.Public()}, "card.issue.cause"},
			"to a person unknown": {card.Order{Person: id.NewPerson(), Cause: card.First, Portrait: portrait(t), ChipKey: key.Public()}, "population.person.not_found"},
		} {
			if _, err := b.Issue(t.Context(), officer, x.order); !keyed(err, x.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		var n int
		if err := d.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM card_card`).Scan(&n); err != nil || n != 0 {
			t.Fatal("a refused order left a card", n, err)
		}
		b.issue(t, b.ha, card.First)
		if _, err := b.Issue(t.Context(), officer, card.Order{Person: b.ha, Cause: card.Reissue, Portrait: portrait(t), ChipKey: key.Public()}); !keyed(err, "card.issue.made") {
			t.Fatal("two cards in the making", err)
		}
	})
}

func TestDeathRevokes(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		c, _ := b.issue(t, b.ha, card.First)
		b.decide(t, c, card.HandOver, "")
		for range 2 {
			if err := b.HandleDeath(t.Context(), population.Event{Kind: population.Died, Person: b.ha}); err != nil {
				t.Fatal(err)
			}
		}
		if b.state(t, c) != card.Revoked || b.entries(t, "card.revoked", "", b.ha) != 1 {
			t.Fatal("not revoked once")
		}
	})
}

// TestSignersOfTwoServers makes the certificates once, whoever comes first.
func TestSignersOfTwoServers(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := b.EnsureSigner(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var n int
		if err := d.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM card_certificate`).Scan(&n); err != nil || n != 2 {
			t.Fatal(n, err)
		}
		first, key := b.issue(t, b.ha, card.First)
		b.decide(t, first, card.HandOver, "")
		i := b.image(t, first)
		// Both keys rotate: what the former ones signed is read on.
		for _, p := range []keys.Purpose{keys.CSCA, keys.DocumentSigner} {
			if _, err := b.keys.Rotate(p, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.EnsureSigner(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all, err := b.ListAuthorities(t.Context()); err != nil || len(all) != 2 {
			t.Fatal(all, err)
		}
		if _, err := b.present(t, i, key); err != nil {
			t.Fatal(err)
		}
		b.decide(t, first, card.Lose, "lost")
		second, key2 := b.issue(t, b.ha, card.Reissue)
		b.decide(t, second, card.HandOver, "")
		if _, err := b.present(t, b.image(t, second), key2); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFees(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		b := open(t, d)
		for _, x := range []struct {
			cause      card.Cause
			on         string
			integrated bool
			want       int
		}{
			{card.Convert, "2026-11-21", false, 15000}, {card.Change, "2026-11-21", false, 25000}, {card.Reissue, "2026-12-31", false, 35000},
			{card.Reissue, "2027-01-01", false, 70000}, {card.Change, "2027-02-28", true, 0}, {card.Change, "2027-03-01", true, 50000},
			{card.First, "2026-11-21", false, 0}, {card.Age, "2027-06-01", false, 0}, {card.Boundary, "2026-11-21", false, 0},
		} {
			f, err := b.FindFee(t.Context(), x.cause, date(t, x.on), x.integrated)
			if err != nil || f.Amount != x.want || f.Source == "" {
				t.Errorf("%s on %s: %+v %v, want %d", x.cause, x.on, f, err, x.want)
			}
			// Whoever pays less than the circular says reads why.
			halved := strings.Contains(f.Source, "giảm một nửa đến hết 31/12/2026")
			if want := x.want > 0 && x.on < "2027"; halved != want {
				t.Errorf("%s on %s: by %q", x.cause, x.on, f.Source)
			}
			if waived := strings.Contains(f.Source, "NQ 66.22/2026"); waived != (x.integrated && x.want == 0) {
				t.Errorf("%s on %s: by %q", x.cause, x.on, f.Source)
			}
		}
		if _, err := b.FindFee(t.Context(), "wish", date(t, "2026-11-21"), false); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	})
}

func TestExpiryByAge(t *testing.T) {
	law := card.Ages{Renew: []int{14, 25, 40, 60}, Early: 2}
	former := card.Ages{Renew: []int{25, 40, 60}, Early: 2}
	for _, x := range []struct {
		ages                card.Ages
		birth, issued, want string
	}{
		{law, "2020-05-01", "2026-11-21", "2034-05-01"},
		{law, "2012-11-22", "2010-11-21", "2026-11-22"},
		{law, "2014-11-22", "2026-11-21", "2028-11-22"}, // a day more than two years before 14
		{law, "2014-11-21", "2026-11-21", "2039-11-21"}, // two years before 14 to the day: until 25
		{law, "2001-11-22", "2026-11-21", "2041-11-22"}, // the day before 25
		{law, "2001-11-21", "2026-11-21", "2041-11-21"},
		{law, "1990-09-02", "2026-11-21", "2030-09-02"},
		{law, "1968-11-22", "2026-11-21", "2028-11-22"},
		{law, "1968-11-21", "2026-11-21", ""}, // two years before 60: for life
		{law, "1942", "2026-11-21", ""},
		{law, "1990", "2026-11-21", "2030-12-31"},
		{law, "1990-02", "2026-11-21", "2030-02-28"},
		{law, "1988-02-29", "2024-11-21", "2028-02-29"},
		{law, "2000-02-29", "2022-01-01", "2025-02-28"},
		{former, "2008-03-04", "2024-06-30", "2033-03-04"},
	} {
		want := clock.Date{}
		if x.want != "" {
			want = date(t, x.want)
		}
		if got := x.ages.Expiry(date(t, x.birth), date(t, x.issued)); got != want {
			t.Errorf("born %s, issued %s: %s, want %s", x.birth, x.issued, got, x.want)
		}
	}
}

func keyed(err error, key string) bool {
	f := fault.Of(err)
	return f != nil && f.Key == key
}

// TestEveryMessageHasBothLanguages finds the message keys in the sources.
func TestEveryMessageHasBothLanguages(t *testing.T) {
	raw, err := fs.ReadFile(card.Texts, "card.text.json")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][2]string{}
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	for k, v := range texts {
		if v[0] == "" || v[1] == "" || v[0] == v[1] {
			t.Errorf("%s lacks a language", k)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	call := regexp.MustCompile(`(?:fault\.New\(fault\.\w+, |With\("\w+", |, )"(card\.[a-z_.]+[a-z])"`)
	found := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(b), -1) {
			found++
			if _, ok := texts[m[1]]; !ok {
				t.Errorf("%s: %s has no text", f, m[1])
			}
		}
	}
	for _, s := range []string{"produced", "lost", "held", "revoked", "expired", "replaced"} {
		if _, ok := texts["card.present."+s]; !ok {
			t.Errorf("card.present.%s has no text", s)
		}
	}
	if found < 25 {
		t.Fatalf("only %d messages were found", found)
	}
}

func TestFacesOfAnIssuedCard(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, schemas)
	b := open(t, d)
	c, _ := b.issue(t, b.ha, card.First)
	front, back, err := b.DrawFaces(t.Context(), look, b.ha, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range [][]byte{front, back} {
		if m, kind, err := image.DecodeConfig(bytes.NewReader(f)); err != nil || kind != "png" || m.Width != 1586 {
			t.Fatal(kind, err)
		}
	}
	if b.entries(t, "card.read", "", b.ha) != 1 {
		t.Error("a picture without an entry")
	}
	stranger := audit.Look{By: audit.Citizen(id.NewPerson(), id.NewPerson()), Purpose: "curiosity", Ground: "none"}
	if _, _, err := b.DrawFaces(t.Context(), stranger, b.ha, c.ID); !fault.Is(err, fault.Forbidden) {
		t.Fatal(err)
	}
}
