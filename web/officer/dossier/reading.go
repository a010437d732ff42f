// SPDX-License-Identifier: Apache-2.0

package dossier

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/reader"
	"danh/office"
	"danh/web/officer/session"
)

// script is the module that has the counter's reader read; its journey serves it.
const script = "/counters/reader.js"

// withReader lets a page read by the counter's reader, when the officer may.
func (k *desk) withReader(c *call, data map[string]any) {
	o, _ := session.From(c.r.Context())
	if _, reads := o.Holds(office.IntakeOfficer); !reads || k.Counters == nil {
		return
	}
	data["Reads"], data["Script"] = true, script
	page.AllowConnect(c.w, reader.AgentOrigin)
}

// handOf lists the fingers of a finger's hand of which nothing is there yet, as
// the reader is asked for them.
func handOf(grid []finger) string {
	var out []string
	for _, f := range grid {
		if f.Taken == nil {
			out = append(out, strconv.Itoa(f.Position))
		}
	}
	return strings.Join(out, ",")
}

// putReading takes in what the counter's reader read for this very dossier.
func (k *desk) putReading(c *call) (string, error) {
	if k.Counters == nil {
		return "", fault.New(fault.NotFound, "fault.not_found")
	}
	f, ok := c.needFile("statement")
	if !ok {
		return "", nil
	}
	defer f.Close()
	b, err := io.ReadAll(http.MaxBytesReader(nil, f, reader.MaxStatement))
	if err != nil {
		return "", fault.New(fault.Invalid, "enrolment.counter.form")
	}
	got, err := k.Counters.Accept(c.r.Context(), c.by, b)
	if err != nil {
		return "", err
	}
	// Somebody else's fingers must not come into this dossier by a form that was
	// left open.
	if got.Want.Kind != reader.Finger || got.Want.Dossier != c.id.String() {
		return "", fault.New(fault.Invalid, "enrolment.counter.want")
	}
	last := 0
	for _, x := range got.Fingers {
		if _, err := k.Office.PutFinger(c.r.Context(), c.by, c.id, x.Position, bytes.NewReader(x.Image), got.Source()); err != nil {
			return "", err
		}
		last = x.Position
	}
	c.say = "dossier.finger.kept"
	if len(got.Fingers) == 1 {
		return path(c.id, "fingers?finger="+strconv.Itoa(last)+"#finger"), nil
	}
	return path(c.id, "fingers"), nil
}
