// SPDX-License-Identifier: Apache-2.0

//go:build replay

package replay_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"danh/internal/reader"
	"danh/internal/reader/agent"
	"danh/internal/reader/emrtd"
	"danh/internal/reader/replay"
)

func TestAFolderPlaysBack(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, b []byte) {
		t.Helper()
		f := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(f), 0o700), os.WriteFile(f, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put("chip/key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	put("chip/com", emrtd.TLV(0x60, emrtd.TLV(0x5C, []byte{0x61, 0x75, 0x6D, 0x6E, 0x6F})))
	for name, tag := range map[string]byte{"sod": 0x77, "dg1": 0x61, "dg2": 0x75, "dg13": 0x6D, "dg14": 0x6E, "dg15": 0x6F} {
		put("chip/"+name, emrtd.TLV(tag, []byte(name)))
	}
	put("finger-2.pgm", []byte("P5 two"))
	put("portrait.jpg", []byte("jpeg"))
	devices, err := replay.Open(dir)
	if err != nil || len(devices) != 3 {
		t.Fatal(devices, err)
	}
	ask := reader.Ask{Challenge: []byte("12345678"), Access: reader.Access{Document: "190999901", Birth: "900902", Expiry: "300902"}}
	files := map[string]int{reader.Chip: 7, reader.Finger: 1, reader.Portrait: 1}
	for _, d := range devices {
		ask.Want = reader.Want{Kind: d.Kind()}
		if d.Kind() == reader.Finger {
			ask.Want.Positions = []int{1, 2}
		}
		c, err := d.Read(t.Context(), ask)
		if err != nil || len(c.Files) != files[d.Kind()] || (len(c.Answer) == 64) != (d.Kind() == reader.Chip) {
			t.Errorf("%s: %d files, %v", d.Kind(), len(c.Files), err)
		}
		if d.Kind() == reader.Chip && !bytes.Equal(c.Files["dg13"], emrtd.TLV(0x6D, []byte("dg13"))) {
			t.Error("DG13 is not what the folder holds")
		}
	}
	ask.Want = reader.Want{Kind: reader.Finger, Positions: []int{9}}
	if _, err := devices[1].Read(t.Context(), ask); !errors.Is(err, agent.ErrTimeout) {
		t.Error(err)
	}
}
