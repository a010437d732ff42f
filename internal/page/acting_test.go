// SPDX-License-Identifier: Apache-2.0

package page

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFormsAreBoundToWhomTheyWereDrawnFor(t *testing.T) {
	for in, want := range map[string]string{
		`<p>1 < 2</p><form method="post" action="/a">`:                                        `<p>1 < 2</p><form method="post" action="/a?as=k7">`,
		`<form class="x" method="post" action="/a?b=1&amp;as=old#c"><b>`:                      `<form class="x" method="post" action="/a?as=k7&amp;b=1#c"><b>`,
		`<form id="main" method="post">`:                                                      `<form action="/here?x=1&amp;as=k7" id="main" method="post">`,
		`<form role="search"><input value="a > <form method=&#34;post&#34;>">`:                `<form role="search"><input value="a > <form method=&#34;post&#34;>">`,
		`<button title="it's" formaction="/z">`:                                               `<button title="it's" formaction="/z?as=k7">`,
		`<form method="post" action="https://elsewhere.example/in">`:                          `<form method="post" action="https://elsewhere.example/in">`,
		`<!-- it's --><form method="post" action="/a"></form><form method="get" action="/b">`: `<!-- it's --><form method="post" action="/a?as=k7"></form><form method="get" action="/b">`,
		`no tag`: `no tag`, `<form method="post" action="/a`: `<form method="post" action="/a`,
	} {
		got := string(bound([]byte(in), "k7", "/here?x=1"))
		if strings.ReplaceAll(got, "/here?as=k7&amp;x=1", "/here?x=1&amp;as=k7") != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestStalePageIsNotBound(t *testing.T) {
	for _, c := range []struct {
		method, path, bind string
		want               bool
	}{
		{"GET", "/a", "k7", true}, {"HEAD", "/a?as=zz", "", true}, {"POST", "/a", "", true}, {"POST", "/a?as=k7", "k7", true},
		{"POST", "/a", "k7", false}, {"POST", "/a?as=k7", "", false}, {"POST", "/a?as=k6", "k7", false}, {"DELETE", "/a", "k7", false},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		if c.bind != "" {
			r = r.WithContext(WithActing(r.Context(), Acting{Bind: c.bind}))
		}
		if got := Bound(r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func BenchmarkBindForms(b *testing.B) {
	page := []byte(strings.Repeat(`<p class="x">Lorem ipsum</p><a href="/y">z</a>`, 400) + strings.Repeat(`<form method="post" action="/a"><button>x</button></form>`, 8))
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		bound(page, "k7", "/")
	}
}
