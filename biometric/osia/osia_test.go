// SPDX-License-Identifier: Apache-2.0

package osia_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"danh/audit"
	"danh/biometric"
	"danh/biometric/afis"
	"danh/biometric/matchertest"
	"danh/biometric/osia"
	"danh/biometric/raster"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/fingerprint"
	"danh/internal/fmr"
	"danh/internal/id"
	wire "danh/internal/osia"
	sandbox "danh/sandbox/osia"
)

var (
	by     = audit.System("test")
	engine = biometric.Info{Name: "sandbox", Version: "1"}
)

const token = "a token"

func at() clock.Clock { return clock.NewFake(time.Date(2026, 11, 21, 9, 0, 0, 0, clock.Vietnam)) }

// abis is a sandbox engine and a client of it.
type abis struct {
	*osia.Client
	engine *sandbox.Server
	// callback decides what becomes of a callback; nil lets it through.
	callback atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

func start(t *testing.T, async bool, s sandbox.Config, c osia.Config) *abis {
	t.Helper()
	a := &abis{}
	s.Token = token
	a.engine = sandbox.New(s)
	server := httptest.NewServer(a.engine)
	t.Cleanup(func() { a.engine.Close(); server.Close() })
	c.URL, c.Token, c.Engine, c.Extract, c.Clock = server.URL, token, engine, afis.New(), at()
	if async {
		back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if f := a.callback.Load(); f != nil && (*f)(w, r) {
				return
			}
			a.Client.ServeHTTP(w, r)
		}))
		t.Cleanup(back.Close)
		c.Callback = back.URL + "/osia/answer"
	}
	var err error
	if a.Client, err = osia.New(c); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *abis) on(f func(http.ResponseWriter, *http.Request) bool) { a.callback.Store(&f) }

func name(*testing.T) biometric.Reference { return fresh() }

func fresh() biometric.Reference { return biometric.Reference(id.NewPerson()) }

func TestClientConformsAtOnce(t *testing.T) {
	a := start(t, false, sandbox.Config{}, osia.Config{})
	matchertest.Run(t, matchertest.Harness{Matcher: a, Engine: afis.New(), Name: name})
}

func TestClientConformsByCallback(t *testing.T) {
	a := start(t, true, sandbox.Config{Delay: 5 * time.Millisecond}, osia.Config{})
	matchertest.Run(t, matchertest.Harness{Matcher: a, Engine: afis.New(), Name: name})
}

func samples(t *testing.T) []biometric.Sample {
	t.Helper()
	s, err := biometric.Extracted(context.Background(), afis.New(), []biometric.Sample{
		{Kind: biometric.Finger, Position: fmr.LeftThumb, Image: raster.Image{Gray: fingerprint.New(77).Enrolled(0), DPI: fingerprint.DPI}},
		{Kind: biometric.Finger, Position: fmr.LeftRing, Missing: biometric.Damaged}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func enrol(a *abis, s []biometric.Sample) (biometric.Reference, error) {
	r := fresh()
	return r, a.Enrol(context.Background(), by, biometric.Encounter{ID: biometric.NewEncounter(), Reference: r, Gallery: "card", Samples: s})
}

// TestEngineIsToldReferencesOnly: whatever members were sent, none of them can
// carry a name, a number or a birth date.
func TestEngineIsToldReferencesOnly(t *testing.T) {
	a := start(t, false, sandbox.Config{}, osia.Config{Images: true})
	s := samples(t)
	r, err := enrol(a, s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Verify(context.Background(), "card", r, s); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Identify(context.Background(), "card", s, 3); err != nil {
		t.Fatal(err)
	}
	allowed := []string{"status", "encounterType", "galleries", "biometricData", "biometricType", "biometricSubType", "instance", "image",
		"impressionType", "width", "height", "bitdepth", "mimeType", "resolution", "compression", "missing", "presence", "template",
		"templateFormat", "quality", "qualityFormat", "algorithm", "vendor", "filter"}
	told := a.engine.Told()
	if len(told) < 15 {
		t.Fatalf("only %v was sent", told)
	}
	for _, m := range told {
		if !slices.Contains(allowed, m) {
			t.Errorf("the engine was told %q", m)
		}
	}
}

func TestLostCallbackIsDeliveredAgain(t *testing.T) {
	a := start(t, true, sandbox.Config{Tries: 1}, osia.Config{AskAfter: 20 * time.Millisecond})
	var lost atomic.Int32
	a.on(func(w http.ResponseWriter, r *http.Request) bool {
		if lost.Add(1) == 1 { // swallowed on the way: the engine believes that it arrived
			w.WriteHeader(http.StatusNoContent)
			return true
		}
		if lost.Load() == 2 { // refused on the way: the engine gives up
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		return false
	})
	if _, err := enrol(a, samples(t)); err != nil || lost.Load() < 3 {
		t.Fatalf("%v after %d deliveries", err, lost.Load())
	}
}

func TestLateAnswerIsUnavailable(t *testing.T) {
	a := start(t, true, sandbox.Config{Delay: 300 * time.Millisecond, Tries: 1}, osia.Config{Wait: 50 * time.Millisecond, AskAfter: 20 * time.Millisecond})
	if _, err := enrol(a, samples(t)); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
}

// TestStrangersCallbackIsRefused: somebody who guesses the address, or who
// answers for another transaction, decides nothing.
func TestStrangersCallbackIsRefused(t *testing.T) {
	a := start(t, true, sandbox.Config{}, osia.Config{AskAfter: 20 * time.Millisecond})
	yes := []byte(`{"decision":true,"scores":[{"score":99}]}`)
	a.on(func(w http.ResponseWriter, r *http.Request) bool {
		for _, forged := range []string{"/osia/answer/guess?" + r.URL.RawQuery, "/osia/answer/?" + r.URL.RawQuery,
			r.URL.Path + "?transactionId=other&taskId=" + r.URL.Query().Get("taskId"), r.URL.Path + "?transactionId=" + r.URL.Query().Get("transactionId")} {
			rec := httptest.NewRecorder()
			req := httptest.NewRequest(http.MethodPost, forged, bytes.NewReader(yes))
			req.Header.Set("Content-Type", "application/json")
			a.Client.ServeHTTP(rec, req)
			if rec.Code != http.StatusNotFound {
				t.Errorf("%s was answered %d", forged, rec.Code)
			}
		}
		return false
	})
	other, err := biometric.Extracted(context.Background(), afis.New(), []biometric.Sample{
		{Kind: biometric.Finger, Position: fmr.LeftThumb, Image: raster.Image{Gray: fingerprint.New(78).Enrolled(0), DPI: fingerprint.DPI}}})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := a.VerifySamples(context.Background(), other, samples(t)); err != nil || c.Band == biometric.Match {
		t.Fatalf("%+v, %v", c, err)
	}
	rec := httptest.NewRecorder()
	a.Client.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/osia/answer/x", nil))
	if rec.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET was answered %d", rec.Code)
	}
}

func TestAnswerToAnotherTaskIsRefused(t *testing.T) {
	a := start(t, true, sandbox.Config{Tries: 1}, osia.Config{AskAfter: time.Minute})
	a.on(func(w http.ResponseWriter, r *http.Request) bool {
		q := r.URL.Query()
		q.Set("taskId", "another")
		r.URL.RawQuery = q.Encode()
		return false
	})
	if _, err := enrol(a, samples(t)); err == nil {
		t.Fatal("it was taken")
	}
}

func TestWrongTokenIsUnavailableNotAnAnswer(t *testing.T) {
	a := start(t, false, sandbox.Config{}, osia.Config{})
	server := httptest.NewServer(a.engine)
	defer server.Close()
	c, err := osia.New(osia.Config{URL: server.URL, Token: "wrong", Engine: engine, Extract: afis.New(), Clock: at()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(context.Background(), "card", name(t), samples(t)); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
}

// engineOf serves one answer to everything and keeps what it was asked.
func engineOf(t *testing.T, status int, body string) (*osia.Client, *atomic.Pointer[string], func(osia.Config) *osia.Client) {
	t.Helper()
	var asked atomic.Pointer[string]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		s := r.Method + " " + r.URL.EscapedPath() + "\n" + b.String()
		asked.Store(&s)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	with := func(c osia.Config) *osia.Client {
		c.URL, c.Engine, c.Extract, c.Clock = server.URL, engine, afis.New(), at()
		client, err := osia.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	return with(osia.Config{}), &asked, with
}

// TestEnginesNonsenseIsNoResult: answers that are not as the interface has
// them must not become a match, and a word of the engine's must not become an
// error text, which may repeat what it was sent.
func TestEnginesNonsenseIsNoResult(t *testing.T) {
	s := samples(t)
	for name, c := range map[string]struct {
		status int
		body   string
		kind   fault.Kind // "" for an internal error
	}{
		"no JSON":              {200, `decision: yes`, ""},
		"another shape":        {200, `[true]`, ""},
		"text for a decision":  {200, `{"decision":"true"}`, ""},
		"a redirect":           {302, ``, fault.Unavailable},
		"no content":           {204, ``, fault.Unavailable},
		"broken":               {500, `{"code":1,"message":"secret 079090001234"}`, fault.Unavailable},
		"bad request":          {400, `{"code":1,"message":"secret 079090001234"}`, fault.Invalid},
		"unknown":              {404, `secret 079090001234`, fault.NotFound},
		"accepted, nothing to": {202, `{"taskId":"x"}`, fault.Unavailable},
	} {
		client, _, _ := engineOf(t, c.status, c.body)
		got, err := client.VerifySamples(context.Background(), s, s)
		if err == nil || got.Band == biometric.Match {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		if f := fault.Of(err); c.kind == "" && f != nil || c.kind != "" && (f == nil || f.Kind != c.kind) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(err.Error(), "079090001234") {
			t.Errorf("%s: the engine's words are in the error", name)
		}
	}
	for name, body := range map[string]string{
		"a person never enrolled": `[{"personId":"Nguyễn Văn An","rank":1,"score":90}]`,
		"more than were asked":    `[` + strings.Repeat(`{"personId":"01a2002b-983d-45e6-9a61-88322a39f595","rank":1,"score":90},`, 4) + `{"personId":"01a2002b-983d-45e6-9a61-88322a39f595","rank":5,"score":1}]`,
		"out of order":            `[{"personId":"01a2002b-983d-45e6-9a61-88322a39f595","rank":1,"score":9},{"personId":"01a2002b-983d-45e6-9a61-88322a39f595","rank":2,"score":90}]`,
	} {
		client, _, _ := engineOf(t, 200, body)
		if out, err := client.Identify(context.Background(), "card", s, 3); err == nil {
			t.Errorf("%s: %+v", name, out)
		}
	}
	client, _, _ := engineOf(t, 200, `{"personId":"somebody","encounterId":"else"}`)
	if err := client.Enrol(context.Background(), by, biometric.Encounter{ID: biometric.NewEncounter(), Reference: fresh(), Gallery: "card", Samples: s}); err == nil {
		t.Error("the enrolment of somebody else was taken")
	}
}

// TestNoOfAnUnknownScaleIsForAnOfficer: without a rule for the engine's scale
// its no is not taken as final, and its yes only when it decided so itself.
func TestNoOfAnUnknownScaleIsForAnOfficer(t *testing.T) {
	s := samples(t)
	rules, err := biometric.ParsePolicies("engine\tfingers\tmatch_at\tofficer_at\tvalid_from\tvalid_to\tsource\tverified\nsandbox\t1\t80\t30\t2026-01-01\t\ttest\ttrue")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body  string
		rules biometric.Policies
		want  biometric.Band
	}{
		{`{"decision":true,"scores":[{"score":9000}]}`, nil, biometric.Match},
		{`{"decision":false,"scores":[{"score":12}]}`, nil, biometric.OfficerComparison},
		{`{"decision":false,"scores":[{"score":12}]}`, rules, biometric.NoMatch},
		{`{"decision":false,"scores":[{"score":40}]}`, rules, biometric.OfficerComparison},
		{`{"decision":false,"scores":[{"score":90}]}`, rules, biometric.OfficerComparison},
		{`{"decision":false}`, rules, biometric.OfficerComparison},
	} {
		_, _, with := engineOf(t, 200, c.body)
		if got, err := with(osia.Config{Policies: c.rules}).VerifySamples(context.Background(), s, s); err != nil || got.Band != c.want {
			t.Errorf("%s: %+v, %v; want %s", c.body, got, err, c.want)
		}
	}
}

// TestFacesGoToAnEngineThatComparesThem and nowhere else.
func TestFacesGoToAnEngineThatComparesThem(t *testing.T) {
	face := []biometric.Sample{{Kind: biometric.Face, Portrait: []byte("\xff\xd8\xff somebody's face")}}
	_, asked, with := engineOf(t, 200, `{"decision":true,"scores":[{"score":812.5,"biometricType":"FACE","biometricSubType":"PORTRAIT"}]}`)
	c, err := with(osia.Config{Faces: true}).VerifySamples(context.Background(), face, face)
	if err != nil || c.Band != biometric.Match || c.Fused != 812.5 || c.Engine != engine {
		t.Fatalf("%+v, %v", c, err)
	}
	head, body, _ := strings.Cut(*asked.Load(), "\n")
	var sent wire.VerifyFromBioRequest
	if err := json.Unmarshal([]byte(body), &sent); err != nil || head != "POST /v1/verify" || len(sent.BiometricData1) != 1 ||
		sent.BiometricData1[0].BiometricType != wire.TypeFace || sent.BiometricData1[0].MimeType != "image/jpeg" {
		t.Fatalf("%s %+v, %v", head, sent, err)
	}
	asked.Store(nil)
	c, err = with(osia.Config{}).VerifySamples(context.Background(), face, face)
	if err != nil || c.Band != biometric.OfficerComparison || c.Why != biometric.WhyNoFaceEngine || asked.Load() != nil {
		t.Fatalf("a face was sent to an engine for fingers: %+v, %v", c, err)
	}
}

func TestGalleryCannotLeaveItsPlaceInThePath(t *testing.T) {
	_, asked, with := engineOf(t, 404, ``)
	_, err := with(osia.Config{}).Verify(context.Background(), "a/../../v1/persons?x=", fresh(), samples(t))
	if !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	if path := strings.Fields(*asked.Load())[1]; !strings.HasPrefix(path, "/v1/verify/a%2F..%2F..%2Fv1%2Fpersons%3Fx=/") {
		t.Fatal(path)
	}
}

func TestUnusableConfigurationIsRefused(t *testing.T) {
	good := osia.Config{URL: "https://abis.example", Engine: engine, Extract: afis.New(), Clock: at()}
	for name, change := range map[string]func(*osia.Config){
		"no address":      func(c *osia.Config) { c.URL = "" },
		"a file":          func(c *osia.Config) { c.URL = "file:///etc/passwd" },
		"no version":      func(c *osia.Config) { c.Engine.Version = "" },
		"no extractor":    func(c *osia.Config) { c.Extract = nil },
		"callback no URL": func(c *osia.Config) { c.Callback = "here" },
	} {
		c := good
		change(&c)
		if _, err := osia.New(c); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := osia.New(good); err != nil {
		t.Error(err)
	}
}
