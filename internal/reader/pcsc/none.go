// SPDX-License-Identifier: Apache-2.0

//go:build !pcsc

package pcsc

import (
	"errors"

	"danh/internal/reader/agent"
)

// Available reports whether this build speaks PC/SC.
const Available = false

// Open says that this build has no PC/SC.
func Open() (agent.Device, error) {
	return nil, errors.New("this program was built without PC/SC (go build -tags pcsc, with libpcsclite-dev)")
}
