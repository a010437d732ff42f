// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"danh/internal/fault"
)

// failure is what a failing page tells: what happened, why, what next.
type failure struct {
	What, Why, Next template.HTML
	Reference       string // only for internal errors
	Wait            string
	Icon            string
}

// Fail shows an error with the journey's texts; see Site.Fail.
func (j *Journey) Fail(w http.ResponseWriter, r *http.Request, err error) {
	j.site.fail(w, r, err, j.words[Language(r)])
}

// Fail shows an error as a page and logs it once when it is internal. A
// fault's key is the text of what happened; the texts KEY.why and KEY.next are
// shown when they exist, else those of its kind.
func (s *Site) Fail(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(w, r, err, s.layout[Language(r)].words)
}

func (s *Site) failInternal(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(w, r, err, s.layout[Language(r)].words)
}

func (s *Site) failPanic(w http.ResponseWriter, r *http.Request, p any) {
	s.conf.Log.ErrorContext(r.Context(), "handler panicked", "door", s.conf.Door, "request", Reference(r.Context()), "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	s.fail(w, r, errPanicked, s.layout[Language(r)].words)
}

type panicked struct{}

func (panicked) Error() string { return "handler panicked" }

var errPanicked = panicked{}

func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error, words *words) {
	if s.conf.Lead != nil && s.conf.Lead(w, r, err) {
		return
	}
	ft := fault.Of(err)
	kind, key := "internal", ""
	args := map[string]string{}
	f := failure{Icon: "alert"}
	status := fault.Status(err)
	switch {
	case ft != nil:
		kind, key = string(ft.Kind), ft.Key
		for k, v := range ft.Args {
			if _, en := ft.Args[k+fault.InEnglish]; !en || words.language != English {
				args[k] = v
			}
			if name, ok := strings.CutSuffix(k, fault.InEnglish); ok && words.language == English {
				args[name] = v
			}
		}
		if ft.RetryAfter > 0 {
			f.Wait = wait(ft.RetryAfter, words.language)
			args["wait"] = f.Wait
			w.Header().Set("Retry-After", strconv.Itoa(int((ft.RetryAfter+time.Second-1)/time.Second)))
		}
		if len(ft.Fields) > 0 {
			if _, ok := words.find(key); !ok {
				key = ft.Fields[0].Key
			}
		}
	case r.Context().Err() != nil:
		return // the reader has gone; nobody is left to be told, and it is no fault of ours
	default:
		f.Reference = Reference(r.Context())
		if err != errPanicked {
			s.conf.Log.ErrorContext(r.Context(), "request failed", "door", s.conf.Door, "request", f.Reference, "method", r.Method, "err", err)
		}
	}
	pick := func(keys ...string) template.HTML {
		for _, k := range keys {
			if _, ok := words.find(k); ok && k != "" {
				return words.rich(k, args)
			}
		}
		return ""
	}
	f.What = pick(key, "fault."+kind)
	if key != "" {
		f.Why = pick(key + ".why")
	}
	if f.Why == "" {
		f.Why = pick("fault." + kind + ".why")
	}
	next := "fault." + kind + ".next"
	if f.Wait != "" {
		next = "fault.wait.next"
	}
	f.Next = pick(key+".next", next)
	set := &set{words: words, tmpl: s.layout[words.language].tmpl.Lookup("fault")}
	v := View{Title: "fault." + kind + ".title", Data: f, Layout: s.failLayout()}
	frame := s.frame(r, words, v)
	out, drawErr := s.drawFault(set, frame)
	if drawErr != nil {
		s.conf.Log.ErrorContext(r.Context(), "fault page failed", "door", s.conf.Door, "request", Reference(r.Context()), "err", drawErr)
		http.Error(w, "Danh: 500 "+Reference(r.Context()), http.StatusInternalServerError)
		return
	}
	s.write(w, r, status, words.language, out)
}

// wait is a duration in words, rounded up to what a person would say.
func wait(d time.Duration, language string) string {
	unit := func(n int, vi, en string) string {
		if language == English {
			if n != 1 {
				en += "s"
			}
			return strconv.Itoa(n) + " " + en
		}
		return strconv.Itoa(n) + " " + vi
	}
	up := func(u time.Duration) int { return int((d + u - 1) / u) }
	switch {
	case d <= 90*time.Second:
		return unit(up(time.Second), "giây", "second")
	case d <= 90*time.Minute:
		return unit(up(time.Minute), "phút", "minute")
	case d <= 48*time.Hour:
		return unit(up(time.Hour), "giờ", "hour")
	}
	return unit(up(24*time.Hour), "ngày", "day")
}

// failLayout is the layout of the door's ordinary pages.
func (s *Site) failLayout() string {
	if s.conf.Door == "citizen" || s.conf.Door == "" {
		return Phone
	}
	return Desk
}

func (s *Site) drawFault(set *set, f *Frame) ([]byte, error) {
	var b bytes.Buffer
	err := s.draw(&b, set, f)
	return b.Bytes(), err
}
