// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"
)

// register is who owns which SIM, and the log of who asked.
type register struct {
	mu     sync.Mutex
	sims   map[string]sim
	asked  []Question // oldest first, the latest 1000
	silent bool       // a switch for tests: answer 503
}

// sim is one line of the register.
type sim struct {
	Phone     string `json:"phone"`
	Number    string `json:"number"`
	Name      string `json:"name"`
	BirthDate string `json:"birth_date"` // ISO, or a year
	Since     string `json:"since"`
	Changed   string `json:"changed_at,omitempty"` // when another SIM card was put in for it, RFC 3339
}

// Question is the carrier's own receipt of a check: who asked, why and what was
// said, but not about whom.
type Question struct {
	At      time.Time
	ID      string // X-Road-Id
	Client  string
	Purpose string
	Ground  string
	Answer  string
}

// LoadSubscribers reads the register from JSON lines.
func (v *Carrier) LoadSubscribers(r io.Reader) error {
	d := json.NewDecoder(r)
	for n := 1; ; n++ {
		var s sim
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read subscriber %d: %w", n, err)
		}
		if canonical(s.Phone) == "" {
			return fmt.Errorf("read subscriber %d: no phone", n)
		}
		v.Register(s.Phone, s.Number, s.Name, s.BirthDate, s.Since)
	}
}

// Register puts a SIM in a person's name, whoever had it before.
func (v *Carrier) Register(phone, number, name, birth, since string) {
	v.register.mu.Lock()
	defer v.register.mu.Unlock()
	v.register.sims[canonical(phone)] = sim{Phone: canonical(phone), Number: number, Name: name, BirthDate: birth, Since: since}
}

// Swap puts another SIM card in for a phone, as a shop does for whoever says that
// hers is lost; false for a phone of another carrier.
func (v *Carrier) Swap(phone string) bool {
	v.register.mu.Lock()
	defer v.register.mu.Unlock()
	s, ok := v.register.sims[canonical(phone)]
	if ok {
		s.Changed = v.c.Clock.Now().UTC().Format(time.RFC3339)
		v.register.sims[canonical(phone)] = s
	}
	return ok
}

// SetSilent makes the subscriber check answer 503, as a register under repair.
func (v *Carrier) SetSilent(on bool) {
	v.register.mu.Lock()
	defer v.register.mu.Unlock()
	v.register.silent = on
}

// body is the body of a check.
type body struct {
	Phone     string `json:"phone"`
	Number    string `json:"number"`
	Name      string `json:"name"`
	BirthDate string `json:"birth_date"`
}

// compare answers "yes" when number, name and birth date are those of the
// register, "no" when they are somebody else's, and "unknown" when the register
// cannot tell: a number of another carrier, or an old entry under the nine-digit
// number that otherwise agrees.
func (r *register) compare(q body) string {
	s, ok := r.sims[canonical(q.Phone)]
	if !ok {
		return "unknown"
	}
	same := fold(s.Name) == fold(q.Name) && (s.BirthDate == q.BirthDate || len(s.BirthDate) == 4 && strings.HasPrefix(q.BirthDate, s.BirthDate))
	switch {
	case same && s.Number == q.Number:
		return "yes"
	case same && len(s.Number) != len(q.Number):
		return "unknown"
	}
	return "no"
}

func fold(name string) string {
	return strings.Join(strings.Fields(strings.ToUpper(norm.NFC.String(name))), " ")
}

// xroadClient is INSTANCE/CLASS/MEMBER/SUBSYSTEM (X-Road: Message Protocol for REST, section 4.3).
var xroadClient = regexp.MustCompile(`^[^/\s]+/[^/\s]+/[^/\s]+/[^/\s]+$`)

// check is POST /r1/subscriber/check. Its headers follow the X-Road message
// protocol for REST: X-Road-Client and X-Road-Id come in, X-Road-Id and
// X-Road-Request-Hash (Base64 of the SHA-512 of the request's body) go out.
func (v *Carrier) check(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, kind, why string) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("X-Road-Error", kind)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"type": kind, "message": why, "detail": ""})
	}
	client, id := r.Header.Get("X-Road-Client"), r.Header.Get("X-Road-Id")
	purpose, ground := r.Header.Get("Danh-Purpose"), r.Header.Get("Danh-Ground")
	if plain, err := url.PathUnescape(ground); err == nil { // header values are ASCII; laws are not
		ground = plain
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<10))
	switch {
	case err != nil:
		refuse(http.StatusRequestEntityTooLarge, "Client.BadRequest", "the request is too long")
		return
	case !xroadClient.MatchString(client) || id == "" || len(id) > 100:
		refuse(http.StatusBadRequest, "Client.BadRequest", "X-Road-Client and X-Road-Id are needed")
		return
	case purpose == "" || ground == "":
		refuse(http.StatusForbidden, "Client.AccessDenied", "no answer without a purpose and a legal ground")
		return
	}
	var q body
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil || canonical(q.Phone) == "" || q.Number == "" || q.Name == "" || q.BirthDate == "" {
		refuse(http.StatusBadRequest, "Client.BadRequest", "phone, number, name and birth_date are needed")
		return
	}
	v.register.mu.Lock()
	silent := v.register.silent
	answer, changed := "", ""
	if !silent {
		if answer = v.register.compare(q); answer != "no" { // of a stranger's phone nothing more is said
			changed = v.register.sims[canonical(q.Phone)].Changed
		}
	}
	v.register.asked = append(v.register.asked, Question{At: v.c.Clock.Now(), ID: id, Client: client, Purpose: purpose, Ground: ground, Answer: answer})
	if over := len(v.register.asked) - 1000; over > 0 {
		v.register.asked = v.register.asked[over:]
	}
	v.register.mu.Unlock()
	hash := sha512.Sum512(raw)
	w.Header().Set("X-Road-Client", client)
	w.Header().Set("X-Road-Id", id)
	w.Header().Set("X-Road-Service", "DANH/COM/CARRIER/REGISTER/subscriber")
	w.Header().Set("X-Road-Request-Hash", base64.StdEncoding.EncodeToString(hash[:]))
	if silent {
		refuse(http.StatusServiceUnavailable, "Server.ServerProxy.ServiceFailed", "the register is being repaired")
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	said := map[string]string{"answer": answer}
	if changed != "" {
		said["changed_at"] = changed
	}
	_ = json.NewEncoder(w).Encode(said)
}

// Asked lists the latest checks, latest first.
func (v *Carrier) Asked() []Question {
	v.register.mu.Lock()
	defer v.register.mu.Unlock()
	out := make([]Question, 0, len(v.register.asked))
	for i := len(v.register.asked) - 1; i >= 0; i-- {
		out = append(out, v.register.asked[i])
	}
	return out
}
