// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"crypto/ed25519"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"danh/audit"
	"danh/audit/tree"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
)

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// Whoever can write to the database or the folder is found out, and the first
// entry that she touched is named.
func TestTamperingIsFound(t *testing.T) {
	checkpoint := func(f *fixture) string { return filepath.Join(f.dir, "audit/tree/checkpoint") }
	type attack struct {
		name string
		do   func(t *testing.T, f *fixture)
		seq  int64  // of the first problem
		says string // part of any problem
	}
	alter := func(column, value string) attack {
		return attack{"alter " + column, func(t *testing.T, f *fixture) {
			f.exec(t, `UPDATE audit_entry SET `+column+` = `+value+` WHERE seq = 137`)
		}, 137, "altered"}
	}
	someone := "(SELECT w.id FROM audit_entry w WHERE w.seq = 3)"
	attacks := []attack{
		alter("at", "at + 1"), alter("actor_kind", "'system'"), alter("actor_account", someone), alter("actor_person", someone),
		alter("actor_partner", "'other'"), alter("actor_name", "'Công ty khác'"), alter("on_behalf_of", someone), alter("session", "'x'"),
		alter("action", "'population.matched'"), alter("purpose", "'purpose.other'"), alter("ground", "'consent:1'"),
		alter("fields", `'["name"]'`), alter("fields", `'["name"'`), alter("outcome", "'refused'"), alter("detail", `'{"a":"b"}'`), alter("salt", "leaf"),
		{"alter the number in the row", func(t *testing.T, f *fixture) { f.exec(t, `UPDATE audit_entry SET seq = 99999 WHERE seq = 137`) }, 137, "another number"},
		{"give the entry to somebody else", func(t *testing.T, f *fixture) {
			f.exec(t, `UPDATE audit_entry SET subject = `+someone+` WHERE seq = 137`)
		}, 137, "removed"},
		{"give entry and leaf to somebody else", func(t *testing.T, f *fixture) {
			f.exec(t, `UPDATE audit_leaf SET subject = `+someone+` WHERE seq = 137`)
			f.exec(t, `UPDATE audit_entry SET subject = `+someone+` WHERE seq = 137`)
		}, 137, "altered"},
		{"alter entry and leaf alike", func(t *testing.T, f *fixture) {
			f.exec(t, `UPDATE audit_entry SET leaf = (SELECT w.leaf FROM audit_entry w WHERE w.seq = 3) WHERE seq = 137`)
			f.exec(t, `UPDATE audit_leaf SET leaf = (SELECT w.leaf FROM audit_entry w WHERE w.seq = 3) WHERE seq = 137`)
		}, 137, "root of the latest checkpoint"},
		{"remove a row", func(t *testing.T, f *fixture) { f.exec(t, `DELETE FROM audit_entry WHERE seq = 137`) }, 137, "removed"},
		{"remove a row and its leaf", func(t *testing.T, f *fixture) {
			f.exec(t, `DELETE FROM audit_entry WHERE seq = 137`)
			f.exec(t, `DELETE FROM audit_leaf WHERE seq = 137`)
		}, 137, "missing"},
		{"remove a row and close the gap", func(t *testing.T, f *fixture) {
			f.exec(t, `DELETE FROM audit_entry WHERE seq = 137`)
			f.exec(t, `DELETE FROM audit_leaf WHERE seq = 137`)
			for n := 138; n < 400; n++ {
				f.exec(t, `UPDATE audit_leaf SET seq = seq - 1 WHERE seq = $1`, n)
				f.exec(t, `UPDATE audit_entry SET seq = seq - 1 WHERE seq = $1`, n)
			}
			f.exec(t, `UPDATE audit_sealer SET next_seq = 399 WHERE only_row = 1`)
		}, 137, "leaf is not the one in the tree"},
		{"pass a removal off as an erasure", func(t *testing.T, f *fixture) {
			f.exec(t, `DELETE FROM audit_entry WHERE seq = 137`)
			f.exec(t, `UPDATE audit_leaf SET subject = NULL, entry = NULL, erased_at = 1 WHERE seq = 137`)
		}, 137, "no erasure in the log covers it"},
		{"swap two rows", func(t *testing.T, f *fixture) {
			f.exec(t, `UPDATE audit_entry SET seq = CASE seq WHEN 137 THEN 251 ELSE 137 END WHERE seq IN (137, 251)`)
			f.exec(t, `UPDATE audit_leaf SET entry = NULL WHERE seq = 137`)
			f.exec(t, `UPDATE audit_leaf SET entry = (SELECT id FROM audit_entry WHERE seq = 137), subject = (SELECT subject FROM audit_entry WHERE seq = 137) WHERE seq = 137`)
			f.exec(t, `UPDATE audit_leaf SET entry = (SELECT id FROM audit_entry WHERE seq = 251), subject = (SELECT subject FROM audit_entry WHERE seq = 251) WHERE seq = 251`)
		}, 137, "altered"},
		{"swap two rows with their leaves", func(t *testing.T, f *fixture) {
			for _, s := range [][2]int{{137, -1}, {251, 137}, {-1, 251}} {
				f.exec(t, `UPDATE audit_leaf SET seq = $2 WHERE seq = $1`, s[0], s[1])
				f.exec(t, `UPDATE audit_entry SET seq = $2 WHERE seq = $1`, s[0], s[1])
			}
		}, 137, "leaf is not the one in the tree"},
		{"slip in a row that poses as numbered", func(t *testing.T, f *fixture) {
			f.record(t, 1)
			f.exec(t, `UPDATE audit_entry SET seq = 137 WHERE seq IS NULL`)
		}, 137, "added or moved"},
		{"cut the rows", func(t *testing.T, f *fixture) {
			f.exec(t, `DELETE FROM audit_entry WHERE seq >= 390`)
			f.exec(t, `DELETE FROM audit_leaf WHERE seq >= 390`)
			f.exec(t, `UPDATE audit_sealer SET next_seq = 390 WHERE only_row = 1`)
		}, 390, "rows end after 390"},
		{"cut rows and tree back to a former day", func(t *testing.T, f *fixture) {
			copyDir(t, filepath.Join(f.dir, "former"), filepath.Join(f.dir, "audit"))
			f.exec(t, `DELETE FROM audit_entry WHERE seq >= 300`)
			f.exec(t, `DELETE FROM audit_leaf WHERE seq >= 300`)
			f.exec(t, `UPDATE audit_sealer SET next_seq = 300 WHERE only_row = 1`)
		}, 300, "the tree was cut"},
		{"cut the tree back to a former day", func(t *testing.T, f *fixture) {
			copyDir(t, filepath.Join(f.dir, "former"), filepath.Join(f.dir, "audit"))
		}, 300, "the tree was cut"},
		{"forge a checkpoint over an altered log", func(t *testing.T, f *fixture) {
			_, key, _ := ed25519.GenerateKey(nil)
			s, err := tree.NewSigner("danh/audit", key)
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := os.ReadFile(checkpoint(f))
			text, _, _ := strings.Cut(string(raw), "\n\n")
			out, err := note.Sign(&note.Note{Text: text + "\n"}, s)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(checkpoint(f), out, 0o600); err != nil {
				t.Fatal(err)
			}
		}, -1, "not signed by a published key"},
		{"alter a signed checkpoint", func(t *testing.T, f *fixture) {
			raw, _ := os.ReadFile(checkpoint(f))
			if err := os.WriteFile(checkpoint(f), []byte(strings.Replace(string(raw), "\n400\n", "\n399\n", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, -1, "not signed by a published key"},
		{"alter a bundle of the tree", func(t *testing.T, f *fixture) {
			p := filepath.Join(f.dir, "audit/tree/tile/entries/000")
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			b[137*34+20] ^= 1
			if err := os.WriteFile(p, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}, 137, "leaf is not the one in the tree"},
		{"remove a bundle of the tree", func(t *testing.T, f *fixture) {
			if err := os.Remove(filepath.Join(f.dir, "audit/tree/tile/entries/000")); err != nil {
				t.Fatal(err)
			}
		}, 0, "missing or unreadable"},
		{"remove the checkpoint", func(t *testing.T, f *fixture) {
			if err := os.Remove(checkpoint(f)); err != nil {
				t.Fatal(err)
			}
		}, -1, "no checkpoint"},
		{"alter a kept checkpoint", func(t *testing.T, f *fixture) {
			f.exec(t, `UPDATE audit_checkpoint SET note = (SELECT w.note FROM audit_checkpoint w WHERE w.size = 400) WHERE size = 300`)
		}, -1, "kept checkpoint of size 300"},
	}
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		// One log for all attacks: each is undone by putting the tables back.
		f := open(t, d)
		f.record(t, 300)
		f.seal(t)
		copyDir(t, filepath.Join(f.dir, "audit"), filepath.Join(f.dir, "former"))
		f.clock.Advance(time.Hour)
		f.record(t, 100)
		f.seal(t)
		f.sound(t, 400)
		copyDir(t, filepath.Join(f.dir, "audit"), filepath.Join(f.dir, "whole"))
		tables := []string{"audit_entry", "audit_leaf", "audit_sealer", "audit_checkpoint"}
		for _, n := range tables {
			f.execAny(t, `CREATE TABLE kept_`+n+` AS SELECT * FROM `+n)
		}
		for _, a := range attacks {
			t.Run(a.name, func(t *testing.T) {
				defer func() {
					for _, n := range tables {
						f.execAny(t, `DELETE FROM `+n)
						f.execAny(t, `INSERT INTO `+n+` SELECT * FROM kept_`+n)
					}
					copyDir(t, filepath.Join(f.dir, "whole"), filepath.Join(f.dir, "audit"))
					f.sound(t, 400)
				}()
				a.do(t, f)
				r := f.verify(t)
				if r.OK() {
					t.Fatal("not found")
				}
				if r.Problems[0].Seq != a.seq {
					t.Errorf("the first problem is %q, want entry %d", r.Problems[0], a.seq)
				}
				var all []string
				for _, p := range r.Problems {
					all = append(all, p.String())
				}
				if !strings.Contains(strings.Join(all, "\n"), a.says) {
					t.Errorf("nothing says %q:\n%s", a.says, strings.Join(all, "\n"))
				}
			})
		}
	})
}

func (f *fixture) execAny(t testing.TB, query string) {
	t.Helper()
	err := f.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), query)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// With the signing key, a whole log can be written anew; a checkpoint that was
// kept elsewhere still tells.
func TestALogWrittenAnewWithTheKeyIsFoundByAKeptCheckpoint(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, schemas)
	f := open(t, d)
	f.record(t, 50)
	f.seal(t)
	h, err := f.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{`DELETE FROM audit_entry`, `DELETE FROM audit_leaf`, `DELETE FROM audit_checkpoint`} {
		f.exec(t, q)
	}
	f.exec(t, `UPDATE audit_sealer SET next_seq = 0 WHERE only_row = 1`)
	if err := os.RemoveAll(filepath.Join(f.dir, "audit")); err != nil {
		t.Fatal(err)
	}
	f.record(t, 60)
	f.seal(t)
	if r := f.verify(t); !r.OK() {
		t.Fatalf("the forger was clumsy: %v", r.Problems)
	}
	if r := f.verify(t, []byte(h.Note)); r.OK() || !strings.Contains(r.Problems[0].What, "former checkpoint") {
		t.Errorf("%v", r.Problems)
	}
}

func TestSealingStopsWhenRowsWereCut(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		f.record(t, 50)
		f.seal(t)
		f.exec(t, `DELETE FROM audit_entry WHERE seq >= 40`)
		f.exec(t, `DELETE FROM audit_leaf WHERE seq >= 40`)
		f.exec(t, `UPDATE audit_sealer SET next_seq = 40 WHERE only_row = 1`)
		f.record(t, 20)
		if err := f.Seal(t.Context()); err == nil {
			t.Error("the cut was sealed over")
		}
		if r := f.verify(t); r.OK() {
			t.Error("not found")
		}
	})
}

func TestProofOfAnEntry(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		people := f.record(t, 700)
		her := people[300]
		list, _, err := f.ListBySubject(t.Context(), audit.Query{Subject: her})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if _, err := f.FindProof(t.Context(), her, list[0].ID); !fault.Is(err, fault.Unavailable) {
			t.Errorf("before sealing: %v", err)
		}
		f.seal(t)
		if _, err := f.FindProof(t.Context(), people[1], list[0].ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("somebody else's entry: %v", err)
		}
		p, err := f.FindProof(t.Context(), her, list[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := p.JSON()
		if err != nil {
			t.Fatal(err)
		}
		key, err := f.VerifierKeys()
		if err != nil {
			t.Fatal(err)
		}
		got, err := audit.CheckProof(doc, key...)
		if err != nil || got.Index != 300 || got.Size != 700 || !strings.Contains(strings.Join(got.Entry, "\n"), "partner rice-bank") {
			t.Fatalf("%+v %v", got, err)
		}
		other := open(t, dbtest.Open(t, db.SQLite, schemas))
		foreign, _ := other.VerifierKeys()
		if _, err := audit.CheckProof(doc, foreign...); err != audit.ErrProofKey {
			t.Errorf("another log's key: %v", err)
		}
		forge := func(name string, change func(p *audit.Proof), want error) {
			var q audit.Proof
			if err := json.Unmarshal(doc, &q); err != nil {
				t.Fatal(err)
			}
			change(&q)
			b, _ := q.JSON()
			if _, err := audit.CheckProof(b, key...); err != want {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		forge("entry", func(p *audit.Proof) { p.Entry[5] += "x" }, audit.ErrProofEntry)
		forge("a line less", func(p *audit.Proof) { p.Entry = p.Entry[:len(p.Entry)-1] }, audit.ErrProofEntry)
		forge("salt", func(p *audit.Proof) { p.Salt[0] ^= 1 }, audit.ErrProofEntry)
		forge("a longer salt", func(p *audit.Proof) { p.Salt = append(p.Salt, 0) }, audit.ErrProofForm)
		forge("place", func(p *audit.Proof) { p.Index++ }, audit.ErrProofEntry)
		forge("path", func(p *audit.Proof) { p.Inclusion[2][0] ^= 1 }, audit.ErrProofEntry)
		forge("size", func(p *audit.Proof) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n700\n", "\n701\n", 1) }, audit.ErrProofKey)
		forge("two lines in one", func(p *audit.Proof) { p.Entry = []string{strings.Join(p.Entry, "\n")} }, audit.ErrProofForm)

		f.exec(t, `UPDATE audit_entry SET outcome = 'refused' WHERE seq = 300`)
		if _, err := f.FindProof(t.Context(), her, list[0].ID); err == nil {
			t.Error("an altered row got a proof")
		}
	})
}

func TestRetentionErasesContentAndKeepsTheProof(t *testing.T) {
	dbtest.Run(t, schemas, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		people := f.record(t, 2500)
		f.seal(t)
		f.clock.Set(time.Date(2031, 11, 20, 0, 0, 0, 0, time.UTC))
		purge := audit.Purges()[0]
		if n, err := purge.RunOnce(t.Context(), d, f.clock.Now()); err != nil || n != 0 {
			t.Fatalf("a day early: %d %v", n, err)
		}
		f.record(t, 5)
		f.seal(t)
		f.clock.Advance(72 * time.Hour)
		if n, err := purge.RunOnce(t.Context(), d, f.clock.Now()); err != nil || n != 2500 {
			t.Fatalf("%d %v", n, err)
		}
		if list, _, _ := f.ListBySubject(t.Context(), audit.Query{Subject: people[7]}); len(list) != 0 {
			t.Error("an entry was left")
		}
		f.sound(t, 2505) // the erasure itself is not sealed yet
		f.seal(t)
		if r := f.sound(t, 2507); r.Erased != 2500 || r.Checked != 7 {
			t.Errorf("%+v", r)
		}
		// Erasures are kept, so that the log verifies in ten years too.
		f.clock.Set(time.Date(2041, 11, 20, 0, 0, 0, 0, time.UTC))
		if n, err := purge.RunOnce(t.Context(), d, f.clock.Now()); err != nil || n != 5 {
			t.Fatalf("%d %v", n, err)
		}
		f.seal(t)
		f.sound(t, 2508)
		if n, err := f.Rebuild(t.Context()); err != nil || n != 2508 {
			t.Fatal(n, err)
		}
		f.sound(t, 2508)
	})
}

func TestRetentionRules(t *testing.T) {
	for i, r := range audit.Rules {
		if r.Source == "" || r.Verified.IsZero() || r.Years < 1 {
			t.Errorf("rule %d is incomplete", i)
		}
		if i > 0 && audit.Rules[i-1].ValidTo != r.ValidFrom {
			t.Errorf("rule %d does not begin where the former ends", i)
		}
	}
	if _, ok := audit.RuleOn(clock.Date{Year: 2026, Month: 11, Day: 21}); !ok {
		t.Error("no rule today")
	}
	if _, ok := audit.RuleOn(clock.Date{Year: 2022, Month: 10, Day: 19}); ok {
		t.Error("a rule before the first")
	}
}

func TestIsLook(t *testing.T) {
	for a, want := range map[string]bool{"population.read": true, "population.matched": true, "account.opened": false, "bread": false, "x.unread": false} {
		if audit.IsLook(a) != want {
			t.Errorf("%s: %v", a, !want)
		}
	}
	_ = id.Person{}
}
