// SPDX-License-Identifier: Apache-2.0

package osia

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"danh/internal/fmr"
	wire "danh/internal/osia"
)

func (e encounter) in(gallery string) bool {
	return gallery == wire.AllGalleries || slices.Contains(e.galleries, gallery)
}

// held are a person's prints in a gallery.
func (s *Server) held(person, gallery string) (map[string][]fmr.View, bool) {
	out, ok := map[string][]fmr.View{}, false
	for _, e := range s.people[person] {
		if !e.in(gallery) || e.raw.Status != wire.StatusActive {
			continue
		}
		ok = true
		for f, v := range e.prints {
			out[f] = append(out[f], v...)
		}
	}
	return out, ok
}

func (s *Server) threshold(c call) (float64, error) {
	t := c.URL.Query().Get("threshold")
	if t == "" {
		return s.c.Match, nil
	}
	return strconv.ParseFloat(t, 64)
}

func (s *Server) verify(c call) result {
	var q wire.VerifyFromIDRequest
	if err := decode(c.body, &q); err != nil {
		return bad("the request cannot be read: %v", err)
	}
	probe, err := views(q.BiometricData)
	if err != nil {
		return bad("%v", err)
	}
	t, err := s.threshold(c)
	if err != nil {
		return bad("threshold")
	}
	s.mu.Lock()
	reference, ok := s.held(c.PathValue("person"), c.PathValue("gallery"))
	s.mu.Unlock()
	if !ok {
		return missing()
	}
	return result{http.StatusOK, verdict(probe, reference, t)}
}

func (s *Server) verifyBoth(c call) result {
	var q wire.VerifyFromBioRequest
	if err := decode(c.body, &q); err != nil {
		return bad("the request cannot be read: %v", err)
	}
	a, err := views(q.BiometricData1)
	if err != nil {
		return bad("%v", err)
	}
	b, err := views(q.BiometricData2)
	if err != nil {
		return bad("%v", err)
	}
	t, err := s.threshold(c)
	if err != nil {
		return bad("threshold")
	}
	return result{http.StatusOK, verdict(a, b, t)}
}

func verdict(a, b map[string][]fmr.View, threshold float64) wire.VerifyResponse {
	best, details := compare(a, b)
	return wire.VerifyResponse{Decision: len(details) > 0 && best >= threshold, Scores: details}
}

func (s *Server) identify(c call) result {
	var q wire.IdentifyRequest
	if err := decode(c.body, &q); err != nil {
		return bad("the request cannot be read: %v", err)
	}
	probe, err := views(q.BiometricData)
	if err != nil {
		return bad("%v", err)
	}
	t, err := s.threshold(c)
	if err != nil {
		return bad("threshold")
	}
	limit := 10
	if n := c.URL.Query().Get("maxNbCand"); n != "" {
		if limit, err = strconv.Atoi(n); err != nil || limit < 1 {
			return bad("maxNbCand")
		}
	}
	s.mu.Lock()
	held := map[string]map[string][]fmr.View{}
	for person := range s.people {
		if v, ok := s.held(person, c.PathValue("gallery")); ok {
			held[person] = v
		}
	}
	s.mu.Unlock()
	list := []wire.Candidate{}
	for person, v := range held {
		if best, details := compare(probe, v); len(details) > 0 && best >= t {
			list = append(list, wire.Candidate{PersonID: person, Score: best, Scores: details})
		}
	}
	slices.SortFunc(list, func(a, b wire.Candidate) int {
		if a.Score != b.Score {
			if a.Score > b.Score {
				return -1
			}
			return 1
		}
		return strings.Compare(a.PersonID, b.PersonID)
	})
	list = list[:min(len(list), limit)]
	for i := range list {
		list[i].Rank = i + 1
	}
	return result{http.StatusOK, list}
}
