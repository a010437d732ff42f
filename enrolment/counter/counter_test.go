// SPDX-License-Identifier: Apache-2.0

package counter_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/audit"
	"danh/enrolment/counter"
	. "danh/enrolment/counter/countertest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/reader"
	"danh/internal/reader/emrtd"
	"danh/internal/reader/readertest"
	"danh/office"
	"danh/registry/card"
)

var twoFingers = counter.Want{Kind: counter.Finger, Positions: []int{2, 7}, Dossier: "dossier-key"}

func fingers() map[string][]byte {
	return map[string][]byte{"finger-2": []byte("P5 right index"), "finger-7": []byte("P5 left index")}
}

func key(t testing.TB, err error, want string) {
	t.Helper()
	if f := fault.Of(err); f == nil || f.Key != want {
		t.Errorf("%v, not %s", err, want)
	}
}

func TestFingersFromPairingToReading(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		by := h.Officer(t, office.IntakeOfficer, h.Here)
		m := h.PairMachine(t, by)
		if m.OfficeName != h.Here.Name || m.Office != h.Here.ID {
			t.Fatalf("%+v", m.Counter)
		}
		n := Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, twoFingers))
		if len(n.Challenge) != 0 || n.Expires.Sub(h.Clock.Now()) != 2*time.Minute {
			t.Fatalf("%+v", n)
		}
		got := Must[counter.Reading](t)(h.Accept(t.Context(), by, m.Sign(t, n, map[string][]byte{"finger-7": []byte("P5 left index")})))
		if len(got.Fingers) != 1 || got.Fingers[0].Position != 7 || string(got.Fingers[0].Image) != "P5 left index" || !slices.Equal(got.Missing, []int{2}) ||
			got.Device != "scanner" || got.Name != "Quầy 1" || !got.Want.Equal(twoFingers) || got.Source() != "reader:"+m.ID.String() {
			t.Fatalf("%+v", got)
		}
		list := Must[[]counter.Counter](t)(h.List(t.Context(), by))
		if len(list) != 1 || list[0].ID != m.ID || !list[0].EndedAt.IsZero() {
			t.Fatalf("%+v", list)
		}
		for action, want := range map[string]int{"enrolment.counter.code": 1, "enrolment.counter.paired": 1, "enrolment.reading.accepted": 1} {
			if n := h.Count(t, action, ""); n != want {
				t.Errorf("%d entries of %s", n, action)
			}
		}
	})
}

// TestChipFromCardToVerdict: a card that the registry made lies on the reader;
// what the counter signed is what the registry verifies.
func TestChipFromCardToVerdict(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		by := h.Officer(t, office.IntakeOfficer, h.Here)
		m := h.PairMachine(t, by)
		private := ChipKey(t)
		c := Must[card.Card](t)(h.Cards.Issue(t.Context(), by, card.Order{Person: h.Person, Cause: card.First, Portrait: Face(t), ChipKey: private.Public()}))
		if err := h.Cards.Decide(t.Context(), by, card.Decision{Person: h.Person, Card: c.ID, Step: card.HandOver, Ground: "test"}); err != nil {
			t.Fatal(err)
		}
		look := audit.Look{By: by, Purpose: "test", Ground: "test"}
		image, com, err := h.Cards.ReadChip(t.Context(), look, h.Person, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		chip := &readertest.Chip{Access: reader.Access{Document: "190999901", Birth: "900902", Expiry: yymmdd(c)}, Key: private, Files: map[uint16][]byte{0x011E: com, 0x011D: image.Security}}
		for n, f := range image.Files {
			chip.Files[0x0100+uint16(n)] = f
		}
		read := func(chip *readertest.Chip) (card.Verdict, error) {
			n := Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, counter.Want{Kind: counter.Chip, Visit: "visit"}))
			content, err := emrtd.Read(t.Context(), chip, reader.Ask{Want: n.Want, Challenge: n.Challenge, Access: chip.Access})
			if err != nil {
				t.Fatal(err)
			}
			r := Must[counter.Reading](t)(h.Accept(t.Context(), by, m.Sign(t, n, content.Files, func(s *reader.Statement) { s.Answer = content.Answer })))
			if r.Chip == nil || len(r.Fingers) != 0 {
				t.Fatalf("%+v", r)
			}
			return h.Cards.Verify(t.Context(), look, *r.Chip)
		}
		v, err := read(chip)
		if err != nil || !v.Own || v.Card.ID != c.ID || v.Number != "001190999901" {
			t.Fatalf("%+v %v", v, err)
		}
		// A copy of all files on another chip passes the counter, and no further.
		chip.Key = ChipKey(t)
		_, err = read(chip)
		key(t, err, "card.chip.swapped")
		chip.Key = private
		chip.Files[0x010D] = bytes.Replace(chip.Files[0x010D], []byte("Kinh"), []byte("Kinx"), 1)
		_, err = read(chip)
		key(t, err, "card.chip.tampered")
	})
}

func yymmdd(c card.Card) string {
	return strings.ReplaceAll(c.ExpiresOn.String()[2:], "-", "")
}

// TestPairingCodeUsedTwiceInParallel: of several machines that bring one code
// one is paired.
func TestPairingCodeUsedTwiceInParallel(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		by := h.Officer(t, office.Registrar, h.Here)
		code, _, err := h.NewPairing(t.Context(), by)
		if err != nil {
			t.Fatal(err)
		}
		code = strings.ToLower(strings.ReplaceAll(code, "-", " "))
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() {
				public, _, _ := ed25519.GenerateKey(rand.Reader)
				_, errs[i] = h.Pair(t.Context(), code, "Quầy", public)
			})
		}
		wg.Wait()
		paired := 0
		for _, err := range errs {
			if err == nil {
				paired++
			} else {
				key(t, err, "enrolment.counter.code")
			}
		}
		if paired != 1 {
			t.Fatalf("%d machines were paired", paired)
		}
	})
}

func TestPairingIsRefused(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		public, _, _ := ed25519.GenerateKey(rand.Reader)
		pair := func(code string) error { _, err := h.Pair(t.Context(), code, "Quầy", public); return err }
		code := func(by audit.Actor) string {
			c, _, err := h.NewPairing(t.Context(), by)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		for _, role := range []office.Role{office.Approver, office.Operator, office.Auditor} {
			if _, _, err := h.NewPairing(t.Context(), h.Officer(t, role, h.Here)); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s asks for a code: %v", role, err)
			}
		}
		if _, _, err := h.NewPairing(t.Context(), audit.Citizen(h.Person, h.Person)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a citizen asks for a code: %v", err)
		}
		if n := h.Count(t, "enrolment.counter.code", "refused"); n != 4 {
			t.Errorf("%d of 4 attempts are in the log", n)
		}
		key(t, pair("AAAAA-AAAAA"), "enrolment.counter.code")
		key(t, pair(""), "enrolment.counter.code")
		elsewhere := h.PairMachine(t, h.Officer(t, office.IntakeOfficer, h.Away))
		if err := h.End(t.Context(), h.Officer(t, office.IntakeOfficer, h.Here), elsewhere.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("another office's counter is ended: %v", err)
		}
		if n := h.Count(t, "enrolment.counter.ended", "refused"); n != 1 {
			t.Errorf("%d entries of an attempt elsewhere", n)
		}
		by := h.Officer(t, office.IntakeOfficer, h.Here)
		old := code(by)
		h.Clock.Advance(10*time.Minute + time.Second)
		key(t, pair(old), "enrolment.counter.code")
		// Whoever lost her role meanwhile pairs nothing.
		lost := code(by)
		if err := h.Roster.End(t.Context(), audit.System("test"), by.Account, office.IntakeOfficer); err != nil {
			t.Fatal(err)
		}
		if err := pair(lost); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an officer without her role: %v", err)
		}
		if n := h.Count(t, "enrolment.counter.paired", "refused"); n != 1 {
			t.Errorf("%d entries of a code whose officer lost her role", n)
		}
		// A key that was paired before, ended or not, begins no second counter.
		by = h.Officer(t, office.IntakeOfficer, h.Here)
		if err := pair(code(by)); err != nil {
			t.Fatal(err)
		}
		key(t, pair(code(by)), "enrolment.counter.key_used")
		for _, name := range []string{"", "   ", "a\nb", strings.Repeat("x", 61)} {
			if _, err := h.Pair(t.Context(), code(by), name, public); !fault.Is(err, fault.Invalid) {
				t.Errorf("name %q: %v", name, err)
			}
		}
		if _, err := h.Pair(t.Context(), code(by), "Quầy", public[:31]); !fault.Is(err, fault.Invalid) {
			t.Errorf("short key: %v", err)
		}
	})
}

// TestReadingHandedInTwiceInParallel: one statement makes one reading.
func TestReadingHandedInTwiceInParallel(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		by := h.Officer(t, office.IntakeOfficer, h.Here)
		m := h.PairMachine(t, by)
		doc := m.Sign(t, Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, twoFingers)), fingers())
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() { _, errs[i] = h.Accept(t.Context(), by, doc) })
		}
		wg.Wait()
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
			} else {
				key(t, err, "enrolment.counter.nonce")
			}
		}
		if taken != 1 || h.Count(t, "enrolment.reading.accepted", "refused") != 5 {
			t.Fatalf("taken %d times, %d refusals in the log", taken, h.Count(t, "enrolment.reading.accepted", "refused"))
		}
	})
}

// TestForgedReadings: each attack is refused by its name, leaves its entry, and
// does not spend the nonce of the honest one.
func TestForgedReadings(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		by := h.Officer(t, office.IntakeOfficer, h.Here)
		colleague := h.Officer(t, office.IntakeOfficer, h.Here)
		stranger := h.Officer(t, office.IntakeOfficer, h.Away)
		approver := h.Officer(t, office.Approver, h.Here)
		m, other, far := h.PairMachine(t, by), h.PairMachine(t, by), h.PairMachine(t, stranger)
		n := Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, twoFingers))
		good := m.Sign(t, n, fingers())
		// edit changes the envelope or, when inner, the statement in it.
		edit := func(change func(map[string]any)) []byte {
			var v map[string]any
			if err := json.Unmarshal(good, &v); err != nil {
				t.Fatal(err)
			}
			change(v)
			return Must[[]byte](t)(json.Marshal(v))
		}
		swapFiles := edit(func(v map[string]any) {
			f := v["files"].(map[string]any)
			f["finger-2"], f["finger-7"] = f["finger-7"], f["finger-2"]
		})
		for name, x := range map[string]struct {
			by  audit.Actor
			doc []byte
			key string
		}{
			"another counter signs with its own key":      {by, other.Sign(t, n, fingers()), "enrolment.counter.nonce"},
			"another counter's key under this one's name": {by, Machine{Counter: m.Counter, Key: other.Key}.Sign(t, n, fingers()), "enrolment.counter.signature"},
			"a counter of another office":                 {by, far.Sign(t, n, fingers()), "enrolment.counter.elsewhere"},
			"an officer of another office hands it in":    {stranger, good, "enrolment.counter.elsewhere"},
			"a colleague hands it in":                     {colleague, good, "enrolment.counter.nonce"},
			"an approver hands it in":                     {approver, good, "office.staff.no_role"},
			"a citizen hands it in":                       {audit.Citizen(h.Person, h.Person), good, "office.staff.no_role"},
			"a nonce of the reader's own":                 {by, m.Sign(t, counter.Nonce{Value: make([]byte, 32), Want: twoFingers}, fingers()), "enrolment.counter.nonce"},
			"two fingers exchanged":                       {by, swapFiles, "enrolment.counter.content"},
			"a file added":                                {by, edit(func(v map[string]any) { v["files"].(map[string]any)["finger-3"] = "UDU=" }), "enrolment.counter.content"},
			"a file taken away":                           {by, edit(func(v map[string]any) { delete(v["files"].(map[string]any), "finger-2") }), "enrolment.counter.content"},
			"the signature taken away":                    {by, edit(func(v map[string]any) { delete(v, "signature") }), "enrolment.counter.signature"},
			"a field added":                               {by, edit(func(v map[string]any) { v["more"] = 1 }), "enrolment.counter.form"},
			"something behind it":                         {by, append(bytes.Clone(good), '{'), "enrolment.counter.form"},
			"nothing":                                     {by, nil, "enrolment.counter.form"},
			"an unknown counter":                          {by, m.Sign(t, n, fingers(), func(s *reader.Statement) { s.Counter = "0192d4a0-0000-7000-8000-000000000000" }), "enrolment.counter.none"},
			"a counter that is no key":                    {by, m.Sign(t, n, fingers(), func(s *reader.Statement) { s.Counter = "x" }), "enrolment.counter.none"},
		} {
			before := h.Count(t, "enrolment.reading.accepted", "refused")
			_, err := h.Accept(t.Context(), x.by, x.doc)
			if f := fault.Of(err); f == nil || f.Key != x.key {
				t.Errorf("%s: %v, not %s", name, err, x.key)
			}
			if h.Count(t, "enrolment.reading.accepted", "refused") != before+1 {
				t.Errorf("%s: no entry", name)
			}
		}
		// Every octet of the signed statement and its signature is altered once.
		var e struct {
			Statement []byte            `json:"statement"`
			Signature []byte            `json:"signature"`
			Files     map[string][]byte `json:"files"`
		}
		if err := json.Unmarshal(good, &e); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(e.Statement)+len(e.Signature); i += 7 {
			bad := e
			bad.Statement, bad.Signature = bytes.Clone(e.Statement), bytes.Clone(e.Signature)
			if i < len(e.Statement) {
				bad.Statement[i] ^= 1
			} else {
				bad.Signature[i-len(e.Statement)] ^= 1
			}
			s, err := reader.Parse(Must[[]byte](t)(json.Marshal(bad)))
			if err == nil {
				err = s.Verify(m.Key.Public().(ed25519.PublicKey))
			}
			if err == nil {
				t.Fatalf("octet %d is not signed", i)
			}
		}
		// The honest one still goes through, and asking for less or more does not.
		if _, err := h.Accept(t.Context(), by, good); err != nil {
			t.Fatal(err)
		}
		n = Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, twoFingers))
		_, err := h.Accept(t.Context(), by, m.Sign(t, n, fingers(), func(s *reader.Statement) { s.Want.Dossier = "another" }))
		key(t, err, "enrolment.counter.want")
	})
}

func TestReadingTooLateOrFromAnEndedCounter(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		by := h.Officer(t, office.IntakeOfficer, h.Here)
		m := h.PairMachine(t, by)
		n := Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, twoFingers))
		h.Clock.Advance(2*time.Minute + time.Second)
		_, err := h.Accept(t.Context(), by, m.Sign(t, n, fingers()))
		key(t, err, "enrolment.counter.nonce")
		// Ended while the finger lay on the scanner.
		n = Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, twoFingers))
		if err := h.End(t.Context(), h.Officer(t, office.Registrar, h.Away), m.ID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("an office ends another's counter: %v", err)
		}
		if err := h.End(t.Context(), h.Officer(t, office.Registrar, h.Here), m.ID); err != nil {
			t.Fatal(err)
		}
		_, err = h.Accept(t.Context(), by, m.Sign(t, n, fingers()))
		key(t, err, "enrolment.counter.ended")
		_, err = h.NewNonce(t.Context(), by, m.ID, twoFingers)
		key(t, err, "enrolment.counter.ended")
		if err := h.End(t.Context(), by, m.ID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("ended twice: %v", err)
		}
		list := Must[[]counter.Counter](t)(h.List(t.Context(), by))
		if len(list) != 1 || list[0].EndedAt.IsZero() {
			t.Fatalf("%+v", list)
		}
	})
}

func TestNonceIsRefused(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		by := h.Officer(t, office.IntakeOfficer, h.Here)
		m := h.PairMachine(t, by)
		for _, who := range []audit.Actor{h.Officer(t, office.IntakeOfficer, h.Away), h.Officer(t, office.Registrar, h.Here), h.Officer(t, office.Approver, h.Here), audit.Anonymous()} {
			if _, err := h.NewNonce(t.Context(), who, m.ID, twoFingers); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s at %s: %v", who.Kind, who.Name, err)
			}
		}
		if n := h.Count(t, "enrolment.reading.asked", "refused"); n != 4 {
			t.Errorf("%d of 4 attempts are in the log", n)
		}
		for _, w := range []counter.Want{{}, {Kind: "iris"}, {Kind: counter.Finger}, {Kind: counter.Finger, Positions: []int{0}}, {Kind: counter.Finger, Positions: []int{11}},
			{Kind: counter.Finger, Positions: []int{2, 2}}, {Kind: counter.Chip, Positions: []int{2}}, {Kind: counter.Portrait, Dossier: strings.Repeat("x", 65)}} {
			if _, err := h.NewNonce(t.Context(), by, m.ID, w); !fault.Is(err, fault.Invalid) || !errors.Is(err, reader.ErrWant) {
				t.Errorf("%+v: %v", w, err)
			}
		}
	})
}

func TestPurgesLeaveWhatIsAlive(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		by := h.Officer(t, office.IntakeOfficer, h.Here)
		m := h.PairMachine(t, by)
		Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, twoFingers))
		h.Clock.Advance(25 * time.Hour)
		n := Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, twoFingers))
		for _, p := range h.Purges() {
			if gone, err := p.RunOnce(t.Context(), h.DB, h.Clock.Now()); err != nil || gone != 1 {
				t.Errorf("%s deleted %d rows: %v", p.Name, gone, err)
			}
		}
		if _, err := h.Accept(t.Context(), by, m.Sign(t, n, fingers())); err != nil {
			t.Fatal(err)
		}
	})
}

// TestOneOfficerAlonePairsALaptop: without a colleague's confirmation nothing that
// it signs is taken, whatever she tries; of several confirmations one counts.
func TestOneOfficerAlonePairsALaptop(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		by := h.Officer(t, office.IntakeOfficer, h.Here)
		m := h.PairAlone(t, by)
		_, err := h.NewNonce(t.Context(), by, m.ID, twoFingers)
		key(t, err, "enrolment.counter.unconfirmed")
		key(t, h.Confirm(t.Context(), by, m.ID), "enrolment.counter.own")
		// Another account of the same person is no other officer.
		again := audit.Officer(id.NewPerson(), by.Person, h.Here.Name)
		Must[office.Staff](t)(h.Roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: again.Account, Person: again.Person, Role: office.Registrar, Office: h.Here.ID}))
		key(t, h.Confirm(t.Context(), again, m.ID), "enrolment.counter.own")
		key(t, h.Confirm(t.Context(), h.Officer(t, office.Approver, h.Away), m.ID), "enrolment.counter.none")
		for _, who := range []audit.Actor{h.Officer(t, office.Operator, h.Here), h.Officer(t, office.Hotline, h.Here), audit.Citizen(h.Person, h.Person)} {
			if err := h.Confirm(t.Context(), who, m.ID); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s confirms: %v", who.Kind, err)
			}
		}
		if n := h.Count(t, "enrolment.counter.confirmed", "refused"); n != 6 {
			t.Errorf("%d of 6 attempts are in the log", n)
		}
		colleague := h.Officer(t, office.Approver, h.Here)
		list := Must[[]counter.Counter](t)(h.List(t.Context(), colleague))
		if len(list) != 1 || !list[0].ConfirmedAt.IsZero() || list[0].Mine || list[0].Fingerprint != reader.Fingerprint(m.Key.Public().(ed25519.PublicKey)) {
			t.Fatalf("%+v", list)
		}
		if list = Must[[]counter.Counter](t)(h.List(t.Context(), again)); !list[0].Mine {
			t.Fatalf("%+v", list)
		}
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { errs[i] = h.Confirm(t.Context(), colleague, m.ID) })
		}
		wg.Wait()
		if n := h.Count(t, "enrolment.counter.confirmed", ""); n != 1 {
			t.Fatalf("confirmed %d times: %v", n, errs)
		}
		n := Must[counter.Nonce](t)(h.NewNonce(t.Context(), by, m.ID, twoFingers))
		Must[counter.Reading](t)(h.Accept(t.Context(), by, m.Sign(t, n, fingers())))
		// Ended before anybody confirmed it, it is not woken by that.
		late := h.PairAlone(t, by)
		if err := h.End(t.Context(), by, late.ID); err != nil {
			t.Fatal(err)
		}
		key(t, h.Confirm(t.Context(), colleague, late.ID), "enrolment.counter.none")
	})
}
