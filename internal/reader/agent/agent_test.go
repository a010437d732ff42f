// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/reader"
	"danh/internal/reader/agent"
)

const console = "https://officer.example"

var who = agent.Identity{Counter: "counter-1", Name: "Quầy 1", Office: "Office", Origin: console, Seed: make([]byte, ed25519.SeedSize)}

// held is a device that reads when it is told to.
type held struct {
	kind string
	do   func(ctx context.Context, ask reader.Ask) (agent.Content, error)
}

func (h held) Kind() string          { return h.kind }
func (h held) Device() reader.Device { return reader.Device{Name: "device", Version: "1"} }
func (h held) Read(ctx context.Context, ask reader.Ask) (agent.Content, error) {
	return h.do(ctx, ask)
}

func serve(t *testing.T, i agent.Identity, d ...agent.Device) *httptest.Server {
	t.Helper()
	var h http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	h = agent.New(agent.Config{Identity: i, Hosts: []string{strings.TrimPrefix(s.URL, "http://")}, Devices: d, Clock: clock.System(), Version: "test", Wait: 3 * time.Second})
	return s
}

func ask(want reader.Want) string {
	a := reader.Ask{Counter: who.Counter, Nonce: make([]byte, reader.NonceSize), Want: want}
	b, _ := json.Marshal(a)
	return string(b)
}

func call(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// TestPagesThatAreNotTheConsole: nobody but the paired console's pages reaches
// the devices or learns which counter this is.
func TestPagesThatAreNotTheConsole(t *testing.T) {
	read := 0
	s := serve(t, who, held{reader.Finger, func(context.Context, reader.Ask) (agent.Content, error) {
		read++
		return agent.Content{Files: map[string][]byte{"finger-1": []byte("P5")}}, nil
	}})
	body := ask(reader.Want{Kind: reader.Finger, Positions: []int{1}})
	for name, header := range map[string][]string{
		"another site":                {"Origin", "https://evil.example"},
		"a name that begins alike":    {"Origin", console + ".evil.example"},
		"the console over plain http": {"Origin", "http://officer.example"},
		"the console's other port":    {"Origin", console + ":8443"},
		"a sandboxed frame":           {"Origin", "null"},
		"no origin at all":            {},
		"a rebound name":              {"Origin", console, "Host", "evil.example:8087"},
		"a rebound name, own origin":  {"Origin", "http://evil.example:8087", "Host", "evil.example:8087"},
		"the agent's own address":     {"Origin", s.URL},
	} {
		for _, m := range []string{"GET /status", "POST /read", "OPTIONS /read"} {
			method, path, _ := strings.Cut(m, " ")
			res, text := call(t, method, s.URL+path, body, append([]string{"Content-Type", "application/json"}, header...)...)
			if res.StatusCode != http.StatusForbidden || res.Header.Get("Access-Control-Allow-Origin") != "" || strings.Contains(text, who.Counter) {
				t.Errorf("%s: %s answers %d %s", name, m, res.StatusCode, text)
			}
		}
	}
	if res, _ := call(t, "GET", serve(t, agent.Identity{}).URL+"/status", "", "Origin", ""); res.StatusCode != http.StatusForbidden {
		t.Error("an agent without a console answers a page without an origin")
	}
	if read != 0 {
		t.Fatalf("the device read %d times", read)
	}
}

func TestPreflightOfTheConsole(t *testing.T) {
	s := serve(t, who)
	res, _ := call(t, "OPTIONS", s.URL+"/read", "", "Origin", console, "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true")
	h := res.Header
	if res.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != console || h.Get("Access-Control-Allow-Private-Network") != "true" || h.Get("Vary") != "Origin" {
		t.Fatalf("%d %v", res.StatusCode, h)
	}
	if res, _ := call(t, "OPTIONS", s.URL+"/read", "", "Origin", console); res.Header.Get("Access-Control-Allow-Private-Network") != "" {
		t.Error("permission that nobody asked for")
	}
}

func TestConsoleReads(t *testing.T) {
	s := serve(t, who, held{reader.Finger, func(_ context.Context, a reader.Ask) (agent.Content, error) {
		return agent.Content{Files: map[string][]byte{"finger-1": []byte("P5")}}, nil
	}})
	res, text := call(t, "GET", s.URL+"/status", "", "Origin", console)
	var st reader.Status
	if err := json.Unmarshal([]byte(text), &st); err != nil || res.StatusCode != 200 || st.Counter != who.Counter || len(st.Devices) != 1 || st.Devices[0].Kind != reader.Finger {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	want := reader.Want{Kind: reader.Finger, Positions: []int{1, 2}, Dossier: "d"}
	res, text = call(t, "POST", s.URL+"/read", ask(want), "Origin", console, "Content-Type", "application/json")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != reader.MediaType {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	got, err := reader.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Verify(who.Key().Public().(ed25519.PublicKey)); err != nil || !got.Statement.Want.Equal(want) || got.Statement.Device.Name != "device" {
		t.Fatalf("%+v %v", got.Statement, err)
	}
}

func TestRefusalsHaveTheirCode(t *testing.T) {
	fails := func(err error) agent.Device {
		return held{reader.Portrait, func(context.Context, reader.Ask) (agent.Content, error) { return agent.Content{}, err }}
	}
	post := func(s *httptest.Server, body, kind string) string {
		res, text := call(t, "POST", s.URL+"/read", body, "Origin", console, "Content-Type", kind)
		if res.StatusCode < 400 || res.Header.Get("Access-Control-Allow-Origin") != console {
			t.Errorf("%d %s", res.StatusCode, text)
		}
		var r reader.Refusal
		_ = json.Unmarshal([]byte(text), &r)
		return r.Code
	}
	portrait := ask(reader.Want{Kind: reader.Portrait})
	for name, x := range map[string]struct {
		d    agent.Device
		body string
		kind string
		code string
	}{
		"a form's content type": {fails(nil), portrait, "text/plain", reader.CodeForm},
		"no JSON":               {fails(nil), "{", "application/json", reader.CodeForm},
		"unknown field":         {fails(nil), `{"more":1}`, "application/json", reader.CodeForm},
		"too long":              {fails(nil), `{"counter":"` + strings.Repeat("x", 20<<10) + `"}`, "application/json", reader.CodeForm},
		"another counter":       {fails(nil), strings.Replace(portrait, who.Counter, "counter-2", 1), "application/json", reader.CodeCounter},
		"chip without a zone":   {fails(nil), ask(reader.Want{Kind: reader.Chip}), "application/json", reader.CodeForm},
		"no such device":        {fails(nil), ask(reader.Want{Kind: reader.Finger, Positions: []int{1}}), "application/json", reader.CodeDevice},
		"nothing came":          {fails(agent.ErrTimeout), portrait, "application/json", reader.CodeTimeout},
		"closed chip":           {fails(errors.Join(agent.ErrAccess)), portrait, "application/json", reader.CodeAccess},
		"broken":                {fails(errors.New("usb")), portrait, "application/json", reader.CodeFailed},
		"read nothing":          {fails(nil), portrait, "application/json", reader.CodeFailed},
	} {
		if got := post(serve(t, who, x.d), x.body, x.kind); got != x.code {
			t.Errorf("%s: %q, not %q", name, got, x.code)
		}
	}
	// While one page reads, another waits its turn.
	begun, end := make(chan struct{}), make(chan struct{})
	s := serve(t, who, held{reader.Portrait, func(context.Context, reader.Ask) (agent.Content, error) {
		close(begun)
		<-end
		return agent.Content{}, agent.ErrTimeout
	}})
	first := make(chan string)
	go func() { first <- post(s, portrait, "application/json") }()
	<-begun
	if got := post(s, portrait, "application/json"); got != reader.CodeBusy {
		t.Errorf("a second reading: %q", got)
	}
	close(end)
	if got := <-first; got != reader.CodeTimeout {
		t.Errorf("the first reading: %q", got)
	}
}

func TestFolderTakesWhatCame(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("finger-1.pgm", "P5 of the person before") // must not be taken for the next one's
	f, err := agent.NewFolder(reader.Finger, dir, "scanner")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		time.Sleep(400 * time.Millisecond)
		put("left-index.pgm", "P5 seven")
		put("scan_0002.png", "no picture at all")
		put("right thumb.png", "\x89PNG\r\n\x1a\none")
		put("notes.txt", "P5")
		time.Sleep(500 * time.Millisecond)
		put("capturing.pgm", "P5 the next that is missing")
	}()
	c, err := f.Read(ctx, reader.Ask{Want: reader.Want{Kind: reader.Finger, Positions: []int{1, 3, 7}}})
	if err != nil || len(c.Files) != 3 || string(c.Files["finger-7"]) != "P5 seven" || !strings.HasSuffix(string(c.Files["finger-1"]), "one") || !strings.HasSuffix(string(c.Files["finger-3"]), "missing") {
		t.Fatalf("%q %v", c.Files, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 3 {
		t.Fatalf("pictures lie about: %v", left)
	}
	// Nothing comes: an honest timeout, not the older picture.
	ctx, cancel = context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	if c, err := f.Read(ctx, reader.Ask{Want: reader.Want{Kind: reader.Finger, Positions: []int{1}}}); !errors.Is(err, agent.ErrTimeout) {
		t.Fatalf("%q %v", c.Files, err)
	}
}

func TestPairKeepsItsKeyToItself(t *testing.T) {
	var got reader.Pairing
	answer, status := `{"counter":"c-1","origin":"https://officer.example","office":"Office"}`, http.StatusCreated
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer s.Close()
	dir := filepath.Join(t.TempDir(), "reader")
	if _, err := agent.Load(dir); !errors.Is(err, agent.ErrUnpaired) {
		t.Fatal(err)
	}
	i, err := agent.Pair(t.Context(), s.Client(), dir, s.URL, "CODE", "Quầy 1")
	if err != nil {
		t.Fatal(err)
	}
	back, err := agent.Load(dir)
	if err != nil || back.Counter != "c-1" || back.Origin != console || string(back.Seed) != string(i.Seed) || got.Code != "CODE" || string(got.Key) != string(back.Key().Public().(ed25519.PublicKey)) {
		t.Fatalf("%+v %+v %v", back, got, err)
	}
	if st, err := os.Stat(filepath.Join(dir, "reader.json")); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", st, err)
	}
	// A refused code and an answer that is none leave the old identity alone.
	status = http.StatusForbidden
	if _, err := agent.Pair(t.Context(), s.Client(), dir, s.URL, "CODE", "Q"); !errors.Is(err, agent.ErrCode) {
		t.Error(err)
	}
	status = http.StatusOK
	for _, answer = range []string{"{}", "<html>", `{"counter":"c","origin":"officer.example"}`, `{"counter":"c","origin":"https://officer.example/path"}`} {
		if _, err := agent.Pair(t.Context(), s.Client(), dir, s.URL, "CODE", "Q"); err == nil {
			t.Errorf("paired by %s", answer)
		}
	}
	for _, url := range []string{"http://officer.example", "ftp://localhost", "officer.example", "http://127.0.0.1.evil.example", ""} {
		if _, err := agent.Pair(t.Context(), s.Client(), dir, url, "CODE", "Q"); err == nil {
			t.Errorf("paired with %q", url)
		}
	}
	if again, err := agent.Load(dir); err != nil || again.Counter != "c-1" {
		t.Fatal(again, err)
	}
	if err := agent.Forget(dir); err != nil {
		t.Fatal(err)
	}
	if err := agent.Forget(dir); !errors.Is(err, agent.ErrUnpaired) {
		t.Fatal(err)
	}
}
