// SPDX-License-Identifier: Apache-2.0

// Package keys owns the signing keys (one purpose per key) and the stable
// secrets of an installation: files in the data folder, made at first start,
// readable by their owner alone, sealed by a passphrase where one is given.
//
// It refuses to start over files that others can read, and signs and verifies
// a sample with every key before it hands it out. A rotation publishes the
// next key before it signs and keeps the former one published until what it
// signed has expired, so that no partner ever meets an unknown key.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"golang.org/x/crypto/argon2"

	"danh/internal/clock"
)

// Purpose says what a key signs; a key never serves two.
type Purpose string

// The purposes.
const (
	IDToken     Purpose = "id-token"     // ES256
	AccessToken Purpose = "access-token" // ES256
	Checkpoint  Purpose = "checkpoint"   // Ed25519: checkpoints of the audit log

	Response  Purpose = "authorization-response" // ES256: answers that a browser carries to a client
	Statement Purpose = "software-statement"     // ES256: what an approved party may register by itself

	CSCA           Purpose = "csca"            // ES256: certificates of document signers
	DocumentSigner Purpose = "document-signer" // ES256: security objects of chips
	FormSeal       Purpose = "form-seal"       // ES256: seals over forms

	VAPID Purpose = "vapid" // ES256: who we are at push services (RFC 8292)

	Authority Purpose = "authority" // ES256: certificates of this installation's own servers
)

// Purposes lists all of them.
var Purposes = []Purpose{IDToken, AccessToken, Response, Statement, Checkpoint, CSCA, DocumentSigner, FormSeal, VAPID, Authority}

// Config says where the keys live.
type Config struct {
	Dir        string        // the folder; made with mode 0700 when missing
	Passphrase string        // seals the files; empty leaves them open, and start-up says so
	Overlap    time.Duration // how long a former key stays published; 0 means 24 h
	Clock      clock.Clock
	Log        *slog.Logger
}

// PublicKey is one published key.
type PublicKey struct {
	KID       string
	Key       crypto.PublicKey
	NotBefore time.Time // when it begins to sign
	NotAfter  time.Time // when it is no longer published; zero while it has no successor
}

// Store is the installation's keys. It is safe for concurrent use.
type Store struct {
	c       Config
	box     *subtle.AESGCM // nil without a passphrase
	mu      sync.RWMutex
	keys    map[Purpose][]*key // oldest first
	former  map[Purpose][]*key
	secrets map[string][]byte
}

type key struct {
	KID       string    `json:"kid"`
	Purpose   Purpose   `json:"purpose"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	PKCS8     []byte    `json:"pkcs8"`
	signer    crypto.Signer
}

// Open reads the keys, making what is missing.
func Open(c Config) (*Store, error) {
	if c.Overlap == 0 {
		c.Overlap = 24 * time.Hour
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the key folder: %w", err)
	}
	if err := private(c.Dir); err != nil {
		return nil, err
	}
	s := &Store{c: c, keys: map[Purpose][]*key{}, former: map[Purpose][]*key{}, secrets: map[string][]byte{}}
	if c.Passphrase != "" {
		if err := s.openBox(); err != nil {
			return nil, err
		}
	} else if c.Log != nil {
		c.Log.Warn("keys lie open in the data folder: whoever copies it can sign as this server; set DANH_PASSPHRASE", "folder", c.Dir)
	}
	for _, p := range Purposes {
		if err := s.load(p); err != nil {
			return nil, err
		}
		if len(s.keys[p]) == 0 {
			if _, err := s.make(p, c.Clock.Now()); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func private(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be read by others (mode %04o): run chmod go-rwx on it", path, st.Mode().Perm())
	}
	return nil
}

// openBox derives the sealing key from the passphrase: Argon2id, t=3, 64 MiB,
// with a salt kept beside the keys.
func (s *Store) openBox() error {
	path := filepath.Join(s.c.Dir, "salt")
	salt, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if all, _ := filepath.Glob(filepath.Join(s.c.Dir, "*.key")); len(all) > 0 {
			return errors.New("a passphrase is set, but the keys in the folder were made without one: unset DANH_PASSPHRASE, or seal them with danh keys seal")
		}
		salt = make([]byte, 16)
		rand.Read(salt)
		err = write(path, salt)
	}
	if err != nil {
		return fmt.Errorf("read the salt: %w", err)
	}
	s.box, err = subtle.NewAESGCM(argon2.IDKey([]byte(s.c.Passphrase), salt, 3, 64<<10, 1, 32))
	return err
}

// write keeps a file whole: a crash leaves the old one or the new one.
func write(path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (s *Store) writeSealed(name string, b []byte) error {
	if s.box != nil {
		var err error
		if b, err = s.box.Encrypt(b, []byte(name)); err != nil {
			return err
		}
	}
	return write(filepath.Join(s.c.Dir, name), b)
}

func (s *Store) readSealed(name string) ([]byte, error) {
	path := filepath.Join(s.c.Dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := private(path); err != nil {
		return nil, err
	}
	if s.box != nil {
		if b, err = s.box.Decrypt(b, []byte(name)); err != nil {
			return nil, fmt.Errorf("%s does not open: the passphrase is wrong, or the file is damaged", path)
		}
	}
	return b, nil
}

func (s *Store) load(p Purpose) error {
	found, err := filepath.Glob(filepath.Join(s.c.Dir, string(p)+".*.key"))
	if err != nil {
		return err
	}
	for _, f := range found {
		b, err := s.readSealed(filepath.Base(f))
		if err != nil {
			return err
		}
		var k key
		if err := json.Unmarshal(b, &k); err != nil {
			return fmt.Errorf("%s is no key file; if it is sealed, set DANH_PASSPHRASE", f)
		}
		if k.Purpose != p {
			return fmt.Errorf("%s holds a key for another purpose", f)
		}
		if err := k.open(); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		if !k.NotAfter.IsZero() && s.c.Clock.Now().After(k.NotAfter) {
			s.former[p] = append(s.former[p], &k)
			continue
		}
		s.keys[p] = append(s.keys[p], &k)
	}
	slices.SortFunc(s.keys[p], func(a, b *key) int { return a.NotBefore.Compare(b.NotBefore) })
	return nil
}

// open reads the private key and proves that it signs.
func (k *key) open() error {
	raw, err := x509.ParsePKCS8PrivateKey(k.PKCS8)
	if err != nil {
		return fmt.Errorf("read private key: %w", err)
	}
	sample := sha256.Sum256([]byte("danh key self-test " + k.KID))
	switch v := raw.(type) {
	case *ecdsa.PrivateKey:
		sig, err := v.Sign(rand.Reader, sample[:], crypto.SHA256)
		if err != nil || !ecdsa.VerifyASN1(&v.PublicKey, sample[:], sig) {
			return errors.New("the key fails its self-test")
		}
		k.signer = v
	case ed25519.PrivateKey:
		if !ed25519.Verify(v.Public().(ed25519.PublicKey), sample[:], ed25519.Sign(v, sample[:])) {
			return errors.New("the key fails its self-test")
		}
		k.signer = v
	default:
		return fmt.Errorf("keys of type %T are not used here", raw)
	}
	return nil
}

func (s *Store) make(p Purpose, from time.Time) (*key, error) {
	var priv any
	var err error
	if p == Checkpoint {
		_, priv, err = ed25519.GenerateKey(rand.Reader)
	} else {
		priv, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	pub, err := x509.MarshalPKIXPublicKey(priv.(crypto.Signer).Public())
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	sum := sha256.Sum256(pub)
	k := &key{KID: base64.RawURLEncoding.EncodeToString(sum[:12]), Purpose: p, NotBefore: from.UTC(), PKCS8: der}
	if err := k.open(); err != nil {
		return nil, err
	}
	if err := s.save(k); err != nil {
		return nil, err
	}
	s.keys[p] = append(s.keys[p], k)
	return k, nil
}

func (s *Store) save(k *key) error {
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := s.writeSealed(fmt.Sprintf("%s.%s.key", k.Purpose, k.KID), b); err != nil {
		return fmt.Errorf("keep key: %w", err)
	}
	return nil
}

// Signer gives the key that signs for a purpose.
func (s *Store) Signer(p Purpose) (kid string, signer crypto.Signer) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := s.active(p)
	return k.KID, k.signer
}

// SignerOf gives one key of a purpose by its name, also a former one that lies
// in the folder still: for what is bound to the key under which it was begun.
func (s *Store) SignerOf(p Purpose, kid string) (crypto.Signer, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, list := range [][]*key{s.keys[p], s.former[p]} {
		for _, k := range list {
			if k.KID == kid {
				return k.signer, true
			}
		}
	}
	return nil, false
}

func (s *Store) active(p Purpose) *key {
	now := s.c.Clock.Now()
	list := s.keys[p]
	for i := len(list) - 1; i > 0; i-- {
		if !list[i].NotBefore.After(now) {
			return list[i]
		}
	}
	return list[0]
}

// Public lists what is published for a purpose: the active key, the next one
// and former ones within the overlap.
func (s *Store) Public(p Purpose) []PublicKey {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.c.Clock.Now()
	var out []PublicKey
	for _, k := range s.keys[p] {
		if k.NotAfter.IsZero() || now.Before(k.NotAfter) {
			out = append(out, k.public())
		}
	}
	return out
}

func (k *key) public() PublicKey {
	return PublicKey{KID: k.KID, Key: k.signer.Public(), NotBefore: k.NotBefore, NotAfter: k.NotAfter}
}

// Former lists what was published for a purpose once and lies in the folder
// still: what it signed may be older than its overlap. Whoever stops believing
// a key takes its file away.
func (s *Store) Former(p Purpose) []PublicKey {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.c.Clock.Now()
	var out []PublicKey
	for _, k := range s.former[p] {
		out = append(out, k.public())
	}
	for _, k := range s.keys[p] {
		if !k.NotAfter.IsZero() && !now.Before(k.NotAfter) {
			out = append(out, k.public())
		}
	}
	return out
}

// Rotate makes the next key of a purpose. It is published at once, signs after
// lead, and the former key leaves the published set an overlap later. Other
// servers on the same folder see it when they start anew.
func (s *Store) Rotate(p Purpose, lead time.Duration) (kid string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.c.Clock.Now().Add(lead)
	old := slices.Clone(s.keys[p])
	k, err := s.make(p, from)
	if err != nil {
		return "", err
	}
	for _, o := range old {
		if o.NotAfter.IsZero() {
			o.NotAfter = from.Add(s.c.Overlap).UTC()
			if err := s.save(o); err != nil {
				return "", err
			}
		}
	}
	return k.KID, nil
}

// Secret gives a stable secret of n bytes, made when it is first asked for.
func (s *Store) Secret(name string, n int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.secrets[name]; b != nil {
		return b, nil
	}
	if strings.ContainsAny(name, "./\\*") {
		return nil, fmt.Errorf("no secret can be named %q", name)
	}
	file := name + ".secret"
	b, err := s.readSealed(file)
	if errors.Is(err, os.ErrNotExist) {
		b = make([]byte, n)
		rand.Read(b)
		err = s.writeSealed(file, b)
	}
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", name, err)
	}
	if len(b) != n {
		return nil, fmt.Errorf("secret %s has %d bytes, not %d; if it is sealed, set DANH_PASSPHRASE", name, len(b), n)
	}
	s.secrets[name] = b
	return b, nil
}
