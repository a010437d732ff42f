// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"

	"danh/internal/observe"
	"danh/registry/population"
)

// benchMatch loads a registry of its own and measures in this process: the
// comparison is a function of the registry and has no wire of its own.
func benchMatch(b *bench) error {
	dir, err := os.MkdirTemp("", "danh-bench-match-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &stack{dir: dir, database: b.Database, log: b.log, extra: []string{"DANH_LOG=error"}}
	if err := s.prepare(b.ctx, b.People, 1, func(what string) { b.say("match: %s", what) }); err != nil {
		return err
	}
	g, err := openGround(b.ctx, dataFlags{Data: dir, Database: b.Database, LogLevel: "error"}, observe.NewLog(io.Discard, slog.LevelError))
	if err != nil {
		return err
	}
	defer g.db.Close()
	r, err := population.Bench(b.ctx, population.BenchConfig{DB: g.db, Seal: g.seal, Audit: g.audit, Duration: b.For})
	if err != nil {
		return err
	}
	b.say("match: %s people, %d cores; compare = the pure comparison, lookup = number index, record and comparison; audited = with its committed audit entry", strconv.FormatInt(r.People, 10), r.Cores)
	b.line("match_compare", r.Compare, "per second on one core")
	b.line("match_lookup", r.Single, "per second on one core")
	b.line("match_lookup_all", r.Parallel, "per second on all cores")
	b.line("match_audited", r.Audited, "per second, one after the other")
	b.line("match_audited_all", r.AuditedBy, "per second, 64 at once")
	b.line("match_audited_median", float64(r.Median.Microseconds())/1000, "ms")
	b.line("match_audited_p99", float64(r.P99.Microseconds())/1000, "ms")
	if r.Single < 20_000 {
		return fmt.Errorf("look-up and comparison reach %.0f per second on one core, fewer than 20,000", r.Single)
	}
	return nil
}
