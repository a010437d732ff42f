// SPDX-License-Identifier: Apache-2.0

package webtest

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed axe/axe.min.js
var axeSource string

// Browser is a running Chromium with a fresh profile.
type Browser struct {
	T   testing.TB
	ctx context.Context
}

// Chromium starts the browser for the length of the test. Where no Chromium is
// installed the test is skipped, unless DANH_BROWSER=must.
func Chromium(t testing.TB, flags ...string) *Browser {
	t.Helper()
	path := ""
	for _, name := range []string{os.Getenv("DANH_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); name != "" && err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("DANH_BROWSER") == "must" {
			t.Fatal("no Chromium is installed")
		}
		t.Skip("no Chromium is installed")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("headless", "new"), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true),
	)
	for _, f := range flags {
		name, value, ok := strings.Cut(f, "=")
		if ok {
			opts = append(opts, chromedp.Flag(name, value))
		} else {
			opts = append(opts, chromedp.Flag(name, true))
		}
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); stop() })
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &Browser{T: t, ctx: ctx}
}

// With is the same browser for a subtest.
func (b *Browser) With(t testing.TB) *Browser { return &Browser{T: t, ctx: b.ctx} }

// Tab is one page of the browser.
type Tab struct {
	T   testing.TB
	Ctx context.Context // for chromedp actions that have no helper here

	scriptless bool // the page's own scripts are off

	mu       sync.Mutex
	problems []string
}

const windowHeight = 900

// Tab opens a page of a width, light or dark. Motion is reduced, so that
// pictures and clicks do not race with transitions.
func (b *Browser) Tab(width int, dark bool) *Tab {
	b.T.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.T.Cleanup(cancel)
	t := &Tab{T: b.T, Ctx: ctx}
	// The first action makes the tab and must not carry a deadline: the tab
	// would end with it.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		b.T.Fatalf("open a tab: %v", err)
	}
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	t.must("set the width", chromedp.EmulateViewport(int64(width), windowHeight))
	t.must("set the theme", func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return chromedp.Void{}, err
	})
	if err := chromedp.Listen(ctx, t.hear); err != nil {
		b.T.Fatal(err)
	}
	return t
}

// hear notes what the page complains about: script errors and refusals of the
// content security policy.
func (t *Tab) hear(ev any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		t.problems = append(t.problems, "script: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			t.problems = append(t.problems, "script: said an error")
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			t.problems = append(t.problems, string(e.Entry.Source)+": "+e.Entry.Text)
		}
	}
}

// Problems are the script errors and policy refusals so far, pages that
// answered with a status of 400 or more among them.
func (t *Tab) Problems() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.problems...)
}

func (t *Tab) must(what string, a ...chromedp.Action[chromedp.Void]) {
	t.T.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, a...); err != nil {
		t.T.Fatalf("%s: %v", what, err)
	}
}

// Go opens an address and waits until it has loaded, fonts included.
func (t *Tab) Go(url string) *Tab {
	t.T.Helper()
	t.must("go to "+url, chromedp.Navigate(url))
	t.settle()
	return t
}

func (t *Tab) settle() {
	t.T.Helper()
	if t.scriptless { // without scripts no promise is ever kept
		return
	}
	soon[bool](t, `document.fonts.ready.then(() => true)`)
}

// Eval evaluates an expression, waiting for a promise.
func Eval[R any](t *Tab, expression string) R {
	t.T.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, 60*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[R](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.T.Fatalf("evaluate: %v", err)
	}
	return v
}

// patience is how long a page may take until it shows what a test expects of
// it: a busy machine is no failure, a page that never shows it is.
const patience = 20 * time.Second

// soon asks the page until it answers with something other than nothing, or
// until patience ends; a document that is being replaced is asked again.
func soon[R comparable](t *Tab, expression string) R {
	t.T.Helper()
	var none R
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Ctx, patience)
		v, err := chromedp.Run(ctx, chromedp.Evaluate[R](expression, chromedp.EvalAwaitPromise))
		cancel()
		if (err == nil && v != none) || t.Ctx.Err() != nil || time.Now().After(end) {
			return v
		}
	}
}

// Fill types into the field with a label, as a person would.
func (t *Tab) Fill(label, value string) *Tab {
	t.T.Helper()
	id := soon[string](t, fmt.Sprintf(`(() => {
		const want = %s;
		for (const l of document.querySelectorAll('label')) {
			const text = l.textContent.replace(/\s+/g, ' ').trim();
			if (text === want || text.startsWith(want + ' (')) return l.htmlFor;
		}
		return '';
	})()`, js(label)))
	if id == "" {
		t.T.Fatalf("no field labelled %q at %s", label, t.URL())
	}
	t.must("clear "+label, chromedp.Clear(chromedp.ID(id)))
	t.must("fill "+label, chromedp.SendKeys(chromedp.ID(id), value))
	return t
}

// Click presses the link, button or label with these words and waits for what
// follows to load.
func (t *Tab) Click(words string) *Tab {
	t.T.Helper()
	// Whether the click led on is heard at the window, after the page's own
	// handlers have had their say.
	before := soon[float64](t, fmt.Sprintf(`(() => {
		const want = %s;
		const seen = (e) => e.getClientRects().length > 0;
		const leads = (a) => a && !a.target && !a.hasAttribute('download') && (!a.hash || a.href.split('#')[0] !== location.href.split('#')[0]);
		for (const e of document.querySelectorAll('button, a[href], label, summary')) {
			const text = e.textContent.replace(/\s+/g, ' ').trim();
			if (!seen(e) || (text !== want && e.getAttribute('aria-label') !== want)) continue;
			document.querySelector('[data-webtest]')?.removeAttribute('data-webtest');
			e.setAttribute('data-webtest', '');
			if (window.webtestLeaves === undefined) {
				addEventListener('submit', (e) => { if (!e.defaultPrevented && e.target.method !== 'dialog' && !e.target.target) window.webtestLeaves = true; });
				addEventListener('click', (e) => { if (!e.defaultPrevented && leads(e.target.closest?.('a[href]'))) window.webtestLeaves = true; });
			}
			window.webtestLeaves = false;
			return performance.timeOrigin;
		}
		return 0;
	})()`, js(words)))
	if before == 0 {
		t.T.Fatalf("nothing to click says %q at %s", words, t.URL())
	}
	t.must("click "+words, chromedp.Click(chromedp.CSS("[data-webtest]")))
	// A click that leads on replaces the document; one that does not is over at once.
	end := time.Now().Add(800 * time.Millisecond)
	for time.Now().Before(end) && t.Ctx.Err() == nil {
		time.Sleep(40 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Ctx, 10*time.Second)
		now, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`document.readyState !== 'complete' || window.webtestLeaves ? 0 : performance.timeOrigin`))
		cancel()
		if err == nil && now != 0 && now != before {
			break
		}
		if err != nil || now == 0 {
			end = time.Now().Add(10 * time.Second) // a new document is loading
		}
	}
	t.settle()
	return t
}

// URL is where the tab is.
func (t *Tab) URL() string { t.T.Helper(); return Eval[string](t, `location.href`) }

// Text is the visible text of the page.
func (t *Tab) Text() string {
	t.T.Helper()
	return Eval[string](t, `document.body?.innerText ?? ''`)
}

// Want fails the test unless the page shows the words before patience ends.
func (t *Tab) Want(words ...string) *Tab {
	t.T.Helper()
	for _, w := range words {
		if !soon[bool](t, fmt.Sprintf(`(document.body?.innerText ?? '').split(/\s+/u).join(' ').includes(%s)`, js(w))) {
			t.T.Fatalf("%s does not show %q:\n%s", t.URL(), w, strings.Join(strings.Fields(t.Text()), " "))
		}
	}
	return t
}

// Shot writes a picture of the whole page to a file.
func (t *Tab) Shot(file string) *Tab {
	t.T.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, 30*time.Second)
	defer cancel()
	size := Eval[[]float64](t, `[document.documentElement.clientWidth, document.documentElement.scrollHeight]`)
	// The window grows to the whole page, so that what sticks to its foot is
	// pictured there and not across the middle.
	t.must("grow the window", chromedp.EmulateViewport(int64(size[0]), int64(min(size[1], 12000))))
	defer t.must("shrink the window", chromedp.EmulateViewport(int64(size[0]), windowHeight))
	png, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		yes := true
		r, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{FromSurface: &yes, CaptureBeyondViewport: &yes,
			Clip: &page.Viewport{Width: size[0], Height: min(size[1], 12000), Scale: 1}})
		if err != nil {
			return nil, err
		}
		return r.Data, nil
	})
	if err != nil {
		t.T.Fatalf("picture: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.T.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		t.T.Fatal(err)
	}
	return t
}

// Overflow is by how many pixels the page is wider than the window; a page
// that has to be moved sideways is hard to read on a phone (WCAG 1.4.10).
func (t *Tab) Overflow() int {
	t.T.Helper()
	return Eval[int](t, `Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)`)
}

// Violation is one rule that a page breaks.
type Violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

func (v Violation) String() string {
	s := v.ID + ": " + v.Help
	for _, n := range v.Nodes {
		s += "\n  " + n.HTML + "\n    " + strings.ReplaceAll(n.Summary, "\n", "\n    ")
	}
	return s
}

// Axe runs axe-core over the page and returns what breaks WCAG 2.2 level AA.
func (t *Tab) Axe() []Violation {
	t.T.Helper()
	if !Eval[bool](t, `typeof axe === 'object'`) { // once per document
		Eval[bool](t, axeSource+"\n;true")
	}
	// What a sticky bar covers now is scrolled out from under it: only where the
	// bars stand in the text is anything covered for good.
	out := Eval[string](t, `(async () => {
		const bars = [...document.querySelectorAll('body *')].filter(e => getComputedStyle(e).position === 'sticky')
		bars.forEach(e => e.style.setProperty('position', 'static'))
		try {
			const r = await axe.run(document, {runOnly: {type: 'tag', values: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa']}, resultTypes: ['violations']})
			return JSON.stringify(r.violations)
		} finally {
			bars.forEach(e => e.style.removeProperty('position'))
		}
	})()`)
	var v []Violation
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.T.Fatalf("axe: %v", err)
	}
	return v
}

// Accessible fails the test when axe finds a violation, the page is wider than
// the window, or a script failed.
func (t *Tab) Accessible() *Tab {
	t.T.Helper()
	for _, v := range t.Axe() {
		t.T.Errorf("%s breaks %s", t.URL(), v)
	}
	if n := t.Overflow(); n > 0 {
		t.T.Errorf("%s is %d pixels too wide", t.URL(), n)
	}
	if n := Eval[int](t, `Math.ceil(Math.max(0, ...[...document.querySelectorAll("header.hero a, header.hero button")].map(e => e.getBoundingClientRect().right)) - innerWidth)`); n > 0 {
		t.T.Errorf("%s: the header cuts off %d pixels of what can be pressed", t.URL(), n) // it hides what is too wide
	}
	return t
}

func js(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
