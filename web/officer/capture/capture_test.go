// SPDX-License-Identifier: Apache-2.0

package capture_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"danh/biometric/portrait"
	"danh/internal/clock"
	"danh/internal/page"
	"danh/internal/webtest"
	"danh/web/officer/capture"
)

// face draws a face that nobody has, with what is wrong about it.
type face struct {
	w, h                                   int
	dx, light, gain, side, noise, softness float64
	nobody                                 bool
}

func (d face) image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, d.w, d.h))
	r := rand.New(rand.NewPCG(1, 1))
	in := func(x, y, cx, cy, rx, ry float64) bool {
		return math.Pow((x-cx-d.dx)/rx, 2)+math.Pow((y-cy)/ry, 2) < 1
	}
	for py := range d.h {
		for px := range d.w {
			x, y := float64(px)/float64(d.w), float64(py)/float64(d.h)
			s := d.noise * math.Sin(x*40) * math.Sin(y*31)
			c := [3]float64{222 + s, 226 + s, 230 + s}
			grain := 0.0
			if !d.nobody {
				grain = 9
				switch {
				case in(x, y, 0.38, 0.42, 0.035, 0.016), in(x, y, 0.62, 0.42, 0.035, 0.016):
					c = [3]float64{40, 30, 28}
				case in(x, y, 0.5, 0.66, 0.09, 0.016):
					c = [3]float64{150, 80, 80}
				case in(x, y, 0.5, 0.53, 0.03, 0.05):
					c = [3]float64{186, 142, 118}
				case in(x, y, 0.5, 0.5, 0.26, 0.34):
					c = [3]float64{206, 164, 140}
				case in(x, y, 0.5, 0.44, 0.30, 0.36):
					c = [3]float64{44, 38, 36}
				case in(x, y, 0.5, 1.1, 0.5, 0.32):
					c = [3]float64{60, 80, 120}
				default:
					grain = 0
				}
			}
			var out [3]uint8
			for i := range c {
				v := (c[i]+grain*(1-d.softness)*r.NormFloat64()-140)*d.gain + 140 + d.light + d.side*(x-0.5)*2
				out[i] = uint8(min(max(v, 0), 255))
			}
			img.SetRGBA(px, py, color.RGBA{out[0], out[1], out[2], 255})
		}
	}
	return img
}

// faces are a good portrait in several sizes, and one with each fault.
var faces = sync.OnceValue(func() map[string]*image.RGBA {
	usual := face{w: 600, h: 800, gain: 1}
	out := map[string]*image.RGBA{}
	for name, change := range map[string]func(*face){
		"good": func(*face) {}, "least": func(d *face) { d.w, d.h = 354, 472 }, "large": func(d *face) { d.w, d.h = 1200, 1600 }, "odd": func(d *face) { d.w, d.h = 377, 503 },
		"small": func(d *face) { d.w, d.h = 240, 320 }, "tiny": func(d *face) { d.w, d.h = 40, 50 }, "wide": func(d *face) { d.w = 800 }, "dark": func(d *face) { d.light = -95 }, "bright": func(d *face) { d.light = 105 },
		"flat": func(d *face) { d.gain = 0.12 }, "uneven": func(d *face) { d.side = 110 }, "wall": func(d *face) { d.noise = 60 }, "nobody": func(d *face) { d.nobody = true }, "aside": func(d *face) { d.dx = 0.18 },
		"soft": func(d *face) { d.softness = 1; d.gain = 0.5 },
	} {
		d := usual
		change(&d)
		out[name] = d.image()
	}
	return out
})

// site serves the assets on a page of the house, and takes what is posted.
func site(t *testing.T, took func(*http.Request)) string {
	t.Helper()
	s := page.New(page.Config{Door: "officer", Clock: clock.System(), Home: "/", Brand: page.Text{VI: "Bàn làm việc cán bộ", EN: "Officer console"}})
	j := s.Journey(fstest.MapFS{
		"a.text.json": {Data: []byte(`{"a.title": ["Chân dung", "Portrait"], "a.send": ["Gửi tệp ảnh", "Send the file"], "a.eyes": ["Mắt ở giữa hai vạch", "Eyes between the lines"], "a.portrait": ["Tệp ảnh chân dung", "Portrait file"]}`)},
		"a.html": {Data: []byte(`<div data-camera><form method="post" enctype="multipart/form-data">{{file .Form "portrait" "label" "a.portrait" "accept" "image/jpeg,image/png"}}{{checkbox .Form "eyes" "label" "a.eyes"}}{{button "a.send"}}</form></div>
{{define "scripts"}}/capture/camera.js{{end}}`)},
	})
	mux := http.NewServeMux()
	capture.Mount(mux)
	mux.HandleFunc("GET /a", func(w http.ResponseWriter, r *http.Request) {
		j.Render(w, r, 200, "a", page.View{Layout: page.Desk, Title: "a.title", Form: &page.Form{}})
	})
	mux.HandleFunc("POST /a", func(w http.ResponseWriter, r *http.Request) {
		took(r)
		http.Redirect(w, r, "/a", http.StatusSeeOther)
	})
	h := httptest.NewServer(s.Wrap(mux))
	t.Cleanup(h.Close)
	return h.URL
}

// TestScriptMeasuresAsTheServer: on the same pixels Node's numbers are Go's.
func TestScriptMeasuresAsTheServer(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("DANH_BROWSER") == "must" {
			t.Fatal("no Node is installed")
		}
		t.Skip("no Node is installed")
	}
	dir := t.TempDir()
	type job struct {
		Name, File    string
		Width, Height int
	}
	var jobs []job
	all := faces()
	for name, m := range all {
		f := filepath.Join(dir, name)
		if err := os.WriteFile(f, m.Pix, 0o600); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job{name, f, m.Rect.Dx(), m.Rect.Dy()})
	}
	list, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("measure.js")
	if err != nil {
		t.Fatal(err)
	}
	script := `import { readFileSync } from 'node:fs'; import { check, guide } from './measure.mjs';
const out = {}; for (const j of JSON.parse(process.argv[2])) out[j.Name] = { ...check({ data: new Uint8ClampedArray(readFileSync(j.File)), width: j.Width, height: j.Height }), guide: guide(j.Width, j.Height) };
console.log(JSON.stringify(out));`
	for name, text := range map[string]string{"measure.mjs": string(source), "run.mjs": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "run.mjs"), string(list)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var got map[string]struct {
		Measures map[string]float64
		Hints    []string
		Guide    map[string]int
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for name, m := range all {
		want, js := portrait.Check(m), got[name]
		for _, h := range want.Hints {
			seen[h] = true
		}
		if !slices.Equal(js.Hints, want.Hints) {
			t.Errorf("%s: %v in the browser, %v at the server", name, js.Hints, want.Hints)
		}
		v := want.Measures
		for k, w := range map[string]float64{"sharpness": v.Sharpness, "brightness": v.Brightness, "contrast": v.Contrast, "clipped": v.Clipped, "imbalance": v.Imbalance,
			"background": v.Background, "figure": v.Figure, "offset": v.Offset, "width": float64(v.Width), "height": float64(v.Height)} {
			if math.Abs(js.Measures[k]-w) > 1e-5*max(1, math.Abs(w)) {
				t.Errorf("%s: %s is %v in the browser, %v at the server", name, k, js.Measures[k], w)
			}
		}
		f := portrait.Guide(m.Rect.Dx(), m.Rect.Dy())
		for k, w := range map[string]int{"left": f.Head.Min.X, "top": f.Head.Min.Y, "right": f.Head.Max.X, "bottom": f.Head.Max.Y, "eyeTop": f.EyeTop, "eyeLine": f.EyeLine, "eyeBottom": f.EyeBottom, "eyeLeft": f.Left, "eyeRight": f.Right} {
			if js.Guide[k] != w {
				t.Errorf("%s: the frame's %s is %d, not %d", name, k, js.Guide[k], w)
			}
		}
	}
	if len(seen) != 10 {
		t.Errorf("only %d of ten hints were seen: %v", len(seen), seen)
	}
}

// TestBoundsAreTheServers reads the server's constants: equal pictures near a
// bound would not tell.
func TestBoundsAreTheServers(t *testing.T) {
	source, err := os.ReadFile("../../../biometric/portrait/portrait.go")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("measure.js")
	if err != nil {
		t.Fatal(err)
	}
	for in, out := range map[string]string{"minSharpness": "sharpness", "minBrightness": "dark", "maxBrightness": "bright", "minContrast": "contrast", "maxClipped": "clipped", "maxImbalance": "imbalance",
		"maxBackground": "background", "minFigure": "figure", "maxOffset": "offset", "minRatio": "narrow", "maxRatio": "wide"} {
		g := regexp.MustCompile(`\b` + in + `\s+= ([0-9.]+)`).FindSubmatch(source)
		j := regexp.MustCompile(`\b` + out + `: ([0-9.]+)`).FindSubmatch(script)
		var a, b float64
		if g == nil || j == nil {
			t.Fatalf("%s or %s is not there", in, out)
		}
		_, _ = fmt.Sscan(string(g[1]), &a)
		_, _ = fmt.Sscan(string(j[1]), &b)
		if a != b || a == 0 {
			t.Errorf("%s is %v, %s is %v", in, a, out, b)
		}
	}
}

// TestEveryHintHasItsWords: in both languages, for page and script alike.
func TestEveryHintHasItsWords(t *testing.T) {
	b, err := os.ReadFile("capture.text.json")
	if err != nil {
		t.Fatal(err)
	}
	var m map[string][2]string
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for _, h := range []string{portrait.HintSmall, portrait.HintShape, portrait.HintBlurred, portrait.HintDark, portrait.HintBright, portrait.HintFlat, portrait.HintUneven, portrait.HintBackground, portrait.HintEmpty, portrait.HintOffCentre} {
		if m[h][0] == "" || m[h][1] == "" {
			t.Errorf("%s has no words", h)
		}
	}
	script, err := os.ReadFile("camera.js")
	if err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile(`'(capture\.[a-z]+)'`).FindAllStringSubmatch(string(script), -1)
	if len(keys) < 10 {
		t.Fatal("the script asks for hardly any words")
	}
	for _, k := range keys {
		if m[k[1]][0] == "" || m[k[1]][1] == "" {
			t.Errorf("%s has no words", k[1])
		}
	}
}

// film writes pictures as what a camera sees: Chromium plays an MJPEG file, the
// last frames longest, and begins anew.
func film(t *testing.T, m image.Image, around color.Color) string {
	t.Helper()
	// A camera's picture lies on its side; the portrait is its middle.
	wide := image.NewRGBA(image.Rect(0, 0, 1280, 960))
	for i := 0; i < len(wide.Pix); i += 4 {
		c := color.RGBAModel.Convert(around).(color.RGBA)
		wide.Pix[i], wide.Pix[i+1], wide.Pix[i+2], wide.Pix[i+3] = c.R, c.G, c.B, 255
	}
	for y := range 960 {
		for x := range 720 {
			wide.Set(280+x, y, m.At(x*m.Bounds().Dx()/720, y*m.Bounds().Dy()/960))
		}
	}
	var b bytes.Buffer
	for range 20 {
		if err := jpeg.Encode(&b, wide, &jpeg.Options{Quality: 92}); err != nil {
			t.Fatal(err)
		}
	}
	f := filepath.Join(t.TempDir(), "film.mjpeg")
	if err := os.WriteFile(f, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func wait(t *testing.T, tab *webtest.Tab, words string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(60 * time.Millisecond) {
		if strings.Contains(tab.Text(), words) {
			return
		}
	}
	t.Fatalf("%q does not appear:\n%s", words, tab.Text())
}

// TestPortraitFromTheCamera: hints while it runs, capture, retake, and the
// picture arrives as the form's file, fit for a card's chip.
func TestPortraitFromTheCamera(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	var got atomic.Pointer[[]byte]
	url := site(t, func(r *http.Request) {
		if r.FormValue("eyes") != "yes" {
			t.Error("what was confirmed did not arrive")
		}
		f, _, err := r.FormFile("portrait")
		if err != nil {
			t.Error(err)
			return
		}
		b, _ := io.ReadAll(f)
		got.Store(&b)
	})
	b := webtest.Chromium(t, "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", "use-file-for-fake-video-capture="+film(t, faces()["good"], color.RGBA{222, 226, 230, 255}))
	tab := b.Tab(1280, false).Go(url + "/a")
	tab.Click("Mở máy ảnh")
	wait(t, tab, "Đạt. Mắt nằm giữa hai vạch đứt thì chụp.")
	shot(t, tab, "live")
	tab.Click("Chụp")
	wait(t, tab, "Xem mắt có nằm giữa hai vạch không")
	tab.Click("Chụp lại")
	wait(t, tab, "Đạt. Mắt nằm giữa")
	tab.Click("Chụp")
	wait(t, tab, "Dùng ảnh này")
	shot(t, tab, "taken")
	tab.Accessible()
	tab.Click("Dùng ảnh này").Want("Xác nhận ô bên dưới").Click("Mắt ở giữa hai vạch").Click("Dùng ảnh này")
	for end := time.Now().Add(10 * time.Second); got.Load() == nil && time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
	}
	if got.Load() == nil {
		t.Fatal("nothing arrived")
	}
	m, err := jpeg.Decode(bytes.NewReader(*got.Load()))
	if err != nil {
		t.Fatal(err)
	}
	if r := portrait.Check(m); len(r.Hints) != 0 || len(*got.Load()) > 64<<10 || m.Bounds().Dx() != 600 || m.Bounds().Dy() != 800 {
		t.Errorf("%d bytes, %v, %+v", len(*got.Load()), m.Bounds(), r)
	}
	if p := tab.Problems(); len(p) > 0 {
		t.Error(p)
	}
}

// TestBadLightIsSaidLive: before anything is taken.
func TestBadLightIsSaidLive(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	url := site(t, func(*http.Request) { t.Error("something was posted") })
	b := webtest.Chromium(t, "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream", "use-file-for-fake-video-capture="+film(t, faces()["dark"], color.Gray{120}))
	tab := b.Tab(360, true).Go(url + "/a")
	tab.Click("Mở máy ảnh")
	wait(t, tab, "Mặt tối: thêm đèn phía trước.")
	tab.Want("Chỉnh lại trước khi chụp")
	tab.Accessible()
	shot(t, tab, "dark")
}

// TestWithoutACamera: the page says so, and a file does as well.
func TestWithoutACamera(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	var took atomic.Int32
	url := site(t, func(*http.Request) { took.Add(1) })
	tab := webtest.Chromium(t, "use-fake-ui-for-media-stream").Tab(1280, false).Go(url + "/a")
	tab.Click("Mở máy ảnh")
	wait(t, tab, "Không thấy máy ảnh. Hãy chọn tệp ảnh bên dưới.")
	shot(t, tab, "none")
	var b bytes.Buffer
	if err := jpeg.Encode(&b, faces()["least"], nil); err != nil {
		t.Fatal(err)
	}
	webtest.Eval[bool](tab, `(async () => { const d = new DataTransfer(); const b = Uint8Array.from(atob('`+base64.StdEncoding.EncodeToString(b.Bytes())+`'), (c) => c.charCodeAt(0));
		d.items.add(new File([b], 'a.jpg', { type: 'image/jpeg' })); document.querySelector('input[type=file]').files = d.files; return true; })()`)
	tab.Click("Gửi tệp ảnh")
	if took.Load() != 1 {
		t.Fatal("the file did not arrive")
	}
}

func shot(t *testing.T, tab *webtest.Tab, name string) {
	if dir := os.Getenv("DANH_SHOTS"); dir != "" {
		tab.Shot(filepath.Join(dir, "capture-"+name+".png"))
	}
}
