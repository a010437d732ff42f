// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"danh/sandbox/people"
	"danh/tour"
)

// sampleStaff are the roles that people.Staff hold, in their order. The first
// two found the installation.
var sampleStaff = []struct{ role, office, where string }{
	{"intake", kimLien, "officer console: enrols people"},
	{"approver", kimLien, "officer console: the second officer"},
	{"approver", cuaNam, "officer console: the second officer of another office"},
	{"registrar", kimLien, "officer console: stopped openings"},
	{"operator", "", "officer console: operations"},
	{"auditor", "", "auditor door"},
	{"hotline", kimLien, "officer console: the hotline, which locks and does nothing else"},
}

const (
	kimLien = "Phường Kim Liên, Thành phố Hà Nội"
	cuaNam  = "Công an phường Cửa Nam, Phường Cửa Nam, Thành phố Hà Nội"
)

// sampleOfficer is one of them.
type sampleOfficer struct {
	tour.Officer
	where string
	code  string // for a passkey of the tester's own; "" while she holds no role
}

func (o sampleOfficer) what() string {
	return o.Role + " at the " + o.where
}

// staffFile is where the tours find the sample officers and their passkeys.
func (s *stack) staffFile() string { return filepath.Join(s.dir, "sample-passkeys.json") }

// openStaff opens accounts for the sample staff, founds the installation with
// two of them, has those two raise the others at the counter as an outside
// client, and gives them their roles, as an operator would from the command
// line. The first of the others has no card: whoever has one and cannot prove
// with it that she is there, as nobody can by prints from a file, is decided on
// in another office, which begins with him. Each gets a software passkey, registered through the pages, for the
// tours.
func (s *stack) openStaff(ctx context.Context) ([]sampleOfficer, error) {
	before, err := tour.ReadStaff(s.staffFile())
	if err != nil {
		return nil, err
	}
	var out []sampleOfficer
	for i, r := range sampleStaff {
		a, err := tour.OpenSample(ctx, s.env(), people.Staff[i], "")
		if err != nil {
			return nil, fmt.Errorf("account of the sample %s: %w", r.role, err)
		}
		o := sampleOfficer{Officer: tour.Officer{Sample: a, Role: r.role, Office: r.office}, where: r.where}
		for _, b := range before {
			if b.Number == a.Number {
				o.Passkey = b.Passkey
			}
		}
		out = append(out, o)
	}
	err = s.self(ctx, io.Discard, "staff", "found", "--first", out[0].Number, "--second", out[1].Number, "--office", kimLien)
	if err != nil && !strings.Contains(err.Error(), "founded already") {
		return nil, err
	}
	var keep []tour.Officer
	for i := range out {
		o := &out[i]
		if err := s.equip(ctx, o); err != nil {
			return nil, err
		}
		if o.code == "" { // of level 1: the founders' counter raises her
			env := s.env()
			env.Staff = keep
			if err := tour.Promote(ctx, env, people.Staff[i], o.Sample); err != nil {
				return nil, err
			}
			if err := s.equip(ctx, o); err != nil {
				return nil, err
			}
		}
		keep = append(keep, o.Officer)
	}
	return out, tour.WriteStaff(s.staffFile(), keep)
}

// equip gives an officer her role and her passkey, and the tester a code for
// one of his own.
func (s *stack) equip(ctx context.Context, o *sampleOfficer) error {
	args := []string{"staff", "appoint", "--number", o.Number, "--role", o.Role}
	if o.Office != "" {
		args = append(args, "--office", o.Office)
	}
	if o.Role == "registrar" {
		args = append(args, "--area", "all") // sample people live everywhere
	}
	if err := s.self(ctx, io.Discard, args...); err != nil && !strings.Contains(err.Error(), "holds") {
		if strings.Contains(err.Error(), "level 1") {
			return nil
		}
		return err
	}
	if o.Passkey == nil {
		code, err := s.staffCode(ctx, o.Number)
		if err != nil {
			return err
		}
		if o.Passkey, err = tour.MakePasskey(ctx, s.env(), o.Sample, code); err != nil {
			return fmt.Errorf("passkey of the sample %s: %w", o.Role, err)
		}
	}
	var err error
	o.code, err = s.staffCode(ctx, o.Number)
	return err
}

var passkeyCode = regexp.MustCompile(`passkey code\S*(?: of the \w+)?  (\S+)`)

func (s *stack) staffCode(ctx context.Context, number string) (string, error) {
	var out bytes.Buffer
	if err := s.self(ctx, &out, "staff", "code", "--number", number); err != nil {
		return "", err
	}
	m := passkeyCode.FindStringSubmatch(out.String())
	if m == nil {
		return "", fmt.Errorf("danh staff code printed no code")
	}
	return m[1], nil
}
