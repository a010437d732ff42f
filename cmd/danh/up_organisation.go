// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"danh/sandbox/people"
	"danh/tour"
)

// sampleHeads are the people of the sample organisations. Under their roles they
// stand in the file of the sample officers: the tours sign them in with passkeys
// as they do those.
var sampleHeads = []struct{ ref, role, what string }{
	{people.Director, "representative", "represents Ngân hàng Sông Hậu"},
	{people.Merchant, "merchant", "represents Cửa hàng Bến Nước, and Công ty TNHH Du lịch Mây Trắng with another"},
	{people.Associate, "associate", "represents Công ty TNHH Du lịch Mây Trắng with another"},
	{people.Clerk, "clerk", "may be given a mandate"},
}

// sampleHead is one of them.
type sampleHead struct {
	tour.Sample
	role, what string
}

// openHeads opens accounts for the people of the sample organisations and has
// the sample counter raise them to level 2, once.
func (s *stack) openHeads(ctx context.Context) ([]sampleHead, error) {
	file := filepath.Join(s.dir, "sample-heads.txt")
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	raised := strings.Fields(string(b))
	var out []sampleHead
	for _, h := range sampleHeads {
		a, err := tour.OpenSample(ctx, s.env(), h.ref, "")
		if err != nil {
			return nil, fmt.Errorf("account of %s: %w", h.ref, err)
		}
		if !slices.Contains(raised, h.ref) {
			if err := tour.Promote(ctx, s.env(), h.ref, a); err != nil {
				fmt.Fprintln(s.log, "danh up: stays at level 1:", err)
				continue
			}
			raised = append(raised, h.ref)
			if err := os.WriteFile(file, []byte(strings.Join(raised, "\n")+"\n"), 0o600); err != nil {
				return nil, err
			}
		}
		out = append(out, sampleHead{a, h.role, h.what})
	}
	if len(out) == 0 || sampleHeads[0].ref != people.Director || !slices.Contains(raised, people.Director) {
		return out, errors.New("the sample bank's representative is not of level 2")
	}
	return out, s.equipHeads(ctx, out)
}

// equipHeads registers a software passkey for each of them, for the tours, and
// keeps it beside the sample officers'.
func (s *stack) equipHeads(ctx context.Context, heads []sampleHead) error {
	staff, err := tour.ReadStaff(s.staffFile())
	if err != nil {
		return err
	}
	kept, err := tour.ReadStaff(s.headFile())
	if err != nil {
		return err
	}
	for _, h := range heads {
		if !slices.ContainsFunc(kept, func(o tour.Officer) bool { return o.Role == h.role }) {
			o := tour.Officer{Sample: h.Sample, Role: h.role}
			if o.Passkey, err = tour.MakeOwnPasskey(ctx, s.env(), h.Sample); err != nil {
				return fmt.Errorf("passkey of the sample %s: %w", h.role, err)
			}
			kept = append(kept, o)
			if err := tour.WriteStaff(s.headFile(), kept); err != nil {
				return err
			}
		}
		staff = slices.DeleteFunc(staff, func(o tour.Officer) bool { return o.Role == h.role })
	}
	return tour.WriteStaff(s.staffFile(), append(staff, kept...))
}

func (s *stack) headFile() string { return filepath.Join(s.dir, "sample-heads.json") }
