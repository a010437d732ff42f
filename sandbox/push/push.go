// SPDX-License-Identifier: Apache-2.0

// Package push is the sandbox's push service: what a browser's maker runs for
// its browsers. It gives out subscriptions, takes pushes (RFC 8030) from
// senders who show who they are (RFC 8292), and keeps what they sent.
//
// It is a neighbour, not a part of the product. What it keeps is sealed for the
// subscriber (RFC 8291); it can open none of it, and shows that on a page. It
// keeps the latest pushes in memory only.
package push

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"danh/internal/clock"
)

// Config is what the service stands on.
type Config struct {
	Clock clock.Clock
	Log   *slog.Logger
	Keep  int // how many pushes are kept; 2000 without it
}

// Service is a push service.
type Service struct {
	c   Config
	mux *http.ServeMux

	mu            sync.Mutex
	subscriptions map[string]*subscription // by the id in their push resource
	messages      []Message                // oldest first
	next          int64
}

type subscription struct {
	receive string // the id in the resource that the browser reads
	key     []byte // the only sender's public key; nil: anybody's
	gone    bool
	trouble Trouble
}

// Trouble is how a subscription answers instead of taking pushes.
type Trouble struct {
	Status int           // 410, 429, 503, 302 …; 0: it is well
	Retry  time.Duration // told in Retry-After
	Hang   <-chan struct{}
	To     string // Location
}

// Message is a push as it arrived.
type Message struct {
	ID           int64     `json:"id"`
	Subscription string    `json:"subscription"`
	Topic        string    `json:"topic"`
	Urgency      string    `json:"urgency"`
	TTL          int       `json:"ttl"`
	Contact      string    `json:"contact"` // the sender's, by its own word
	Replaced     bool      `json:"replaced"`
	Body         []byte    `json:"body"`
	At           time.Time `json:"at"`
}

// maxBody is what every push service must take (RFC 8030, section 7.2).
const maxBody = 4096

// New makes a push service.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Keep <= 0 {
		c.Keep = 2000
	}
	s := &Service{c: c, mux: http.NewServeMux(), subscriptions: map[string]*subscription{}}
	s.mux.HandleFunc("POST /subscribe", s.subscribe)
	s.mux.HandleFunc("POST /push/{id}", s.take)
	s.mux.HandleFunc("GET /subscription/{id}", s.read)
	s.mux.HandleFunc("DELETE /subscription/{id}", s.end)
	return s
}

// ServeHTTP implements http.Handler: the service as browsers and senders see it.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func name() string {
	b := make([]byte, 24)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// origin is how the caller reached the service.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// subscribe is RFC 8030, section 4, restricted to one sender as in RFC 8292, section 4.1.
func (s *Service) subscribe(w http.ResponseWriter, r *http.Request) {
	sub := &subscription{receive: name()}
	if r.Header.Get("Content-Type") == "application/webpush-options+json" {
		var options struct{ VAPID string }
		if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&options); err != nil {
			http.Error(w, "the options are no JSON", http.StatusBadRequest)
			return
		}
		key, err := base64.RawURLEncoding.DecodeString(options.VAPID)
		if _, kerr := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key); err != nil || kerr != nil {
			http.Error(w, "vapid is no public key", http.StatusBadRequest)
			return
		}
		sub.key = key
	}
	id := name()
	s.mu.Lock()
	s.subscriptions[id] = sub
	s.mu.Unlock()
	w.Header().Set("Location", origin(r)+"/subscription/"+sub.receive)
	w.Header().Set("Link", "<"+origin(r)+"/push/"+id+`>; rel="urn:ietf:params:push"`)
	w.WriteHeader(http.StatusCreated)
}

var (
	topics    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`) // RFC 8030, section 5.4
	urgencies = []string{"", "very-low", "low", "normal", "high"}
)

// take is RFC 8030, section 5.
func (s *Service) take(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	s.mu.Lock()
	sub := s.subscriptions[id]
	var trouble Trouble
	if sub != nil {
		trouble = sub.trouble
	}
	known, gone := sub != nil, sub != nil && sub.gone
	s.mu.Unlock()
	switch {
	case !known:
		http.Error(w, "no such subscription", http.StatusNotFound)
		return
	case gone:
		http.Error(w, "the subscription has ended", http.StatusGone)
		return
	}
	if trouble.Hang != nil {
		select {
		case <-trouble.Hang:
		case <-r.Context().Done():
			return
		}
	}
	if trouble.Status != 0 {
		if trouble.Retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(trouble.Retry/time.Second)))
		}
		if trouble.To != "" {
			w.Header().Set("Location", trouble.To)
		}
		http.Error(w, "in trouble", trouble.Status)
		return
	}
	contact, err := s.sender(r, sub.key)
	if err != nil {
		status := http.StatusUnauthorized
		if errors.Is(err, errOther) {
			status = http.StatusForbidden
		}
		http.Error(w, err.Error(), status)
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get("TTL"))
	if err != nil || ttl < 0 {
		http.Error(w, "TTL is needed (RFC 8030, section 5.2)", http.StatusBadRequest)
		return
	}
	m := Message{Subscription: id, Topic: r.Header.Get("Topic"), Urgency: r.Header.Get("Urgency"), TTL: ttl, Contact: contact, At: s.c.Clock.Now()}
	if !slices.Contains(urgencies, m.Urgency) || m.Topic != "" && !topics.MatchString(m.Topic) {
		http.Error(w, "Urgency or Topic is none", http.StatusBadRequest)
		return
	}
	if m.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		http.Error(w, "4096 bytes are the most", http.StatusRequestEntityTooLarge)
		return
	}
	if len(m.Body) > 0 && r.Header.Get("Content-Encoding") != "aes128gcm" {
		http.Error(w, "what is sent must be sealed (RFC 8291, section 4)", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.next++
	m.ID = s.next
	for i := range s.messages {
		if o := &s.messages[i]; m.Topic != "" && o.Subscription == id && o.Topic == m.Topic {
			o.Replaced = true
		}
	}
	if s.messages = append(s.messages, m); len(s.messages) > s.c.Keep {
		s.messages = s.messages[len(s.messages)-s.c.Keep:]
	}
	s.mu.Unlock()
	w.Header().Set("TTL", strconv.Itoa(ttl))
	w.Header().Set("Location", origin(r)+"/message/"+strconv.FormatInt(m.ID, 10))
	w.WriteHeader(http.StatusCreated)
}

var errOther = errors.New("the subscription is for another sender")

// sender checks who pushes: RFC 8292, sections 2 and 3.
func (s *Service) sender(r *http.Request, only []byte) (contact string, err error) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "vapid") {
		return "", errors.New("authorization by vapid is needed")
	}
	part := map[string]string{}
	for p := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		part[k] = v
	}
	raw, err := base64.RawURLEncoding.DecodeString(part["k"])
	if err != nil {
		return "", errors.New("k is no key")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return "", errors.New("k is no key")
	}
	if only != nil && !slices.Equal(only, raw) {
		return "", errOther
	}
	t, err := jwt.ParseSigned(part["t"], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "", errors.New("t is no token signed with ES256")
	}
	var c jwt.Claims
	if err := t.Claims(key, &c); err != nil {
		return "", errors.New("the signature is wrong")
	}
	now := s.c.Clock.Now()
	switch {
	case !c.Audience.Contains(origin(r)):
		return "", errors.New("aud names another service")
	case c.Expiry == nil || !now.Before(c.Expiry.Time()):
		return "", errors.New("exp is over")
	case c.Expiry.Time().After(now.Add(24 * time.Hour)):
		return "", errors.New("exp is more than a day away")
	}
	u, err := url.Parse(c.Subject)
	if err != nil || u.Scheme != "mailto" && u.Scheme != "https" {
		return "", errors.New("sub is neither a mailbox nor an https address")
	}
	return c.Subject, nil
}

// read gives a browser what was pushed to it, oldest first.
func (s *Service) read(w http.ResponseWriter, r *http.Request) {
	id, ok := s.find(r.PathValue("id"))
	if !ok {
		http.Error(w, "no such subscription", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": s.Messages(id)})
}

// end is RFC 8030, section 7.3: the browser gives its subscription up.
func (s *Service) end(w http.ResponseWriter, r *http.Request) {
	id, ok := s.find(r.PathValue("id"))
	if !ok {
		http.Error(w, "no such subscription", http.StatusNotFound)
		return
	}
	s.mu.Lock()
	s.subscriptions[id].gone = true
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Service) find(receive string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, sub := range s.subscriptions {
		if sub.receive == receive {
			return id, true
		}
	}
	return "", false
}

// Messages lists what was pushed to a subscription ("" for all), oldest first.
func (s *Service) Messages(id string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Message{}
	for _, m := range s.messages {
		if id == "" || m.Subscription == id {
			out = append(out, m)
		}
	}
	return out
}

// Trouble makes the subscription with this endpoint answer badly, or well again.
func (s *Service) Trouble(endpoint string, t Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub := s.subscriptions[endpoint[strings.LastIndex(endpoint, "/")+1:]]; sub != nil {
		sub.trouble = t
	}
}
