// SPDX-License-Identifier: Apache-2.0

package push_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"danh/sandbox/push"
)

func b64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPublishedValues opens the example of RFC 8291, section 5 and appendix A.
func TestPublishedValues(t *testing.T) {
	d, err := push.NewDevice(b64(t, "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), b64(t, "BTBZMqHH6r4Tts7J_aSIgg"))
	if err != nil {
		t.Fatal(err)
	}
	if got := base64.RawURLEncoding.EncodeToString(d.Key()); got != "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4" {
		t.Errorf("public key %s", got)
	}
	body := b64(t, "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	text, err := d.Open(body)
	if err != nil || string(text) != "When I grow up, I want to be a watermelon" {
		t.Errorf("opened as %q, %v", text, err)
	}
	for i := range body { // every byte of it counts, except the size of records that a single one need not fill
		if i >= 16 && i < 20 {
			continue
		}
		spoiled := bytes.Clone(body)
		spoiled[i] ^= 1
		if text, err := d.Open(spoiled); err == nil {
			t.Fatalf("opened with byte %d altered: %q", i, text)
		}
	}
}

func FuzzOpen(f *testing.F) {
	d, err := push.NewDevice(bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{1}, 16))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(append(bytes.Repeat([]byte{0}, 16), 0, 0, 16, 0, 65), d.Key()...))
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if text, err := d.Open(body); err == nil {
			t.Errorf("opened %x as %q", body, text)
		}
	})
}

// TestForgedSenders: what RFC 8292 lets a push service refuse is refused.
func TestForgedSenders(t *testing.T) {
	s := push.New(push.Config{})
	server := httptest.NewServer(s)
	defer server.Close()
	mine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := mine.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	d, err := push.Join(server.Client(), server.URL, point)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherPoint, err := other.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	send := func(key *ecdsa.PrivateKey, k []byte, aud, sub string, exp time.Time, header ...string) int {
		t.Helper()
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.Signed(signer).Claims(jwt.Claims{Audience: jwt.Audience{aud}, Subject: sub, Expiry: jwt.NewNumericDate(exp)}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest("POST", d.Endpoint, bytes.NewReader([]byte("x")))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "vapid t="+token+", k="+base64.RawURLEncoding.EncodeToString(k))
		r.Header.Set("TTL", "60")
		r.Header.Set("Content-Encoding", "aes128gcm")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		a, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		return a.StatusCode
	}
	soon, sub := time.Now().Add(time.Hour), "mailto:danh@localhost"
	for _, c := range []struct {
		name string
		got  int
		want int
	}{
		{"well", send(mine, point, server.URL, sub, soon), 201},
		{"another sender's key", send(other, otherPoint, server.URL, sub, soon), 403},
		{"signed by another than it says", send(other, point, server.URL, sub, soon), 401},
		{"a token for another service", send(mine, point, "https://fcm.googleapis.com", sub, soon), 401},
		{"an old token", send(mine, point, server.URL, sub, time.Now().Add(-time.Minute)), 401},
		{"a token for longer than a day", send(mine, point, server.URL, sub, time.Now().Add(25*time.Hour)), 401},
		{"nobody to reach", send(mine, point, server.URL, "", soon), 401},
		{"no TTL", send(mine, point, server.URL, sub, soon, "TTL", ""), 400},
		{"no urgency of the list", send(mine, point, server.URL, sub, soon, "Urgency", "now"), 400},
		{"a topic with a blank", send(mine, point, server.URL, sub, soon, "Topic", "a b"), 400},
		{"in the clear", send(mine, point, server.URL, sub, soon, "Content-Encoding", "identity"), 400},
		{"no token", send(mine, point, server.URL, sub, soon, "Authorization", ""), 401},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
	if n := len(s.Messages("")); n != 1 {
		t.Errorf("%d pushes are kept", n)
	}
	if err := d.Leave(); err != nil {
		t.Fatal(err)
	}
	if got := send(mine, point, server.URL, sub, soon); got != http.StatusGone {
		t.Errorf("after the end: %d", got)
	}
}
