// SPDX-License-Identifier: Apache-2.0

package recover

import (
	"encoding/json"
	"errors"
	"net/http"

	"danh/internal/fault"
	"danh/internal/page"
	"danh/internal/reader"
	"danh/registry/card"
	"danh/registry/card/chip"
)

// maxChip is above every card's files together: a portrait and the little rest.
const maxChip = 1 << 20

// chipChallenge is what the program danh reader card asks first. The code that
// she types there stands for her request; there is no cookie and no page.
func (d *journey) chipChallenge(w http.ResponseWriter, r *http.Request) {
	var in reader.HomeAsk
	if !decode(w, r, 4<<10, &in) {
		return
	}
	a, err := d.Desk.BeginChip(r.Context(), in.Code, d.Guard.Remote(w, r))
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, reader.HomeChallenge{Purpose: d.j.Say("vi", "recover.kind."+string(a.Kind), nil) + " / " + d.j.Say("en", "recover.kind."+string(a.Kind), nil),
		Browser: a.Label, Begun: a.Begun, Challenge: a.Challenge.ID.String(), Nonce: a.Challenge.Nonce})
}

// chip takes what the program read. The chip proves itself, whoever hands it in.
func (d *journey) chip(w http.ResponseWriter, r *http.Request) {
	var in reader.HomeChip
	if !decode(w, r, maxChip, &in) {
		return
	}
	id, err := card.ParseChallengeID(in.Challenge)
	if err != nil {
		d.refuse(w, r, fault.New(fault.Conflict, "card.chip.challenge"))
		return
	}
	err = d.Desk.ProveByChip(r.Context(), in.Code, card.Presented{Image: chip.Image{Security: in.Security, Files: in.Files}, Challenge: id, Answer: in.Answer})
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func decode(w http.ResponseWriter, r *http.Request, most int64, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	var big *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &big):
		answer(w, http.StatusRequestEntityTooLarge, reader.HomeRefusal{Title: "the request is too large"})
	default:
		answer(w, http.StatusBadRequest, reader.HomeRefusal{Title: "the request is no JSON that is known here"})
	}
	return false
}

// refuse is a problem document (RFC 9457).
func (d *journey) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	if f == nil {
		d.j.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(fault.Status(err))
	_ = json.NewEncoder(w).Encode(reader.HomeRefusal{Type: "urn:danh:fault:" + f.Key, Title: d.j.Say(page.Language(r), f.Key, nil)})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
