// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/keys"
)

func open(t *testing.T, dir, pass string, c clock.Clock) *keys.Store {
	t.Helper()
	s, err := keys.Open(keys.Config{Dir: dir, Passphrase: pass, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeysSurviveRestart(t *testing.T) {
	for _, pass := range []string{"", "một câu dài"} {
		dir := filepath.Join(t.TempDir(), "keys")
		a := open(t, dir, pass, clock.System())
		b := open(t, dir, pass, clock.System())
		for _, p := range keys.Purposes {
			ka, _ := a.Signer(p)
			kb, _ := b.Signer(p)
			if ka == "" || ka != kb {
				t.Fatalf("%s: %q then %q", p, ka, kb)
			}
		}
		sa, err := a.Secret("kek", 32)
		if err != nil {
			t.Fatal(err)
		}
		sb, err := open(t, dir, pass, clock.System()).Secret("kek", 32)
		if err != nil || string(sa) != string(sb) {
			t.Fatal("the secret changed", err)
		}
	}
}

func TestFilesOthersCanReadAreRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	open(t, dir, "", clock.System())
	all, _ := filepath.Glob(filepath.Join(dir, "*.key"))
	if len(all) != len(keys.Purposes) {
		t.Fatalf("%d key files", len(all))
	}
	if err := os.Chmod(all[0], 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(keys.Config{Dir: dir, Clock: clock.System()}); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Fatalf("got %v", err)
	}
}

func TestWrongPassphraseIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	open(t, dir, "right", clock.System())
	for _, pass := range []string{"wrong", ""} {
		_, err := keys.Open(keys.Config{Dir: dir, Passphrase: pass, Clock: clock.System()})
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "passphrase") {
			t.Fatalf("passphrase %q: %v", pass, err)
		}
	}
	raw, _ := filepath.Glob(filepath.Join(dir, "*.key"))
	b, err := os.ReadFile(raw[0])
	if err != nil || strings.Contains(string(b), "pkcs8") {
		t.Fatal("a sealed key lies open", err)
	}
}

func TestRotationOverlaps(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC))
	dir := filepath.Join(t.TempDir(), "keys")
	s := open(t, dir, "", c)
	old, _ := s.Signer(keys.IDToken)
	next, err := s.Rotate(keys.IDToken, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Signer(keys.IDToken); got != old || len(s.Public(keys.IDToken)) != 2 {
		t.Fatal("the next key signs before it was published long enough")
	}
	c.Advance(time.Hour)
	if got, _ := s.Signer(keys.IDToken); got != next || len(s.Public(keys.IDToken)) != 2 {
		t.Fatal("the next key does not sign, or the former one vanished at once")
	}
	c.Advance(25 * time.Hour)
	if p := s.Public(keys.IDToken); len(p) != 1 || p[0].KID != next {
		t.Fatalf("published %v", p)
	}
	if got, _ := open(t, dir, "", c).Signer(keys.IDToken); got != next {
		t.Fatal("a restart signs with another key")
	}
}

func TestSealingOpenKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	a := open(t, dir, "", clock.System())
	kid, _ := a.Signer(keys.AccessToken)
	kek, err := a.Secret("kek", 32)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Seal(dir, ""); err == nil {
		t.Fatal("sealed with nothing")
	}
	if n, err := keys.Seal(dir, "một câu dài"); err != nil || n != len(keys.Purposes)+1 {
		t.Fatal(n, err)
	}
	b := open(t, dir, "một câu dài", clock.System())
	if got, _ := b.Signer(keys.AccessToken); got != kid {
		t.Fatal("another key")
	}
	if got, err := b.Secret("kek", 32); err != nil || string(got) != string(kek) {
		t.Fatal("another secret", err)
	}
	if _, err := keys.Open(keys.Config{Dir: dir, Clock: clock.System()}); err == nil {
		t.Fatal("sealed keys opened without the passphrase")
	}
	if _, err := keys.Seal(dir, "x"); err == nil {
		t.Fatal("sealed twice")
	}
}

// A seal outlives its key: the public half of a former one can still be had,
// and nothing signs with it any more.
func TestAFormerKeyIsStillKnown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	fake := clock.NewFake(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	s, err := keys.Open(keys.Config{Dir: dir, Clock: fake})
	if err != nil {
		t.Fatal(err)
	}
	old, _ := s.Signer(keys.FormSeal)
	if _, err := s.Rotate(keys.FormSeal, 0); err != nil {
		t.Fatal(err)
	}
	if got := s.Former(keys.FormSeal); len(got) != 0 {
		t.Errorf("%d are former within the overlap", len(got))
	}
	fake.Advance(48 * time.Hour)
	again, err := keys.Open(keys.Config{Dir: dir, Clock: fake})
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]*keys.Store{"running": s, "after a start": again} {
		got, published := x.Former(keys.FormSeal), x.Public(keys.FormSeal)
		if len(got) != 1 || got[0].KID != old || len(published) != 1 || published[0].KID == old {
			t.Errorf("%s: %v, %v", name, got, published)
		}
		if now, _ := x.Signer(keys.FormSeal); now == old {
			t.Errorf("%s: the former key signs", name)
		}
	}
}
