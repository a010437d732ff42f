// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"

	"danh/internal/clock"
	"danh/internal/fault"
)

// Allow answers whether a session's account may use a feature today. The fault
// says how to get there: which level it takes, or that a provisional account
// is finished at a counter.
func (k *Keeper) Allow(ctx context.Context, s Session, feature string) error {
	return k.AllowLevel(ctx, s.Level, s.Provisional, feature)
}

// AllowLevel is Allow for a door that knows level and provisional from a token.
func (k *Keeper) AllowLevel(ctx context.Context, level Level, provisional bool, feature string) error {
	f, ok, err := k.feature(ctx, feature)
	switch {
	case err != nil:
		return err
	case !ok:
		return fault.New(fault.Forbidden, "account.allow.not_yet")
	case level < f.Level && f.Level >= 2:
		return fault.New(fault.Forbidden, "account.allow.level_2")
	case level < f.Level:
		return fault.New(fault.Forbidden, "account.allow.level_1")
	case provisional && !f.Provisional:
		return fault.New(fault.Forbidden, "account.allow.provisional")
	}
	return nil
}

func (k *Keeper) feature(ctx context.Context, name string) (Feature, bool, error) {
	b, err := k.rules.load(ctx)
	if err != nil {
		return Feature{}, false, err
	}
	day := clock.DateOf(k.c.Clock.Now())
	for _, f := range b.features[name] {
		if within(day, f.From, f.To) {
			return f, true, nil
		}
	}
	return Feature{}, false, nil
}

// ListFeatures gives the features in force today, lowest level first.
func (k *Keeper) ListFeatures(ctx context.Context) ([]Feature, error) {
	b, err := k.rules.load(ctx)
	if err != nil {
		return nil, err
	}
	var out []Feature
	for _, name := range b.order {
		if f, ok, _ := k.feature(ctx, name); ok {
			out = append(out, f)
		}
	}
	return out, nil
}
