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

// sampleHeads are the people of the sample organisations.
var sampleHeads = []struct{ ref, what string }{
	{people.Director, "represents Ngân hàng Sông Hậu"},
	{people.Merchant, "represents Cửa hàng Bến Nước, and Công ty TNHH Du lịch Mây Trắng with another"},
	{people.Associate, "represents Công ty TNHH Du lịch Mây Trắng with another"},
	{people.Clerk, "may be given a mandate"},
}

// sampleHead is one of them.
type sampleHead struct {
	tour.Sample
	what string
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
		out = append(out, sampleHead{a, h.what})
	}
	if len(out) == 0 || sampleHeads[0].ref != people.Director || !slices.Contains(raised, people.Director) {
		return out, errors.New("the sample bank's representative is not of level 2")
	}
	return out, s.equipDirector(ctx, out[0].Sample)
}

// Representative is the director's role in the file of the sample officers: the
// tours sign her in with a passkey as they do those.
const representative = "representative"

// equipDirector registers a software passkey for the bank's representative, for
// the tours, and keeps it beside the sample officers'.
func (s *stack) equipDirector(ctx context.Context, a tour.Sample) error {
	staff, err := tour.ReadStaff(s.staffFile())
	if err != nil {
		return err
	}
	kept, err := tour.ReadStaff(s.headFile())
	if err != nil {
		return err
	}
	if len(kept) == 0 {
		o := tour.Officer{Sample: a, Role: representative}
		if o.Passkey, err = tour.MakeOwnPasskey(ctx, s.env(), a); err != nil {
			return fmt.Errorf("passkey of the sample representative: %w", err)
		}
		kept = []tour.Officer{o}
		if err := tour.WriteStaff(s.headFile(), kept); err != nil {
			return err
		}
	}
	staff = slices.DeleteFunc(staff, func(o tour.Officer) bool { return o.Role == representative })
	return tour.WriteStaff(s.staffFile(), append(staff, kept...))
}

func (s *stack) headFile() string { return filepath.Join(s.dir, "sample-heads.json") }
