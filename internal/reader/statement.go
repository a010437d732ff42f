// SPDX-License-Identifier: Apache-2.0

// Package reader owns the words between a counter's reader and the console:
// what is asked of a reader, and the statement that it signs over what it read.
//
// A statement binds the counter, the server's nonce, what was asked, the
// device and the digest of every file in one Ed25519 signature. It refuses a
// file that is not listed, a list without its file, and anything that does not
// come back byte for byte. It says who read and nothing about truth: a chip
// proves itself, and a picture is a picture.
package reader

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// What can be asked of a reader.
const (
	Chip     = "chip"
	Finger   = "finger"
	Portrait = "portrait"
)

// Want is what is asked. Dossier and Visit are keys of what it is asked for;
// they bind a reading to its purpose and name nobody.
type Want struct {
	Kind      string `json:"kind"`
	Positions []int  `json:"positions,omitempty"` // of fingers, 1 to 10 (ISO/IEC 19794-2, table 2)
	Dossier   string `json:"dossier,omitempty"`
	Visit     string `json:"visit,omitempty"`
}

// MaxKey bounds the keys that a Want carries.
const MaxKey = 64

// ErrWant says that something is asked that no reader can do.
var ErrWant = errors.New("reader: asked for what is no reading")

// Check refuses a Want that means nothing.
func (w Want) Check() error {
	if len(w.Dossier) > MaxKey || len(w.Visit) > MaxKey {
		return fmt.Errorf("%w: a key is too long", ErrWant)
	}
	switch w.Kind {
	case Chip, Portrait:
		if len(w.Positions) > 0 {
			return fmt.Errorf("%w: positions are of fingers", ErrWant)
		}
	case Finger:
		if len(w.Positions) == 0 || len(w.Positions) > 10 {
			return fmt.Errorf("%w: one to ten fingers", ErrWant)
		}
		for i, p := range w.Positions {
			if p < 1 || p > 10 || slices.Contains(w.Positions[:i], p) {
				return fmt.Errorf("%w: fingers are 1 to 10, each once", ErrWant)
			}
		}
	default:
		return fmt.Errorf("%w: kind", ErrWant)
	}
	return nil
}

// Equal reports whether two ask for the same.
func (w Want) Equal(o Want) bool {
	return w.Kind == o.Kind && w.Dossier == o.Dossier && w.Visit == o.Visit && slices.Equal(w.Positions, o.Positions)
}

// Device is what read.
type Device struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// File is a file that was read, by name: "sod", "dg1", "finger-2", "portrait".
type File struct {
	Name   string `json:"name"`
	SHA256 []byte `json:"sha256"`
}

// Statement is what a reader signs.
type Statement struct {
	Version int       `json:"version"`
	Counter string    `json:"counter"`
	Nonce   []byte    `json:"nonce"`
	Want    Want      `json:"want"`
	Device  Device    `json:"device"`
	Agent   string    `json:"agent"`
	At      time.Time `json:"at"` // by the counter's clock, for the record only
	Answer  []byte    `json:"answer,omitempty"`
	Files   []File    `json:"files"`
}

// envelope is what travels: the statement's own octets, so that nobody needs to
// agree on how JSON is written, then the files.
type envelope struct {
	Statement []byte            `json:"statement"`
	Signature []byte            `json:"signature"`
	Files     map[string][]byte `json:"files"`
}

// Bounds of what is taken in: a chip's files, or ten fingers at 500 dpi.
const (
	MaxStatement = 32 << 20 // of the whole envelope
	MaxFile      = 8 << 20
	MaxFiles     = 20
	maxName      = 120
	version      = 1
)

// MediaType names a signed statement.
const MediaType = "application/vnd.danh.reading+json"

// ErrForm says that a document is no statement; ErrSignature that the key did
// not sign it; ErrContent that the files are not those that were signed.
var (
	ErrForm      = errors.New("reader: not a statement in its form")
	ErrSignature = errors.New("reader: the key did not sign this statement")
	ErrContent   = errors.New("reader: the files are not those that were signed")
)

// context separates these signatures from any other use of a key.
const context = "danh/reader/statement/1\x00"

var fileName = regexp.MustCompile(`^(com|sod|dg[1-9]|dg1[0-6]|finger-([1-9]|10)|portrait)$`)

// Sign makes the document that a reader hands in.
func Sign(key ed25519.PrivateKey, s Statement, files map[string][]byte) ([]byte, error) {
	s.Version, s.Files = version, make([]File, 0, len(files))
	for name, f := range files {
		d := sha256.Sum256(f)
		s.Files = append(s.Files, File{name, d[:]})
	}
	slices.SortFunc(s.Files, func(a, b File) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	if err := s.check(); err != nil {
		return nil, err
	}
	octets, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write statement: %w", err)
	}
	return json.Marshal(envelope{Statement: octets, Signature: ed25519.Sign(key, message(octets)), Files: files})
}

func message(octets []byte) []byte { return append([]byte(context), octets...) }

func (s Statement) check() error {
	switch {
	case s.Version != version:
		return fmt.Errorf("%w: version", ErrForm)
	case s.Counter == "" || len(s.Counter) > MaxKey || len(s.Nonce) != NonceSize:
		return fmt.Errorf("%w: counter or nonce", ErrForm)
	case !plain(s.Device.Name) || !plain(s.Device.Version) || !plain(s.Agent) || s.Device.Name == "":
		return fmt.Errorf("%w: device", ErrForm)
	case len(s.Answer) > 512 || len(s.Files) == 0 || len(s.Files) > MaxFiles:
		return fmt.Errorf("%w: files", ErrForm)
	case s.Want.Kind == Chip != (len(s.Answer) > 0):
		return fmt.Errorf("%w: a chip answers, and nothing else does", ErrForm)
	}
	if err := s.Want.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	for i, f := range s.Files {
		if !fileName.MatchString(f.Name) || len(f.SHA256) != sha256.Size || i > 0 && s.Files[i-1].Name >= f.Name {
			return fmt.Errorf("%w: list of files", ErrForm)
		}
	}
	return nil
}

func plain(s string) bool {
	if len(s) > maxName || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return false
		}
	}
	return true
}

// NonceSize is the length of a nonce.
const NonceSize = 32

// Signed is a statement as it came, its signature not yet asked for: which key
// must have signed it is read from it.
type Signed struct {
	Statement Statement
	Files     map[string][]byte
	octets    []byte
	signature []byte
}

// Parse reads a document and holds its files against its list.
func Parse(document []byte) (Signed, error) {
	if len(document) > MaxStatement {
		return Signed{}, fmt.Errorf("%w: too long", ErrForm)
	}
	var e envelope
	if err := strict(document, &e); err != nil {
		return Signed{}, err
	}
	s := Signed{Files: e.Files, octets: e.Statement, signature: e.Signature}
	if err := strict(e.Statement, &s.Statement); err != nil {
		return Signed{}, err
	}
	if err := s.Statement.check(); err != nil {
		return Signed{}, err
	}
	if len(e.Files) != len(s.Statement.Files) {
		return Signed{}, ErrContent
	}
	for _, f := range s.Statement.Files {
		b, ok := e.Files[f.Name]
		if !ok || len(b) == 0 || len(b) > MaxFile {
			return Signed{}, ErrContent
		}
		if d := sha256.Sum256(b); !bytes.Equal(d[:], f.SHA256) {
			return Signed{}, ErrContent
		}
	}
	return s, nil
}

// Verify asks whether a key signed the statement.
func (s Signed) Verify(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, message(s.octets), s.signature) {
		return ErrSignature
	}
	return nil
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows", ErrForm)
	}
	return nil
}

// Fingers are the positions whose pictures came.
func (s Statement) Fingers() []int {
	var out []int
	for _, f := range s.Files {
		var p int
		if n, err := fmt.Sscanf(f.Name, "finger-%d", &p); err == nil && n == 1 {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}
