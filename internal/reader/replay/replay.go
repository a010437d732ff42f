// SPDX-License-Identifier: Apache-2.0

//go:build replay

package replay

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"danh/internal/reader"
	"danh/internal/reader/agent"
	"danh/internal/reader/emrtd"
	"danh/internal/reader/readertest"
)

// Available reports whether this build replays.
const Available = true

// Open gives the devices that a folder plays: chip/ with com, sod, dg1 … and
// key.pem, finger-N.pgm, and portrait.jpg.
func Open(dir string) ([]agent.Device, error) {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	return []agent.Device{played{reader.Chip, dir}, played{reader.Finger, dir}, played{reader.Portrait, dir}}, nil
}

type played struct{ kind, dir string }

func (p played) Kind() string          { return p.kind }
func (p played) Device() reader.Device { return reader.Device{Name: "replay", Version: "1"} }

func (p played) Read(ctx context.Context, ask reader.Ask) (agent.Content, error) {
	c := agent.Content{Files: map[string][]byte{}}
	take := func(as, file string) error {
		b, err := os.ReadFile(filepath.Join(p.dir, file))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		c.Files[as] = b
		return err
	}
	switch p.kind {
	case reader.Chip:
		return p.chip(ctx, ask)
	case reader.Finger:
		for _, n := range ask.Want.Positions {
			if err := take("finger-"+strconv.Itoa(n), "finger-"+strconv.Itoa(n)+".pgm"); err != nil {
				return c, err
			}
		}
	default:
		if err := take("portrait", "portrait.jpg"); err != nil {
			return c, err
		}
	}
	if len(c.Files) == 0 {
		return c, agent.ErrTimeout
	}
	return c, nil
}

func (p played) chip(ctx context.Context, ask reader.Ask) (agent.Content, error) {
	c := &readertest.Chip{Access: ask.Access, Files: map[uint16][]byte{}}
	for name, file := range map[string]uint16{"com": 0x011E, "sod": 0x011D, "dg1": 0x0101, "dg2": 0x0102, "dg13": 0x010D, "dg14": 0x010E, "dg15": 0x010F} {
		b, err := os.ReadFile(filepath.Join(p.dir, "chip", name))
		if err != nil {
			return agent.Content{}, err
		}
		c.Files[file] = b
	}
	b, err := os.ReadFile(filepath.Join(p.dir, "chip", "key.pem"))
	if err != nil {
		return agent.Content{}, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return agent.Content{}, errors.New("chip/key.pem is no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return agent.Content{}, err
	}
	var ok bool
	if c.Key, ok = key.(*ecdsa.PrivateKey); !ok {
		return agent.Content{}, errors.New("chip/key.pem is no key of a chip")
	}
	return emrtd.Read(ctx, c, ask)
}
