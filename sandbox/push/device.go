// SPDX-License-Identifier: Apache-2.0

package push

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// Device is a browser's end of Web Push: it subscribes at a push service with a
// key of its own and opens what was pushed (RFC 8291).
type Device struct {
	Endpoint string
	Auth     []byte // shared with the sender
	key      *ecdh.PrivateKey
	receive  string
	client   *http.Client
}

// NewDevice makes a device with given keys, for published test values.
func NewDevice(private, auth []byte) (*Device, error) {
	k, err := ecdh.P256().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	return &Device{key: k, Auth: auth, client: http.DefaultClient}, nil
}

var pushLink = regexp.MustCompile(`<([^>]+)>\s*;\s*rel="urn:ietf:params:push"`)

// Join subscribes a device at a push service for one sender's key, an uncompressed point.
func Join(client *http.Client, service string, sender []byte) (*Device, error) {
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	d := &Device{key: k, Auth: make([]byte, 16), client: client}
	rand.Read(d.Auth)
	options, err := json.Marshal(map[string]string{"vapid": base64.RawURLEncoding.EncodeToString(sender)})
	if err != nil {
		return nil, err
	}
	a, err := client.Post(service+"/subscribe", "application/webpush-options+json", bytes.NewReader(options))
	if err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	defer a.Body.Close()
	link := pushLink.FindStringSubmatch(a.Header.Get("Link"))
	if a.StatusCode != http.StatusCreated || link == nil {
		return nil, fmt.Errorf("subscribe: status %d", a.StatusCode)
	}
	d.Endpoint, d.receive = link[1], a.Header.Get("Location")
	return d, nil
}

// Key is the device's public key, an uncompressed point.
func (d *Device) Key() []byte { return d.key.PublicKey().Bytes() }

// JSON is what PushSubscription.toJSON gives a page.
func (d *Device) JSON() string {
	b64 := base64.RawURLEncoding.EncodeToString
	b, _ := json.Marshal(map[string]any{"endpoint": d.Endpoint, "expirationTime": nil, "keys": map[string]string{"p256dh": b64(d.Key()), "auth": b64(d.Auth)}})
	return string(b)
}

// Leave gives the subscription up.
func (d *Device) Leave() error {
	r, err := http.NewRequest(http.MethodDelete, d.receive, nil)
	if err != nil {
		return err
	}
	a, err := d.client.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusNoContent {
		return fmt.Errorf("leave: status %d", a.StatusCode)
	}
	return nil
}

// Pushed is an opened push.
type Pushed struct {
	Message
	Text string
}

// Read fetches and opens what was pushed so far, oldest first.
func (d *Device) Read() ([]Pushed, error) {
	a, err := d.client.Get(d.receive)
	if err != nil {
		return nil, fmt.Errorf("read pushes: %w", err)
	}
	defer a.Body.Close()
	var list struct{ Messages []Message }
	if err := json.NewDecoder(a.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("read pushes: %w", err)
	}
	var out []Pushed
	for _, m := range list.Messages {
		text, err := d.Open(m.Body)
		if err != nil {
			return nil, err
		}
		out = append(out, Pushed{m, string(text)})
	}
	return out, nil
}

var errSealed = errors.New("the push cannot be opened with this device's keys")

// Open opens one push: RFC 8291, section 4, over RFC 8188 with one record.
func (d *Device) Open(body []byte) ([]byte, error) {
	if len(body) < 21 {
		return nil, errSealed
	}
	salt, size, n := body[:16], binary.BigEndian.Uint32(body[16:20]), int(body[20])
	if n != 65 || len(body) < 21+n+17 || uint64(len(body)-21-n) > uint64(size) {
		return nil, errSealed
	}
	sender, sealed := body[21:21+n], body[21+n:]
	other, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, errSealed
	}
	shared, err := d.key.ECDH(other)
	if err != nil {
		return nil, errSealed
	}
	ikm, err := hkdf.Key(sha256.New, shared, d.Auth, "WebPush: info\x00"+string(d.Key())+string(sender), 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	box, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := box.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, errSealed
	}
	// The last record ends with 2 and zeroes (RFC 8188, section 2).
	plain = []byte(strings.TrimRight(string(plain), "\x00"))
	if len(plain) == 0 || plain[len(plain)-1] != 2 {
		return nil, errSealed
	}
	return plain[:len(plain)-1], nil
}
