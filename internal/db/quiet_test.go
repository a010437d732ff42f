// SPDX-License-Identifier: Apache-2.0

package db_test

import "log/slog"

var quiet = slog.New(slog.DiscardHandler)
