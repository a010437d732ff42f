// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"html/template"
	"net/http"
	"time"
)

// Layouts.
const (
	Phone = "phone" // one narrow column, thumb first; the default
	Desk  = "desk"  // wide, with optional step rail and side column
	Print = "print" // a sheet of paper: receipts, proofs
)

// Heads of a phone page.
const (
	Hero = "hero" // mark, big heading, lede on the terraces; default without Back
	Task = "task" // slim: back, short name; default with Back
	Home = "home" // like Hero, tall: the first thing of the body climbs into it
)

// View is what a handler asks to be shown.
type View struct {
	Title  any               // text key, Text or Raw of the page's heading
	Lede   any               // words under the heading
	Args   map[string]string // placeholders of Title, Lede, Task and Meta
	Layout string
	Head   string
	Task   any    // short name in a task header or above a desk heading
	Meta   any    // quiet words at the right of a task header
	Back   string // path; shows a way back
	BackTo any    // words for it on a desk page; "Quay lại" when nil
	Step   int    // with Steps: "Bước 3 trên 5" and the stair
	Steps  int
	Nav    string // Link.ID of the place this page belongs to
	Wide   bool   // desk: no side column is kept free
	Notice *Notice
	Form   *Form
	Data   any
	Seed   int // terrace drawing; 0 takes one from the door and the task
}

// Notice is a message set apart from the text.
type Notice struct {
	Kind  string // ok, info, warn, danger
	Title any
	Body  any
	Args  map[string]string
}

// Person is who is signed in, as far as a page shows it.
type Person struct {
	Name string // on the account button; may be empty
	Href string // where the button leads
}

type personKey struct{}

// WithPerson tells the frame who is signed in. Doors call it in the
// middleware that finds the session.
func WithPerson(ctx context.Context, p Person) context.Context {
	return context.WithValue(ctx, personKey{}, p)
}

func personOf(ctx context.Context) *Person {
	if p, ok := ctx.Value(personKey{}).(Person); ok {
		return &p
	}
	return nil
}

// Frame is the dot of every page template.
type Frame struct {
	View
	Language string
	Theme    string
	Size     string // of text: "", "large" or "huge"
	Path     string // path and query, for coming back
	Now      time.Time
	Person   *Person
	Acting   *Acting // for whom the reader acts; nil: for herself
	Request  string  // reference of this request

	site  *Site
	r     *http.Request
	parts map[string]template.HTML
	flash *Notice
	words *words
}
