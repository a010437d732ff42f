// SPDX-License-Identifier: Apache-2.0

// Package contact owns how phones and e-mail addresses are read as people
// write them and shown without giving them away.
package contact

import (
	"net/mail"
	"strings"
	"unicode"

	"danh/internal/fault"
)

// ParsePhone reads a Vietnamese mobile number as people write it (0912 345 678,
// +84 912345678, 84-912-345-678) and gives the one form in which it is kept,
// +84912345678. Landlines cannot take a code and are refused.
func ParsePhone(s string) (string, error) {
	var d strings.Builder
	plus := false
	for i, r := range strings.TrimSpace(s) {
		switch {
		case r >= '0' && r <= '9':
			d.WriteRune(r)
		case r == '+' && i == 0:
			plus = true
		case unicode.IsSpace(r) || r == '.' || r == '-' || r == '(' || r == ')':
		default:
			return "", phoneProblem()
		}
	}
	n := d.String()
	switch {
	case strings.HasPrefix(n, "0084"):
		n = n[4:]
	case strings.HasPrefix(n, "84") && (plus || len(n) == 11 || len(n) == 12):
		n = n[2:]
	case plus:
		return "", phoneProblem()
	}
	n = strings.TrimPrefix(n, "0") // also the habit +84 (0)912…
	// Mobile prefixes since 2018: 03, 05, 07, 08, 09, ten digits with the zero.
	if len(n) != 9 || !strings.ContainsRune("35789", rune(n[0])) {
		return "", phoneProblem()
	}
	return "+84" + n, nil
}

func phoneProblem() error {
	return fault.New(fault.Invalid, "account.phone.form").With("phone", "account.phone.form")
}

// MaskPhone shows a phone's last three digits: 09•• ••• 678.
func MaskPhone(p string) string {
	if len(p) != 12 || !strings.HasPrefix(p, "+84") {
		return "•••"
	}
	return "0" + p[3:4] + "••\u00a0•••\u00a0" + p[9:] // on one line
}

// National writes a phone as people do: 0912 345 678.
func National(p string) string {
	if len(p) != 12 || !strings.HasPrefix(p, "+84") {
		return p
	}
	return "0" + p[3:6] + " " + p[6:9] + " " + p[9:]
}

// ParseEmail reads one plain address and lowers its domain; "" stays "".
func ParseEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	bad := fault.New(fault.Invalid, "account.email.form").With("email", "account.email.form")
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s || len(s) > 254 {
		return "", bad
	}
	local, domain, _ := strings.Cut(s, "@")
	if len(local) > 64 || !strings.Contains(domain, ".") || strings.HasPrefix(domain, "[") {
		return "", bad
	}
	return local + "@" + strings.ToLower(domain), nil
}
