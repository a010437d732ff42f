// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"testing"

	"danh/internal/db"
	"danh/internal/webtest"
	"danh/tour"
)

// TestEveryPageOfTheCounter follows every link of the console and of the
// citizen's door after people came to a counter: a dossier half done, one that
// waits for the second officer, a card handed over, a child with a parent.
func TestEveryPageOfTheCounter(t *testing.T) {
	s, log := running(t, db.SQLite, 300)
	env := staffed(t, s, false)
	texts := readTexts(t)
	var last tour.Sample
	for _, until := range []int{8, 10, 0} { // compared, handed in, all of it
		var err error
		if last, err = tour.LeaveCounter(t.Context(), env, until); err != nil {
			t.Fatalf("%v\n%s", err, tail(log.String()))
		}
	}
	parent, err := tour.LeaveChild(t.Context(), env, 0)
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(log.String()))
	}
	for _, role := range []string{"intake", "approver"} {
		o, err := env.FindOfficer(role)
		if err != nil {
			t.Fatal(err)
		}
		c := webtest.New(t, env.Officer)
		p := signInAs(c.Get(env.Officer+"/signin"), env, o.Sample).UsePasskey("Dùng khoá đăng nhập", o.Passkey)
		if p.Has(`form[action="/consent"]`) {
			p = p.Submit("Đồng ý")
		}
		p.Want(http.StatusOK)
		for _, language := range []string{"vi", "en"} {
			t.Run(role+", "+language, func(t *testing.T) {
				c.T = t
				crawl(t, env, texts, c, language, 60)
			})
		}
	}
	for name, her := range map[string]tour.Sample{"with a card": last, "a parent": parent} {
		c := webtest.New(t, env.Citizen)
		signInAs(c.Get(env.Citizen+"/signin"), env, her).Want(http.StatusOK)
		for _, language := range []string{"vi", "en"} {
			t.Run(name+", "+language, func(t *testing.T) {
				c.T = t
				crawl(t, env, texts, c, language, 50)
			})
		}
	}
	if t.Failed() {
		t.Log(tail(log.String()))
	}
}
