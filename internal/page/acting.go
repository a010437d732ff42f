// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"context"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Acting is that whoever reads acts for somebody else. Every page says so, in
// a band that stays in sight, and every form of it is bound to whom it was
// drawn for: a page that was left open in another tab acts for nobody else.
type Acting struct {
	Name     string    // for whom
	Relation Text      // what the reader is to her: "Mẹ"
	Ends     time.Time // when it ends by itself
	Until    string    // the last day of the link, as it is shown; "" when none is set
	Bind     string    // names this time of acting in the forms' addresses; no secret
	Stop     string    // where a post ends it
}

type actingKey struct{}

// bindName is the parameter of a form's address that names for whom it acts.
const bindName = "as"

// WithActing tells the frame for whom the reader acts. Doors call it in the
// middleware that finds the session.
func WithActing(ctx context.Context, a Acting) context.Context {
	return context.WithValue(ctx, actingKey{}, a)
}

// ActingOf gives for whom the reader acts, nil when for herself.
func ActingOf(ctx context.Context) *Acting {
	if a, ok := ctx.Value(actingKey{}).(Acting); ok {
		return &a
	}
	return nil
}

// Bound reports whether a request that may change something comes from a page
// that was drawn for the one for whom it would act now. Reading is always bound.
func Bound(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	want := ""
	if a := ActingOf(r.Context()); a != nil {
		want = a.Bind
	}
	return r.URL.Query().Get(bindName) == want
}

// bound binds every form of a drawn page that posts, and every button that
// sends one elsewhere. What is drawn is our own templates' output: values are
// escaped, so that a tag in it is a tag of ours.
func bound(page []byte, bind, path string) []byte {
	page = rebound(page, "<form", func(tag string) string {
		if !strings.Contains(tag, ` method="post"`) {
			return tag
		}
		if !strings.Contains(tag, ` action="`) {
			tag = `<form action="` + html.EscapeString(path) + `"` + tag[len("<form"):]
		}
		return withBind(tag, ` action="`, bind)
	})
	if !bytes.Contains(page, []byte(` formaction="`)) {
		return page
	}
	return rebound(page, "<button", func(tag string) string {
		if !strings.Contains(tag, ` formaction="`) {
			return tag
		}
		return withBind(tag, ` formaction="`, bind)
	})
}

// rebound changes every tag that begins in a way.
func rebound(page []byte, begins string, change func(tag string) string) []byte {
	var out bytes.Buffer
	out.Grow(len(page) + 512)
	for {
		i := bytes.Index(page, []byte(begins))
		if i < 0 {
			break
		}
		end := tagEnd(page[i:])
		out.Write(page[:i])
		out.WriteString(change(string(page[i : i+end])))
		page = page[i+end:]
	}
	out.Write(page)
	return out.Bytes()
}

// tagEnd is where a tag ends, its ">" included; those within quotes end nothing.
func tagEnd(b []byte) int {
	var quote byte
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case i > 1 && (c == '"' || c == '\'') && b[1] != '!':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(b)
}

func withBind(tag, attribute, bind string) string {
	i := strings.Index(tag, attribute) + len(attribute)
	j := strings.IndexByte(tag[i:], '"')
	if j < 0 {
		return tag
	}
	u, err := url.Parse(html.UnescapeString(tag[i : i+j]))
	if err != nil || u.Host != "" {
		return tag // it leads to another site
	}
	q := u.Query()
	q.Set(bindName, bind)
	u.RawQuery = q.Encode()
	return tag[:i] + html.EscapeString(u.String()) + tag[i+j:]
}
