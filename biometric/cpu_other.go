// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package biometric

import "time"

var started = time.Now()

// cpuTime is the clock's time: this system does not tell a process's own.
func cpuTime() time.Duration { return time.Since(started) }
