// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"danh/biometric"
	"danh/enrolment"
	"danh/internal/fault"
)

// picture is a portrait inside the page itself, so that one look shows it.
func picture(b []byte) template.URL {
	kind := http.DetectContentType(b)
	if kind != "image/jpeg" && kind != "image/png" {
		return ""
	}
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b))
}

func (k *desk) showPortrait(c *call, status int) {
	data := map[string]any{}
	if c.d.HasPortrait {
		f, err := k.Office.ShowFaces(c.r.Context(), c.by, c.id)
		if err != nil {
			k.journey.Fail(c.w, c.r, err)
			return
		}
		data["Picture"] = picture(f.Captured)
	}
	k.render(c, status, "portrait", k.view(c, "portrait"), data)
}

// putPortrait keeps the picture. With hints the page is shown again: a picture
// that could be better is kept and can be taken once more.
func (k *desk) putPortrait(c *call) (string, error) {
	f, ok := c.needFile("portrait")
	if !ok {
		return "", nil
	}
	d, err := k.Office.PutPortrait(c.r.Context(), c.by, c.id, f, c.form.Has("eyes", "yes"))
	if err != nil {
		return "", err
	}
	c.say = "dossier.portrait.kept"
	to := next(d, "applicant")
	if len(d.PortraitHints) > 0 || !d.EyesConfirmed {
		to = "portrait"
	} else if to != "portrait" {
		to = next(d, "portrait")
	}
	return path(c.id, to), nil
}

// finger is one of the ten, as the grid shows it.
type finger struct {
	Position int
	Taken    *enrolment.FingerTaken
	Now      bool
	Href     string
	Name     string // text key
	Tone     string
}

// hands are the ten as they lie on the table, from the left little finger to
// the right one (positions of ISO/IEC 19794-2).
var hands = []int{10, 9, 8, 7, 6, 1, 2, 3, 4, 5}

// fingersOf gives the grid and the finger that is worked on: the one that was
// chosen, else the first that is missing.
func fingersOf(d enrolment.Dossier, chosen int) (left, right []finger, now finger) {
	taken := map[int]*enrolment.FingerTaken{}
	for i := range d.Fingers {
		taken[d.Fingers[i].Position] = &d.Fingers[i]
	}
	if chosen < 1 || chosen > 10 {
		chosen = 0
		for p := 1; p <= 10 && chosen == 0; p++ {
			if taken[p] == nil {
				chosen = p
			}
		}
	}
	for i, p := range hands {
		f := finger{Position: p, Taken: taken[p], Now: p == chosen, Href: fmt.Sprintf("?finger=%d#finger", p), Name: fmt.Sprintf("dossier.finger.%d", p)}
		switch {
		case f.Taken == nil:
		case f.Taken.Missing != "":
			f.Tone = "gone"
		case len(f.Taken.Hints) > 0:
			f.Tone = "poor"
		default:
			f.Tone = "good"
		}
		if f.Now {
			now = f
		}
		if i < 5 {
			left = append(left, f)
		} else {
			right = append(right, f)
		}
	}
	return left, right, now
}

var missing = []biometric.Missing{biometric.Amputated, biometric.Bandaged, biometric.Damaged}

func (k *desk) showFingers(c *call, status int) {
	chosen, _ := strconv.Atoi(c.form.Value("finger"))
	left, right, now := fingersOf(c.d, chosen)
	good, poor := 0, 0
	for _, f := range append(append([]finger{}, left...), right...) {
		switch f.Tone {
		case "good", "gone":
			good++
		case "poor":
			poor++
		}
	}
	data := map[string]any{"Left": left, "Right": right, "Now": now, "Good": good, "Poor": poor, "Rest": 10 - good - poor, "Missing": choicesOf("dossier.missing.", missing),
		"LeftOpen": handOf(left), "RightOpen": handOf(right), "Dossier": c.id.String()}
	k.withReader(c, data)
	k.render(c, status, "fingers", k.view(c, "fingers"), data)
}

// numbered finds the finger's number in the name of a file: 3.pgm, finger-3.png, 03_right_middle.pgm.
var numbered = regexp.MustCompile(`(?:^|[^0-9])0*(10|[1-9])(?:[^0-9]|$)`)

func (k *desk) putFingers(c *call) (string, error) {
	position, _ := strconv.Atoi(c.form.Value("finger"))
	stay := func(d enrolment.Dossier) string {
		_, _, now := fingersOf(d, 0)
		if now.Position == 0 { // all ten are there
			return path(c.id, "fingers")
		}
		return path(c.id, fmt.Sprintf("fingers?finger=%d#finger", now.Position))
	}
	switch c.form.Value("act") {
	case "missing":
		if !choose(c.form, "why") {
			return "", nil
		}
		d, err := k.Office.MissFinger(c.r.Context(), c.by, c.id, position, biometric.Missing(c.form.Value("why")))
		c.say = "dossier.finger.missed"
		return stay(d), err
	case "retake":
		_, err := k.Office.RetakeFinger(c.r.Context(), c.by, c.id, position)
		c.say = "dossier.finger.again"
		return path(c.id, fmt.Sprintf("fingers?finger=%d#finger", position)), err
	case "many":
		return k.putMany(c)
	case "reading":
		return k.putReading(c)
	}
	f, ok := c.needFile("print")
	if !ok {
		return "", nil
	}
	d, err := k.Office.PutFinger(c.r.Context(), c.by, c.id, position, f, "upload")
	if err != nil {
		return "", err
	}
	c.say = "dossier.finger.kept"
	for _, t := range d.Fingers {
		if t.Position == position && len(t.Hints) > 0 { // shown with its hints before the next one
			return path(c.id, fmt.Sprintf("fingers?finger=%d#finger", position)), nil
		}
	}
	return stay(d), nil
}

// putMany takes several files at once, each named by its finger's number.
func (k *desk) putMany(c *call) (string, error) {
	if c.r.MultipartForm == nil || len(c.r.MultipartForm.File["prints"]) == 0 {
		c.form.Add("prints", "dossier.problem.file")
		return "", nil
	}
	for _, h := range c.r.MultipartForm.File["prints"] {
		m := numbered.FindStringSubmatch(strings.TrimSuffix(filepath.Base(h.Filename), filepath.Ext(h.Filename)))
		if m == nil {
			c.form.Add("prints", "dossier.problem.finger_name")
			return "", nil
		}
		position, _ := strconv.Atoi(m[1])
		f, err := h.Open()
		if err != nil {
			return "", fault.New(fault.Invalid, "problem.form")
		}
		_, err = k.Office.PutFinger(c.r.Context(), c.by, c.id, position, f, "upload")
		_ = f.Close()
		if err != nil {
			return "", err
		}
	}
	c.say = "dossier.finger.kept"
	return path(c.id, "fingers"), nil
}
