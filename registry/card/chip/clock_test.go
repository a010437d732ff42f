// SPDX-License-Identifier: Apache-2.0

package chip_test

import "time"

// wallClock is the machine's time, by which openssl dates what it makes.
func wallClock() time.Time { return time.Now().Add(time.Minute) }
