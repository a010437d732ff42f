// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"danh/internal/browse"
	"danh/internal/db"
	"danh/tour"
)

// TestStaffAndPartnersByCommand appoints a person who opened an account, while
// the server runs, and registers a client; then takes both away again.
func TestStaffAndPartnersByCommand(t *testing.T) {
	for _, e := range []db.Engine{db.SQLite, db.PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			s, _ := running(t, e, 60)
			her, err := tour.Take(t.Context(), s.env(), "min=20&max=80&phone=own&exact=1")
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"--data", s.dir}
			if s.database != "" {
				args = append(args, "--database", s.database)
			}
			danh := func(code int, want string, command ...string) string {
				t.Helper()
				var out, errs bytes.Buffer
				got := run(context.Background(), append(command, args...), &out, &errs)
				if all := out.String() + errs.String(); got != code || !strings.Contains(all, want) {
					t.Fatalf("danh %s: code %d, said\n%s", strings.Join(command, " "), got, all)
				}
				return out.String()
			}
			danh(0, "nobody holds a role", "staff", "list")
			danh(1, "has no account", "staff", "appoint", "--number", her.Number, "--role", "operator")
			if err := her.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			danh(1, "is of level 1", "staff", "appoint", "--number", her.Number, "--role", "operator")
			danh(1, "holds no role", "staff", "code", "--number", her.Number)
			other, err := tour.Take(t.Context(), s.env(), "min=20&max=80&phone=own&exact=1")
			if err != nil {
				t.Fatal(err)
			}
			found := []string{"staff", "found", "--first", her.Number, "--second"}
			danh(1, "has no account", append(found, other.Number, "--office", "Kim Liên Hà Nội")...)
			if err := other.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			danh(1, "two people", append(found, her.Number, "--office", "Kim Liên Hà Nội")...)
			danh(1, "no office is found", append(found, other.Number, "--office", "Atlantis")...)
			danh(0, "nobody holds a role", "staff", "list")
			out := danh(0, "appointed as intake at Công an", append(found, other.Number, "--office", "Kim Liên Hà Nội")...)
			danh(1, "founded already", append(found, other.Number, "--office", "Kim Liên Hà Nội")...)
			staffSignIn(t, s, her.Sample, codesIn(t, out)[0])
			codesIn(t, danh(0, "passkey code", "staff", "code", "--number", other.Number))
			danh(0, "has ended", "staff", "end", "--number", her.Number, "--role", "intake")
			danh(0, "has ended", "staff", "end", "--number", other.Number, "--role", "approver")
			danh(1, "no identity number", "staff", "appoint", "--number", "12", "--role", "operator")
			danh(1, "does not know", "staff", "appoint", "--number", "099199999999", "--role", "operator")
			danh(1, "needs --office", "staff", "appoint", "--number", her.Number, "--role", "registrar")
			danh(1, "may mean several offices", "staff", "appoint", "--number", her.Number, "--role", "registrar", "--office", "Hòa")
			danh(0, "appointed as registrar at Công an", "staff", "appoint", "--number", her.Number, "--role", "registrar", "--office", "Kim Liên Hà Nội")
			danh(0, "appointed as operator", "staff", "appoint", "--number", her.Number, "--role", "operator", "--for", "24h")
			danh(1, "holds this role already", "staff", "appoint", "--number", her.Number, "--role", "operator")
			list := danh(0, "registrar", "staff", "list")
			if strings.Contains(list, her.Number) || strings.Contains(list, her.Name) {
				t.Fatalf("the list names her: %s", list)
			}
			account := regexp.MustCompile(`operator\taccount (\S+)`).FindStringSubmatch(list)
			if account == nil {
				t.Fatalf("no operator in %s", list)
			}
			danh(0, "has ended", "staff", "end", "--account", account[1], "--role", "operator")
			danh(0, "has ended", "staff", "end", "--number", her.Number, "--role", "registrar")
			danh(1, "does not hold", "staff", "end", "--number", her.Number, "--role", "registrar")
			danh(0, "nobody holds a role", "staff", "list")
			danh(2, "chief", "staff", "appoint", "--number", her.Number, "--role", "chief")

			shop := []string{"partner", "add", "--id", "shop", "--name-vi", "Cửa hàng", "--name-en", "Shop", "--redirect", "https://shop.example/cb"}
			danh(1, "openid", append(shop, "--scope", "profile:ghi tên bạn|put your name")...)
			danh(1, "no scope", append(shop, "--scope", "openid", "--scope", "everything:x|y")...)
			danh(1, "both languages", append(shop, "--scope", "openid", "--scope", "profile:ghi tên bạn")...)
			danh(1, "https", append(shop, "--scope", "openid", "--redirect", "http://shop.example/cb")...)
			shop = append(shop, "--scope", "openid", "--scope", "profile:ghi tên bạn, và ngày sinh|put your name, and birth date")
			first := secretIn(t, danh(0, "client_id      shop", shop...))
			danh(1, "choose another identifier", shop...)
			list = danh(0, "shop\tpartner\tShop\tclient_secret_basic\topenid profile", "partner", "list")
			if strings.Contains(list, first) {
				t.Fatal("the list shows a secret")
			}
			knocks(t, s, "shop", first, http.StatusBadRequest) // known, with nothing asked for
			second := secretIn(t, danh(0, "client_secret", "partner", "rotate", "shop"))
			if first == second {
				t.Fatal("the secret is the old one")
			}
			danh(1, "own doors", "partner", "rotate", "portal")
			danh(1, "own doors", "partner", "end", "portal")
			danh(1, "no such client", "partner", "rotate", "nobody")
			danh(0, "may no longer connect", "partner", "end", "shop")
			danh(1, "no such client", "partner", "end", "shop")
			danh(1, "choose another identifier", shop...)
			danh(0, "the log is as it was written", "audit", "verify")
		})
	}
}

// codesIn are the passkey codes that a command printed.
func codesIn(t *testing.T, out string) (codes []string) {
	t.Helper()
	for _, m := range passkeyCode.FindAllStringSubmatch(out, -1) {
		codes = append(codes, m[1])
	}
	if len(codes) == 0 {
		t.Fatal("no code was printed")
	}
	return codes
}

// staffSignIn plays what a new member of staff does, as an outside client: the
// door refuses her password, she makes a passkey with her code, and the door
// opens. The code works once.
func staffSignIn(t *testing.T, s *stack, her tour.Sample, code string) *browse.Passkey {
	t.Helper()
	e := s.env()
	for _, door := range []string{e.Officer, e.Auditor} {
		if p, err := tour.SignInStaff(t.Context(), e, browse.New(nil), door, "/", &tour.Officer{Sample: her}); err == nil || !strings.Contains(err.Error(), "403") {
			t.Fatalf("a password alone at the door of staff: %v, %v", p, err)
		}
	}
	if _, err := tour.MakePasskey(t.Context(), e, her, "0000-0000-0000"); err == nil {
		t.Fatal("a guessed code made a passkey")
	}
	key, err := tour.MakePasskey(t.Context(), e, her, code)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tour.MakePasskey(t.Context(), e, her, code); err == nil {
		t.Fatal("a code was used twice")
	}
	p, err := tour.SignInStaff(t.Context(), e, browse.New(nil), e.Officer, "/me", &tour.Officer{Sample: her, Passkey: key})
	if err != nil {
		t.Fatal(err)
	}
	if p.URL.Path != "/me" || p.Heading() != "Việc bạn đang giữ" {
		t.Fatalf("signing in ends at %s, %q", p.URL, p.Heading())
	}
	return key
}

func secretIn(t *testing.T, out string) string {
	t.Helper()
	m := regexp.MustCompile(`client_secret  (\S{43})\n`).FindStringSubmatch(out)
	if m == nil {
		t.Fatal("no secret was printed")
	}
	return m[1]
}

// knocks pushes an empty request as a client.
func knocks(t *testing.T, s *stack, id, secret string, want int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.env().Citizen+"/par", strings.NewReader("scope=openid"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(id, secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != want {
		t.Fatalf("%s knocks: %d, want %d", id, resp.StatusCode, want)
	}
}
