// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"fmt"
)

// LeaveCounter plays the tour counter as far as a step says, counted from one,
// and leaves everything as it stands there, for tests of the pages that are
// then to be seen. All of it is 0. The account that it gives is hers.
func LeaveCounter(ctx context.Context, env Env, until int) (Sample, error) {
	t := &counterWalk{counter: counter{walk: newWalk(env)}}
	err := playUntil(ctx, t.steps(), until)
	return Sample{Name: t.p.Name, Number: t.p.Number, Password: goodPassword, Phone: t.phone}, err
}

// LeaveChild is LeaveCounter for the tour child. The account is the parent's.
func LeaveChild(ctx context.Context, env Env, until int) (Sample, error) {
	t := &childWalk{counter: counter{walk: newWalk(env)}}
	err := playUntil(ctx, t.steps(), until)
	return Sample{Name: t.mother.Name, Number: t.mother.Number, Password: goodPassword, Phone: t.phone}, err
}

func newWalk(env Env) *walk {
	w := &walk{env: env, note: map[string]string{}}
	w.me = w.client()
	return w
}

func playUntil(ctx context.Context, steps []step, until int) error {
	for n, s := range steps {
		if until > 0 && n == until {
			return nil
		}
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
