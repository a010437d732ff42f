// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"danh/internal/page"
	"danh/internal/webtest"
)

// TestStyleGuideHoldsInChromium opens the style guide at the narrowest phone
// and at a desk, in both languages and themes: nothing breaks WCAG 2.2 AA,
// nothing is wider than the window, and no script or policy complains. With
// DANH_SHOTS=folder it leaves pictures there.
func look() *page.Site {
	return page.New(page.Config{
		Door:  "citizen",
		Brand: page.Text{VI: "Mẫu giao diện", EN: "Style guide"},
		Nav: []page.Link{
			{ID: "wallet", Href: "/", Icon: "idcard", Text: page.Text{VI: "Ví", EN: "Wallet"}},
			{ID: "services", Href: "/s", Icon: "grid", Text: page.Text{VI: "Dịch vụ", EN: "Services"}},
			{ID: "scan", Href: "/q", Icon: "scan", Strong: true, Text: page.Text{VI: "Quét", EN: "Scan"}},
			{ID: "inbox", Href: "/i", Icon: "bell", Text: page.Text{VI: "Thông báo", EN: "Inbox"}, Dot: func(*http.Request) page.Text { return page.Text{VI: "1 tin mới", EN: "1 new"} }},
			{ID: "looked", Href: "/l", Icon: "history", Text: page.Text{VI: "Nhật ký", EN: "Log"}},
		},
		Foot: []page.Link{{Href: "/p", Text: page.Text{VI: "Quyền riêng tư", EN: "Privacy"}}},
	})
}

// lookPages are whole pages like those that doors show, for looking at.
func lookPages(j *page.Journey) http.Handler {
	now := time.Now()
	mux := http.NewServeMux()
	show := func(path, name string, v func(f *page.Form) page.View) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			j.Render(w, r, 200, name, v(&page.Form{Values: url.Values{}}))
		})
	}
	show("/signin", "signin", func(f *page.Form) page.View {
		f.Set("number", "001195012345").Add("password", "signin.wrong")
		return page.View{Title: "signin.title", Lede: "signin.lede", Form: f}
	})
	show("/otp", "otp", func(f *page.Form) page.View {
		return page.View{Task: "otp.task", Title: "otp.title", Lede: "otp.lede", Args: map[string]string{"phone": "09•• ••• 678"}, Back: "/", Step: 3, Steps: 5, Form: f,
			Data: map[string]any{"Until": now.Add(161 * time.Second), "Total": 3 * time.Minute}}
	})
	show("/wallet", "wallet", func(f *page.Form) page.View {
		return page.View{Head: page.Home, Title: "card.hello", Lede: "card.valid", Args: map[string]string{"name": "Nguyệt"}, Nav: "wallet"}
	})
	show("/consent", "consent", func(f *page.Form) page.View {
		return page.View{Task: "consent.task", Title: "consent.title", Meta: "consent.expiry", Back: "/", Form: f}
	})
	show("/stay", "stay", func(f *page.Form) page.View {
		f.Set("guest", "Đỗ Thị Huyền Trang").Set("guest_number", "03819800451").Set("from", "21/11/2026").Set("to", "12/01/2027").Set("reason", "family")
		f.Add("guest_number", "stay.eleven").Add("to", "stay.long")
		return page.View{Layout: page.Desk, Task: "stay.task", Title: "stay.title", Back: "/", BackTo: "stay.back", Form: f, Nav: "services", Step: 2, Steps: 4, Data: map[string]any{
			"At": now, "Until": now.Add(3*time.Hour + 19*time.Minute), "Total": 11 * time.Hour,
			"Reasons": []page.Choice{{Value: "family", Text: page.Raw("Thăm người thân")}, {Value: "work", Text: page.Raw("Công việc")}, {Value: "care", Text: page.Raw("Khám chữa bệnh")}, {Value: "other", Text: page.Raw("Lý do khác")}}}}
	})
	show("/home", "home", func(f *page.Form) page.View {
		return page.View{Layout: page.Desk, Title: "home.title", Nav: "services"}
	})
	show("/print", "receipt", func(f *page.Form) page.View {
		return page.View{Layout: page.Print, Title: "paper.title", Lede: "paper.lede", Data: now}
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, r *http.Request) { j.Fail(w, r, errors.New("disk full")) })
	return mux
}

// TestWholePagesHoldInChromium looks at whole pages as TestStyleGuide looks at
// their parts.
func TestWholePagesHoldInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	s := look()
	c := webtest.Serve(t, s.Wrap(lookPages(s.Journey(os.DirFS("testdata/journey")))))
	b := webtest.Chromium(t)
	for _, path := range []string{"signin", "otp", "wallet", "consent", "stay", "home", "print", "broken"} {
		for _, width := range []int{360, 1280} {
			for _, dark := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s-%d-%v", path, width, dark), func(t *testing.T) {
					tab := b.With(t).Tab(width, dark).Go(c.Base + "/" + path)
					if path == "otp" {
						tab.Fill("Mã xác minh", "48x2")
						if got := webtest.Eval[string](tab, `document.querySelector('#f-code').value + document.querySelectorAll('.cells .in').length`); got != "4823" {
							t.Errorf("the code and its boxes are %q", got)
						}
					}
					if path == "signin" && webtest.Eval[string](tab, `document.activeElement.className`) != "errsum" {
						t.Error("the error summary did not take the focus")
					}
					tab.Accessible()
					for _, p := range tab.Problems() {
						if path != "broken" {
							t.Error(p)
						}
					}
					if dir := os.Getenv("DANH_SHOTS"); dir != "" {
						tab.Shot(filepath.Join(dir, fmt.Sprintf("page-%s-%d-%v.png", path, width, dark)))
					}
				})
			}
		}
	}
}

func TestStyleGuideHoldsInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	s := look()
	c := webtest.Serve(t, s.Wrap(http.NotFoundHandler()))
	b := webtest.Chromium(t)
	for _, language := range []string{"vi", "en"} {
		for _, dark := range []bool{false, true} {
			for _, width := range []int{360, 1280} {
				layout := map[bool]string{true: "desk", false: "phone"}[width > 800]
				t.Run(fmt.Sprintf("%s-%s-dark=%v", language, layout, dark), func(t *testing.T) {
					tab := b.With(t).Tab(width, dark)
					tab.Go(c.Base + "/_/style?layout=" + layout)
					if got := webtest.Eval[string](tab, `document.documentElement.lang`); got != language {
						tab.Click(map[string]string{"en": "English", "vi": "Tiếng Việt"}[language])
					}
					if got := webtest.Eval[string](tab, `document.documentElement.lang`); got != language {
						t.Fatalf("after choosing %q the page is in %q at %s", language, got, tab.URL())
					}
					tab.Accessible()
					for _, p := range tab.Problems() {
						t.Error(p)
					}
					if dir := os.Getenv("DANH_SHOTS"); dir != "" {
						tab.Shot(filepath.Join(dir, fmt.Sprintf("style-%s-%d-%v.png", language, width, dark)))
					}
				})
			}
		}
	}
}
