// SPDX-License-Identifier: Apache-2.0

//go:build pcsc

package pcsc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ebfe/scard"

	"danh/internal/reader"
	"danh/internal/reader/agent"
	"danh/internal/reader/emrtd"
)

// Available reports whether this build speaks PC/SC.
const Available = true

// device is the readers of this machine; the one on which a card lies is used.
type device struct {
	mu   sync.Mutex
	name string
}

// Open asks for the machine's readers, so that a missing service is known at
// the start.
func Open() (agent.Device, error) {
	ctx, err := scard.EstablishContext()
	if err != nil {
		return nil, fmt.Errorf("reach the PC/SC service: %w", err)
	}
	defer ctx.Release() //nolint:errcheck // nothing to do about it
	list, err := ctx.ListReaders()
	if err != nil || len(list) == 0 {
		return nil, errors.Join(errors.New("no PC/SC reader is connected"), err)
	}
	return &device{name: list[0]}, nil
}

// Kind implements agent.Device.
func (d *device) Kind() string { return reader.Chip }

// Device implements agent.Device.
func (d *device) Device() reader.Device {
	d.mu.Lock()
	defer d.mu.Unlock()
	return reader.Device{Name: trim(d.name), Version: "pcsc"}
}

// Read waits for a card, reads it, and resets it so that the next reading
// begins anew.
func (d *device) Read(ctx context.Context, ask reader.Ask) (agent.Content, error) {
	sc, err := scard.EstablishContext()
	if err != nil {
		return agent.Content{}, fmt.Errorf("reach the PC/SC service: %w", err)
	}
	defer sc.Release() //nolint:errcheck // nothing to do about it
	name, err := wait(ctx, sc)
	if err != nil {
		return agent.Content{}, err
	}
	d.mu.Lock()
	d.name = name
	d.mu.Unlock()
	card, err := sc.Connect(name, scard.ShareExclusive, scard.ProtocolAny)
	if err != nil {
		return agent.Content{}, fmt.Errorf("connect to the card: %w", err)
	}
	defer card.Disconnect(scard.ResetCard) //nolint:errcheck // the next connection resets it too
	return emrtd.Read(ctx, card, ask)
}

// turn is how long one question to the service waits: cancelling is noticed so soon.
const turn = 250 * time.Millisecond

func wait(ctx context.Context, sc *scard.Context) (string, error) {
	for {
		if ctx.Err() != nil {
			return "", agent.ErrTimeout
		}
		list, err := sc.ListReaders()
		if err != nil || len(list) == 0 {
			return "", errors.Join(errors.New("no PC/SC reader is connected"), err)
		}
		states := make([]scard.ReaderState, len(list))
		for i, name := range list {
			states[i] = scard.ReaderState{Reader: name, CurrentState: scard.StateUnaware}
		}
		if err := sc.GetStatusChange(states, turn); err != nil && !errors.Is(err, scard.ErrTimeout) {
			return "", fmt.Errorf("ask the readers: %w", err)
		}
		for _, s := range states {
			if s.EventState&scard.StatePresent != 0 && s.EventState&scard.StateMute == 0 {
				return s.Reader, nil
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(turn):
		}
	}
}

func trim(s string) string {
	if len(s) > 80 {
		s = s[:80]
	}
	return s
}
