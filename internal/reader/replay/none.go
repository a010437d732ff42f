// SPDX-License-Identifier: Apache-2.0

//go:build !replay

package replay

import (
	"errors"

	"danh/internal/reader/agent"
)

// Available reports whether this build replays.
const Available = false

// Open says that this build replays nothing.
func Open(string) ([]agent.Device, error) {
	return nil, errors.New("this program replays nothing: only test builds do (go build -tags replay)")
}
