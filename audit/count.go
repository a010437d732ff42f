// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"fmt"
)

// Count says how many entries have their number in the log and how many wait
// for it, for metrics.
func (l *Log) Count(ctx context.Context) (numbered, waiting int64, err error) {
	err = l.db.Read().QueryRowContext(ctx, `SELECT (SELECT COALESCE(MAX(seq) + 1, 0) FROM audit_leaf),
		(SELECT COUNT(*) FROM audit_entry WHERE seq IS NULL)`).Scan(&numbered, &waiting)
	if err != nil {
		return 0, 0, fmt.Errorf("count entries: %w", err)
	}
	return numbered, waiting, nil
}
