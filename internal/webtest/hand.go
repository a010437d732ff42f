// SPDX-License-Identifier: Apache-2.0

package webtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Show gives the same document another width and theme, without loading it
// again: an answer to a form stays as it is.
func (t *Tab) Show(width int, dark bool) *Tab {
	t.T.Helper()
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
	return t
}

// Window writes a picture of the window as it stands, made as high as asked:
// what sticks to its foot is at its foot.
func (t *Tab) Window(width, height int, file string) *Tab {
	t.T.Helper()
	t.must("size the window", chromedp.EmulateViewport(int64(width), int64(height)))
	defer t.must("shrink the window", chromedp.EmulateViewport(int64(width), windowHeight))
	ctx, cancel := context.WithTimeout(t.Ctx, 30*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		r, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{})
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

// WithoutScripts switches the page's own scripts off from the next page on.
func (t *Tab) WithoutScripts() *Tab {
	t.T.Helper()
	t.must("switch scripts off", func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
	t.scriptless = true
	return t
}

// Attach chooses a file in the field of a name.
func (t *Tab) Attach(name, file string) *Tab {
	t.T.Helper()
	t.must("attach to "+name, chromedp.SetUploadFiles(chromedp.CSS(fmt.Sprintf(`input[type="file"][name=%q]`, name)), []string{file}))
	return t
}

// Press presses keys wherever the focus is: text, or keys of package kb. A key
// that leads to another page needs Lead.
func (t *Tab) Press(keys string) *Tab {
	t.T.Helper()
	t.must("press keys", chromedp.KeyEvent(keys))
	return t
}

// Follow presses Enter on the focused link. A link acts when the key goes down;
// the character that would follow could reach whatever has the focus by then.
func (t *Tab) Follow() *Tab {
	t.T.Helper()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		t.must("press Enter", func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, NativeVirtualKeyCode: 13})
			return chromedp.Void{}, err
		})
	}
	return t
}

// Lead presses keys and waits for the page that they lead to.
func (t *Tab) Lead(keys string) *Tab {
	t.T.Helper()
	before := Eval[float64](t, `performance.timeOrigin`)
	t.Press(keys)
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Ctx, 10*time.Second)
		now, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`document.readyState === 'complete' ? performance.timeOrigin : 0`))
		cancel()
		if err == nil && now != 0 && now != before {
			t.settle()
			return t
		}
	}
	t.T.Fatalf("the keys lead nowhere from %s", t.URL())
	return t
}

// Focused is what has the focus: its id, or else its words.
func (t *Tab) Focused() string {
	t.T.Helper()
	return Eval[string](t, `(() => { const e = document.activeElement; return !e || e === document.body ? '' : e.id || e.name || e.textContent.replace(/\s+/g, ' ').trim(); })()`)
}

// TabTo presses Tab until the focus is on the control with a name, id or
// words, and fails when a stop on the way, or the control, does not show that
// it has the focus (WCAG 2.4.7).
func (t *Tab) TabTo(what string) *Tab {
	t.T.Helper()
	var way []string
	for range 60 {
		t.Press("\t")
		got := Eval[[]string](t, `(() => {
			const e = document.activeElement;
			if (!e || e === document.body) return ['', '', '', ''];
			const drawn = (x) => { const s = getComputedStyle(x); return s.outlineStyle !== 'none' && s.outlineWidth !== '0px' || s.boxShadow !== 'none'; };
			let seen = drawn(e);
			for (let p = e.parentElement, n = 0; p && n < 3 && !seen; p = p.parentElement, n++) seen = drawn(p) && p.matches(':focus-within');
			for (const p of [e.nextElementSibling, e.labels && e.labels[0]]) if (p && !seen) seen = drawn(p);
			return [e.name || '', e.id || '', e.textContent.replace(/\s+/g, ' ').trim(), seen ? 'seen' : ''];
		})()`)
		if got[0] == "" && got[1] == "" && got[2] == "" {
			continue
		}
		if got[3] == "" {
			t.T.Errorf("at %s the focus on %q cannot be seen", t.URL(), strings.Join(got[:3], "|"))
		}
		if got[0] == what || got[1] == what || got[2] == what {
			return t
		}
		way = append(way, strings.Join(got[:3], "|"))
	}
	t.T.Fatalf("the Tab key does not reach %q at %s, only %q", what, t.URL(), way)
	return t
}

// Download runs what makes the browser download one file, and gives its bytes.
func (t *Tab) Download(do func()) []byte {
	t.T.Helper()
	dir := t.T.TempDir()
	t.must("allow downloads", func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
			Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir})
		return chromedp.Void{}, err
	})
	do()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		all, err := os.ReadDir(dir)
		if err != nil {
			t.T.Fatal(err)
		}
		if len(all) == 1 && !strings.HasSuffix(all[0].Name(), ".crdownload") && !strings.HasPrefix(all[0].Name(), ".") {
			b, err := os.ReadFile(filepath.Join(dir, all[0].Name()))
			if err != nil {
				t.T.Fatal(err)
			}
			if len(b) > 0 {
				return b
			}
		}
	}
	t.T.Fatalf("nothing was downloaded from %s", t.URL())
	return nil
}

// Cookies are the names of the cookies that the browser would send to an address.
func (t *Tab) Cookies(url string) []string {
	t.T.Helper()
	ctx, cancel := context.WithTimeout(t.Ctx, 10*time.Second)
	defer cancel()
	var names []string
	_, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		r, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
		if err != nil {
			return chromedp.Void{}, err
		}
		for _, c := range r.Cookies {
			names = append(names, c.Name)
		}
		return chromedp.Void{}, nil
	})
	if err != nil {
		t.T.Fatalf("cookies: %v", err)
	}
	return names
}
