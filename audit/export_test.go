// SPDX-License-Identifier: Apache-2.0

package audit

import "context"

// Number does the first half of sealing alone: what a crash leaves when it
// comes between numbering and appending.
func (l *Log) Number(ctx context.Context) error {
	s := &sealer{Log: l}
	_, err := s.number(ctx)
	return err
}
