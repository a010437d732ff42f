// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"danh/internal/reader"
)

// Identity is which counter this is, to which console, by which key.
type Identity struct {
	Counter string `json:"counter"`
	Name    string `json:"name"`
	Office  string `json:"office"`
	Origin  string `json:"origin"` // of the console; no other is answered
	Seed    []byte `json:"seed"`   // Ed25519, secret
}

// Key is the counter's signing key.
func (i Identity) Key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(i.Seed) }

// Fingerprint is what people compare of the key.
func (i Identity) Fingerprint() string {
	return reader.Fingerprint(i.Key().Public().(ed25519.PublicKey))
}

const identityFile = "reader.json"

// ErrUnpaired says that the folder holds no identity.
var ErrUnpaired = errors.New("this reader is not paired with a console")

// Load reads the identity of a folder.
func Load(dir string) (Identity, error) {
	var i Identity
	b, err := os.ReadFile(filepath.Join(dir, identityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return i, ErrUnpaired
	}
	if err != nil {
		return i, fmt.Errorf("read identity: %w", err)
	}
	if err := json.Unmarshal(b, &i); err != nil || len(i.Seed) != ed25519.SeedSize || i.Counter == "" || i.Origin == "" {
		return Identity{}, fmt.Errorf("%s is damaged; pair this reader again", filepath.Join(dir, identityFile))
	}
	return i, nil
}

// save writes the identity whole or not at all, for its owner alone.
func (i Identity) save(dir string) error {
	b, err := json.Marshal(i)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	f, err := os.CreateTemp(dir, identityFile+".*")
	if err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	return os.Rename(f.Name(), filepath.Join(dir, identityFile))
}

// Forget removes a folder's identity. The console is told by an officer, who
// ends the counter there.
func Forget(dir string) error {
	err := os.Remove(filepath.Join(dir, identityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrUnpaired
	}
	return err
}

// PairPath is where a console takes pairings.
const PairPath = "/counters/pair"

// ErrCode says that the console refused the code.
var ErrCode = errors.New("the console refused the code: it is wrong, was used, or is older than ten minutes; an officer asks for another on the page Counters")

// Pair makes a key, has the console take it under an officer's code, and keeps
// the identity in the folder. A plain connection is refused beyond this machine.
func Pair(ctx context.Context, client *http.Client, dir, console, code, name string) (Identity, error) {
	u, err := url.Parse(strings.TrimRight(console, "/"))
	if err != nil || u.Host == "" || u.Path != "" || u.Scheme != "http" && u.Scheme != "https" {
		return Identity{}, errors.New("the console is named as in the browser, e.g. https://console.example")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return Identity{}, errors.New("the console is reached by https only: over a plain line anybody could put his own key in place of yours")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Identity{}, err
	}
	body, err := json.Marshal(reader.Pairing{Code: code, Name: name, Key: public})
	if err != nil {
		return Identity{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String()+PairPath, bytes.NewReader(body))
	if err != nil {
		return Identity{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return Identity{}, fmt.Errorf("reach the console: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return Identity{}, fmt.Errorf("reach the console: %w", err)
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusCreated:
	case http.StatusForbidden:
		return Identity{}, ErrCode
	default:
		return Identity{}, fmt.Errorf("the console answered %s", res.Status)
	}
	var p reader.Paired
	if err := json.Unmarshal(answer, &p); err != nil || p.Counter == "" || !isOrigin(p.Origin) {
		return Identity{}, errors.New("the console's answer is not understood; is it the officer console?")
	}
	i := Identity{Counter: p.Counter, Name: name, Office: p.Office, Origin: p.Origin, Seed: private.Seed()}
	return i, i.save(dir)
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.Scheme+"://"+u.Host == s
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
