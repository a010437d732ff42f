// SPDX-License-Identifier: Apache-2.0

// Package osia owns the client of an outside engine that speaks the OSIA ABIS
// interface 1.6.0, for fingers and, when the operator says that it can, faces.
//
// The engine is told reference ids and galleries, never a name or a number.
// With a callback address every request is asynchronous: the answer is awaited
// at an address that only this request knows, asked after when it is late, and
// asked for again when it was lost. An answer awaited by a server that died is
// lost with it; the request is made again by whoever needed it.
package osia

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"danh/audit"
	"danh/biometric"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	wire "danh/internal/osia"
)

// Config says which engine is asked, and how.
type Config struct {
	URL      string           // where the interface is, without /v1
	Token    string           // bearer token
	Engine   biometric.Info   // name and version as the operator knows them; they stand in evidence
	Extract  biometric.Engine // makes the templates that are sent
	Images   bool             // send images of fingers along with templates
	Faces    bool             // the engine compares faces
	Callback string           // this server's address for answers; "" asks synchronously
	Policies biometric.Policies
	Clock    clock.Clock
	HTTP     *http.Client  // nil: a client of its own
	Wait     time.Duration // for an answer; 0 means 30 seconds
	AskAfter time.Duration // how often a late answer is asked after; 0 means 2 seconds
}

// Client implements biometric.Matcher.
type Client struct {
	c    Config
	http *http.Client
	mu   sync.Mutex
	open map[string]*waiting // by the last part of the callback address
}

// New returns a client; nothing is asked yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("osia: the engine's address must be an http or https URL")
	}
	if c.Extract == nil || c.Clock == nil || c.Engine.Name == "" || c.Engine.Version == "" {
		return nil, errors.New("osia: an extractor, a clock, and the engine's name and version are needed")
	}
	if c.Callback != "" {
		if u, err := url.Parse(c.Callback); err != nil || u.Host == "" {
			return nil, errors.New("osia: the callback address must be a URL")
		}
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	c.Callback = strings.TrimSuffix(c.Callback, "/")
	if c.Wait == 0 {
		c.Wait = 30 * time.Second
	}
	if c.AskAfter == 0 {
		c.AskAfter = 2 * time.Second
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: c.Wait}
	}
	return &Client{c: c, http: c.HTTP, open: map[string]*waiting{}}, nil
}

// Info implements biometric.Matcher.
func (c *Client) Info() biometric.Info { return c.c.Engine }

// Enrol implements biometric.Matcher (createEncounter).
func (c *Client) Enrol(ctx context.Context, _ audit.Actor, e biometric.Encounter) error {
	data, err := c.data(ctx, e.Samples)
	if err != nil {
		return err
	}
	if e.Gallery == "" || e.Gallery == wire.AllGalleries || e.ID.IsZero() || e.Reference.IsZero() {
		return fault.New(fault.Invalid, "biometric.gallery")
	}
	var ids wire.PersonIDs
	err = c.ask(ctx, http.MethodPost, "/v1/persons/"+e.Reference.String()+"/encounters/"+e.ID.String(), nil, wire.Encounter{
		Status: wire.StatusActive, EncounterType: "ENROLMENT", Galleries: []string{e.Gallery}, BiometricData: data}, &ids)
	if err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	if ids.PersonID != e.Reference.String() || ids.EncounterID != e.ID.String() {
		return errors.New("osia: the engine enrolled somebody else")
	}
	return nil
}

// Remove implements biometric.Matcher (deleteAll).
func (c *Client) Remove(ctx context.Context, _ audit.Actor, r biometric.Reference) error {
	if r.IsZero() {
		return fault.New(fault.NotFound, "biometric.not_found")
	}
	if err := c.ask(ctx, http.MethodDelete, "/v1/persons/"+r.String(), nil, nil, nil); err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	return nil
}

// Verify implements biometric.Matcher (verifyFromId).
func (c *Client) Verify(ctx context.Context, gallery string, r biometric.Reference, probe []biometric.Sample) (biometric.Comparison, error) {
	data, err := c.data(ctx, probe)
	if err != nil {
		return biometric.Comparison{}, err
	}
	if gallery == "" || r.IsZero() {
		return biometric.Comparison{}, fault.New(fault.NotFound, "biometric.not_found")
	}
	if len(data) == 0 {
		return c.officer(biometric.WhyNoFaceEngine), nil
	}
	var out wire.VerifyResponse
	if err := c.ask(ctx, http.MethodPost, "/v1/verify/"+url.PathEscape(gallery)+"/"+r.String(), nil, wire.VerifyFromIDRequest{BiometricData: data}, &out); err != nil {
		return biometric.Comparison{}, fmt.Errorf("verify: %w", err)
	}
	return c.comparison(out)
}

// VerifySamples implements biometric.Matcher (verifyFromBio).
func (c *Client) VerifySamples(ctx context.Context, probe, reference []biometric.Sample) (biometric.Comparison, error) {
	p, err := c.data(ctx, probe)
	if err != nil {
		return biometric.Comparison{}, err
	}
	r, err := c.data(ctx, reference)
	if err != nil {
		return biometric.Comparison{}, err
	}
	if len(p) == 0 || len(r) == 0 {
		return c.officer(biometric.WhyNoFaceEngine), nil
	}
	var out wire.VerifyResponse
	if err := c.ask(ctx, http.MethodPost, "/v1/verify", nil, wire.VerifyFromBioRequest{BiometricData1: p, BiometricData2: r}, &out); err != nil {
		return biometric.Comparison{}, fmt.Errorf("verify: %w", err)
	}
	return c.comparison(out)
}

// Identify implements biometric.Matcher (identify). How large the gallery is,
// the interface does not tell.
func (c *Client) Identify(ctx context.Context, gallery string, probe []biometric.Sample, limit int) (biometric.Search, error) {
	out := biometric.Search{Engine: c.c.Engine, Gallery: gallery, Size: -1, Complete: true}
	data, err := c.data(ctx, probe)
	if err != nil {
		return out, err
	}
	if gallery == "" || limit < 1 {
		return out, fault.New(fault.Invalid, "biometric.gallery")
	}
	if len(data) == 0 {
		return out, fault.New(fault.Invalid, biometric.WhyNoFaceEngine)
	}
	var list []wire.Candidate
	q := url.Values{"maxNbCand": {strconv.Itoa(limit)}}
	if err := c.ask(ctx, http.MethodPost, "/v1/identify/"+url.PathEscape(gallery), q, wire.IdentifyRequest{BiometricData: data}, &list); err != nil {
		return out, fmt.Errorf("identify: %w", err)
	}
	if len(list) > limit {
		return out, fmt.Errorf("osia: %d candidates where %d were asked for", len(list), limit)
	}
	for i, k := range list {
		var r biometric.Reference
		if r, err = biometric.ParseReference(k.PersonID); err != nil {
			return out, errors.New("osia: a candidate that Danh never enrolled")
		}
		if i > 0 && k.Score > list[i-1].Score {
			return out, errors.New("osia: candidates out of order")
		}
		out.Candidates = append(out.Candidates, biometric.Candidate{Reference: r, Score: k.Score, Scores: fingers(k.Scores)})
	}
	return out, nil
}

func (c *Client) officer(why string) biometric.Comparison {
	return biometric.Comparison{Engine: c.c.Engine, Band: biometric.OfficerComparison, Why: why}
}

// comparison draws the band. The engine's yes is a match by its own threshold;
// its no is only a no where a rule for its scale says so.
func (c *Client) comparison(v wire.VerifyResponse) (biometric.Comparison, error) {
	out := c.officer("")
	out.Scores = fingers(v.Scores)
	for _, s := range v.Scores {
		out.Fused = max(out.Fused, s.Score)
	}
	switch {
	case v.Decision:
		out.Band, out.Policy = biometric.Match, "the engine's own decision"
	case len(v.Scores) == 0:
		out.Why = biometric.WhyNoCommon
	default:
		if out.Band, out.Policy = c.c.Policies.Decide(c.c.Engine.Name, out.Fused, max(1, len(out.Scores)), clock.DateOf(c.c.Clock.Now())); out.Band == biometric.Match {
			out.Band = biometric.OfficerComparison // the engine said no
		}
	}
	return out, nil
}

// fingers are the scores by finger, the best try counting.
func fingers(list []wire.ScoreDetail) []biometric.FingerScore {
	var out []biometric.FingerScore
	for i, name := range wire.SubTypes {
		f := biometric.FingerScore{Position: position(i)}
		for _, s := range list {
			if s.BiometricType == wire.TypeFinger && s.BiometricSubType == name && i > 0 {
				f.Score = max(f.Score, s.Score)
				f.Tries++
			}
		}
		if f.Tries > 0 {
			out = append(out, f)
		}
	}
	return out
}

// do sends a request and reads the answer's body, bounded.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body any) (int, []byte, error) {
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, nil, fmt.Errorf("write a request: %w", err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.c.URL+path+"?"+query.Encode(), reader)
	if err != nil {
		return 0, nil, fmt.Errorf("make a request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.c.Token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return 0, nil, ctx.Err()
		}
		return 0, nil, errors.Join(fault.New(fault.Unavailable, "biometric.engine.unavailable"), err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, wire.MaxBody+1))
	if err != nil || len(raw) > wire.MaxBody {
		return 0, nil, errors.Join(fault.New(fault.Unavailable, "biometric.engine.unavailable"), err)
	}
	return res.StatusCode, raw, nil
}

// refusal is what a status of the interface means. The engine's own words stay
// out of errors: they may repeat what they were sent.
func refusal(status int, raw []byte) error {
	var e wire.Error
	_ = json.Unmarshal(raw, &e) // the code is all that is taken from it
	said := fmt.Errorf("osia: status %d, code %d", status, e.Code)
	switch status {
	case http.StatusNotFound:
		return errors.Join(fault.New(fault.NotFound, "biometric.not_found"), said)
	case http.StatusConflict:
		return errors.Join(fault.New(fault.Conflict, "biometric.encounter.known"), said)
	case http.StatusBadRequest:
		return errors.Join(fault.New(fault.Invalid, "biometric.engine.refused"), said)
	}
	return errors.Join(fault.New(fault.Unavailable, "biometric.engine.unavailable"), said)
}

func strict(raw []byte, into any) error {
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return errors.New("osia: the engine's answer is not as the interface has it")
	}
	return nil
}

func transaction() string { return id.NewPerson().String() }
