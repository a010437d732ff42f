// SPDX-License-Identifier: Apache-2.0

// Package carriertest is the conformance suite that every notify.Carrier
// passes against a real server of its protocol. It is imported by tests only.
package carriertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/internal/id"
	"danh/notify"
)

// Line is a carrier with the far end of its line.
type Line struct {
	Carrier notify.Carrier
	To      func(n int) string            // the n-th address that takes messages
	Refused string                        // an address that the far end refuses for good
	Wrong   string                        // what is no address at all
	Arrived func(address string) []string // the texts that arrived there, in any order
	Once    bool                          // the far end drops a repeat under the same reference
	Receipt bool                          // the far end tells what became of a message
	Away    notify.Carrier                // the same carrier with nobody at the far end
}

// Run runs the suite.
func Run(t *testing.T, l Line) {
	receipts := make(chan notify.Receipt, 1000)
	if r, ok := l.Carrier.(notify.Receipts); ok {
		r.OnReceipt(func(_ context.Context, r notify.Receipt) error { receipts <- r; return nil })
	} else if l.Receipt {
		t.Fatal("the carrier cannot listen to receipts")
	}
	next := 0
	address := func() string { next++; return l.To(next) }
	send := func(t *testing.T, p notify.Parcel) ([]string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		p.Now = time.Now()
		return l.Carrier.Send(ctx, p)
	}
	parcel := func(to, text string) notify.Parcel {
		return notify.Parcel{ID: notify.MessageID(id.NewPerson()), To: to, Language: "vi", Subject: "Thử", Text: text}
	}
	arrives := func(t *testing.T, to, text string) {
		t.Helper()
		for range 200 {
			if slices.Contains(l.Arrived(to), text) {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Errorf("%q did not arrive; there are %q", text, l.Arrived(to))
	}

	t.Run("texts arrive as written", func(t *testing.T) {
		for _, text := range []string{
			"Your code is 123456",
			"Mã xác nhận là 123456. Danh và cán bộ không bao giờ gọi điện hỏi mã này.\n\n@localhost #123456",
			strings.TrimSpace(strings.Repeat("Đã nhận thông báo lưu trú, mã số ABC. ", 9)),
			"Chữ {ngoặc} [vuông] ~ 10€ \\ | ^ và 🌾",
		} {
			to := address()
			refs, err := send(t, parcel(to, text))
			if err != nil || len(refs) == 0 || slices.Contains(refs, "") {
				t.Fatalf("references %q, %v", refs, err)
			}
			arrives(t, to, text)
			if !l.Receipt {
				continue
			}
			for range refs {
				select {
				case r := <-receipts:
					if !slices.Contains(refs, r.Ref) || !r.Delivered || !r.Final {
						t.Errorf("receipt %+v for %q", r, refs)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("no receipt")
				}
			}
		}
	})
	t.Run("a repeat is the same message", func(t *testing.T) {
		to, text := address(), "Lặp lại "+strings.Repeat("mãi ", 40)
		p := parcel(to, text)
		first, err := send(t, p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := send(t, p)
		if err != nil {
			t.Fatal(err)
		}
		arrives(t, to, text)
		if n := len(l.Arrived(to)); l.Once && (n != 1 || !slices.Equal(first, again)) {
			t.Errorf("%d messages arrived; references %q and %q", n, first, again)
		}
	})
	t.Run("refusals are for good", func(t *testing.T) {
		for _, to := range []string{l.Refused, l.Wrong} {
			_, err := send(t, parcel(to, "secret words 778899"))
			if !errors.Is(err, notify.ErrRefused) {
				t.Errorf("not refused: %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), to) || strings.Contains(err.Error(), "778899")) {
				t.Errorf("the error tells address or text: %v", err)
			}
		}
	})
	t.Run("many at once", func(t *testing.T) {
		to := address()
		var mu sync.Mutex
		seen := map[string]bool{}
		var wg sync.WaitGroup
		for n := range 40 {
			wg.Go(func() {
				refs, err := send(t, parcel(to, fmt.Sprintf("Tin số %d", n)))
				mu.Lock()
				defer mu.Unlock()
				if err != nil || len(refs) != 1 || seen[refs[0]] {
					t.Errorf("references %q, %v", refs, err)
					return
				}
				seen[refs[0]] = true
			})
		}
		wg.Wait()
		for n := range 40 {
			arrives(t, to, fmt.Sprintf("Tin số %d", n))
		}
	})
	t.Run("a carrier that is away may be tried again", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		started := time.Now()
		_, err := l.Away.Send(ctx, parcel(address(), "x"))
		if err == nil || errors.Is(err, notify.ErrRefused) || errors.Is(err, notify.ErrDoubtful) {
			t.Errorf("sent to nobody: %v", err)
		}
		if time.Since(started) > 4*time.Second {
			t.Errorf("held a worker for %v", time.Since(started))
		}
	})
}
