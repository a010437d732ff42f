// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"danh/internal/page"
	"danh/internal/webtest"
)

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// TestComponentsAreWellMade draws every example in both languages on both
// layouts and asks the tree what a policy or a screen reader would ask.
func TestComponentsAreWellMade(t *testing.T) {
	s := page.New(page.Config{Door: "citizen"})
	list, err := s.Specimens("vi")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("only %d components", len(list))
	}
	for _, language := range []string{"vi", "en"} {
		for _, layout := range []string{"phone", "desk"} {
			c := webtest.Serve(t, s.Wrap(http.NotFoundHandler()))
			if language == "en" {
				c.English()
			}
			p := c.Get("/_/style?layout=" + layout).Want(200)
			if got := p.Attr("html", "lang"); got != language {
				t.Fatalf("the page is in %q", got)
			}
			ids := map[string]int{}
			for n := range p.Doc.Descendants() {
				if v, ok := attribute(n, "id"); ok {
					ids[v]++
				}
			}
			for id, n := range ids {
				if n > 1 {
					t.Errorf("id %q is there %d times", id, n)
				}
			}
			labelled := map[string]bool{}
			for n := range p.Doc.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				for _, a := range n.Attr {
					if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
						t.Errorf("<%s> carries %s=%q, which the policy forbids", n.Data, a.Key, a.Val)
					}
					switch a.Key {
					case "for", "aria-describedby", "aria-labelledby", "aria-controls":
						for _, id := range strings.Fields(a.Val) {
							if ids[id] == 0 {
								t.Errorf("<%s %s> points at %q, which is not there", n.Data, a.Key, id)
							}
						}
						if a.Key == "for" {
							labelled[a.Val] = true
						}
					}
				}
				if n.Data == "script" && n.FirstChild != nil {
					t.Error("an inline script, which the policy forbids")
				}
			}
			for _, n := range p.All("main input:not([type=hidden]), main select, main textarea") {
				if id, _ := attribute(n, "id"); !labelled[id] {
					t.Errorf("the field %q has no label", id)
				}
			}
			for _, n := range p.All("main a[href], main button") {
				if label, _ := attribute(n, "aria-label"); label == "" && webtest.Words(n) == "" {
					t.Errorf("a <%s> says nothing", n.Data)
				}
			}
		}
	}
}

func TestPasswordIsNeverSentBack(t *testing.T) {
	s := page.New(page.Config{})
	j := s.Journey(journeyFiles(`<form method="post">{{secret .Form "password"}}{{otp .Form "code"}}{{field .Form "name"}}{{button "ask.go"}}</form>`))
	c := webtest.Serve(t, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j.Render(w, r, 422, "ask", page.View{Title: "ask.title", Form: page.FormFrom(r).Add("password", "problem.invalid")})
	})))
	p := c.Get("/").Submit("Đi tiếp", "password", "mật khẩu bí mật", "code", "482913", "name", `Lê "Q" <b>`)
	p.Lacks("bí mật", "482913", "<b>")
	if got := p.Value("name"); got != `Lê "Q" <b>` {
		t.Errorf("the name came back as %q", got)
	}
	if p.Text(".errsum a") != p.Text("#f-password-error") {
		t.Errorf("the summary says %q, the field %q", p.Text(".errsum a"), p.Text("#f-password-error"))
	}
}

func TestBlockedButtonSaysWhyAndSendsNothing(t *testing.T) {
	s := page.New(page.Config{})
	j := s.Journey(journeyFiles(`<form method="post">{{button "ask.go" "blocked" "ask.bad"}}</form>`))
	c := webtest.Serve(t, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j.Render(w, r, 200, "ask", page.View{Title: "ask.title"})
	})))
	p := c.Get("/")
	if p.Attr("main form button", "aria-disabled") != "true" || p.Attr("main form button", "type") != "button" {
		t.Error("the button can be pressed")
	}
	if p.Text("#"+p.Attr("main form button", "aria-describedby")) != "Sai rồi" {
		t.Error("the reason is not with the button")
	}
}
