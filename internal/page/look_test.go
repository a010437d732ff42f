// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"danh/internal/page"
	"danh/internal/webtest"
)

// TestStyleGuideHoldsInChromium opens the style guide at the narrowest phone
// and at a desk, in both languages and themes: nothing breaks WCAG 2.2 AA,
// nothing is wider than the window, and no script or policy complains. With
// DANH_SHOTS=folder it leaves pictures there.
func TestStyleGuideHoldsInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	s := page.New(page.Config{
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
