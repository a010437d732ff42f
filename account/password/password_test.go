// SPDX-License-Identifier: Apache-2.0

package password_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"danh/account/password"
	"danh/internal/fault"
)

var policy = password.Policy{Least: 8, Most: 64}

var lan = password.Personal{Name: "Nguyễn Thị Phương Lan", Digits: []string{"001190001234", "012345678", "+84912345678"}, Birth: [3]int{1990, 9, 2}}

func TestProblems(t *testing.T) {
	for _, c := range []struct{ pw, want string }{
		{"Trời mưa 4 ngày!", ""},
		{"Gió-lùa-7-khe", ""},
		{"xK9#mPq2", ""},
		{"Ghế đẩu Tím 58?", ""},
		{"aB3$" + strings.Repeat("ửng ", 15), ""},
		{"xK9#mPq", "too_short"},
		{"aB3$" + strings.Repeat("y z", 21), "too_long"},
		{"xk9#mpq2", "no_upper"},
		{"XK9#MPQ2", "no_lower"},
		{"xKu#mPqz", "no_digit"},
		{"xK9ymPq2", "no_special"},
		{"xK9#mPq2\x07", "control"},
		{"Matkhau@123", "common"},
		{"Matkhau123!", "common"},
		{"Mậtkhẩu123!", "common"},
		{"M@tKh4u2026!", "common"},
		{"P@ssw0rd1", "common"},
		{"Password123!", "common"},
		{"Aa123456@", "common"},
		{"Aa@123456", "common"},
		{"Abc@12345", "common"},
		{"Abcd1234!", "common"},
		{"Qwerty@123", "common"},
		{"1qaz@WSX", "common"},
		{"Vietnam@2026", "common"},
		{"Anhyeuem@123", "common"},
		{"Hanoi@1990", "common"},
		{"Saigon#79", "common"},
		{"Vneid@2024", "common"},
		{"Danh@2026", "common"},
		{"Admin@123", "common"},
		{"NguyenTuan@88", "common"},
		{"Zz111111!", "common"},
		{"PhươngLan#vượt7", "has_name"},
		{"ph0ng-Phuong7!", "has_name"},
		{"xK9#L4n-mưa", "has_name"},
		{"xK#001190rT", "has_number"},
		{"xK#912345rT", "has_number"},
		{"xK#345678rT", "has_number"},
		{"xK#02091990rT", "has_birth_date"},
		{"xK#02/09/90rT", "has_birth_date"},
		{"xK#1990-09-02rT", "has_birth_date"},
	} {
		got := policy.Problems(password.Password(c.pw), lan)
		var keys []string
		for _, k := range got {
			keys = append(keys, strings.TrimPrefix(k, "account.password."))
		}
		all := strings.Join(keys, " ")
		if c.want == "" && all != "" || c.want != "" && !strings.Contains(all, c.want) {
			t.Errorf("%q: %q, want %q", c.pw, all, c.want)
		}
	}
}

func TestPasswordPrintsRedacted(t *testing.T) {
	p := password.Password("xK9#mPq2")
	for _, s := range []string{fmt.Sprint(p), fmt.Sprintf("%v %s %#v %q", p, p, p, p)} {
		if strings.Contains(s, "xK9") {
			t.Errorf("printed %s", s)
		}
	}
}

func TestHash(t *testing.T) {
	ctx := context.Background()
	weak := password.NewHasher(password.Params{Time: 1, Memory: 64, Threads: 1}, nil)
	kept, err := weak.Hash(ctx, "Trời mưa 4 ngày!")
	if err != nil {
		t.Fatal(err)
	}
	if ok, stale, err := weak.Check(ctx, kept, "Tr\u006f\u031b\u0300i mưa 4 ngày!"); !ok || stale || err != nil {
		t.Errorf("the same letters, decomposed: %v %v %v", ok, stale, err)
	}
	if ok, _, _ := weak.Check(ctx, kept, "Trời mưa 5 ngày!"); ok {
		t.Error("another password fits")
	}
	if ok, _, err := weak.Check(ctx, weak.Decoy(), "Trời mưa 4 ngày!"); ok || err != nil {
		t.Error("the decoy fits")
	}
	strong := password.NewHasher(password.Params{Time: 2, Memory: 64, Threads: 1}, []byte("pepper"))
	if ok, stale, err := strong.Check(ctx, kept, "Trời mưa 4 ngày!"); !ok || !stale || err != nil {
		t.Errorf("a hash of former costs: %v %v %v", ok, stale, err)
	}
	peppered, _ := strong.Hash(ctx, "Trời mưa 4 ngày!")
	if ok, stale, _ := strong.Check(ctx, peppered, "Trời mưa 4 ngày!"); !ok || stale {
		t.Error("peppered hash does not fit")
	}
	if _, _, err := weak.Check(ctx, peppered, "Trời mưa 4 ngày!"); err == nil {
		t.Error("a peppered hash was checked without its pepper")
	}
	for _, bad := range []string{"", "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", kept[:len(kept)-4]} {
		if ok, _, err := weak.Check(ctx, bad, "x"); ok || err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

// A flood is turned away rather than queued without end.
func TestFloodIsTurnedAway(t *testing.T) {
	h := password.NewHasher(password.Params{Time: 20, Memory: 1024, Threads: 1}, nil)
	var mu sync.Mutex
	many := 0
	var wg sync.WaitGroup
	for range 2000 {
		wg.Go(func() {
			if _, _, err := h.Check(context.Background(), h.Decoy(), "x"); fault.Is(err, fault.TooMany) {
				if fault.Of(err).RetryAfter <= 0 {
					t.Error("no time to try again")
				}
				mu.Lock()
				many++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if many == 0 {
		t.Error("2,000 callers at once were all served")
	}
}

func BenchmarkArgon2id(b *testing.B) {
	h := password.NewHasher(password.Params{}, nil)
	for b.Loop() {
		h.Check(context.Background(), h.Decoy(), "xK9#mPq2")
	}
}
