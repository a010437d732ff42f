// SPDX-License-Identifier: Apache-2.0

package notify

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

//go:embed category.json
var categoriesJSON []byte

// categories are the only words that a notice ever carries: of which kind the
// news are. Whatever a message says stays in the inbox, behind the sign-in.
var categories, categoriesErr = readCategories(categoriesJSON)

func readCategories(raw []byte) (map[string]map[string]string, error) {
	var out map[string]map[string]string
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("notify: category.json: %w", err)
	}
	for name, w := range out {
		if w["vi"] == "" || w["en"] == "" {
			return nil, fmt.Errorf("notify: category %s: a text is missing in one language", name)
		}
	}
	return out, nil
}

const (
	security = "security"
	general  = "general"
	body     = "body" // beneath every notice
)

// kinds sort templates by how their names begin.
var kinds = []struct{ prefix, category string }{
	{"call_", "office"}, {"visit_", "office"}, {"glass_", "office"}, {"review_", "office"}, {"match_case_", "office"},
	{"card_", "card"}, {"dossier_", "card"}, {"stay_", "stay"}, {"appointment_", "appointment"}, {"procedure_", "procedure"}, {"consent_", "consent"}, {"asked_", "asked"},
}

// categoryOf is the kind of news that a message brings. What tells of something
// done to the account, or must not wait, is about security.
func categoryOf(m messageRow) string {
	for _, k := range kinds {
		if strings.HasPrefix(m.template, k.prefix) {
			return k.category
		}
	}
	if m.urgent || rousing[m.template] {
		return security
	}
	return general
}

// Urgency is how much a notice may cost the device's battery (RFC 8030, section 5.3).
type Urgency string

// The urgencies that are used: what must not wait; what is worth an SMS; the rest.
const (
	High   Urgency = "high"
	Normal Urgency = "normal"
	Low    Urgency = "low"
)

func urgencyOf(m messageRow, channels []Channel) Urgency {
	switch {
	case m.rouses():
		return High
	case slices.Contains(channels, SMS):
		return Normal
	}
	return Low
}

// How long a push service keeps a notice for a device that is away, when its
// message does not end earlier: an alarm is for today.
const (
	noticeLife = 3 * 24 * time.Hour
	alarmLife  = 24 * time.Hour
)

// noticeEnds is until when a message is worth a notice.
func noticeEnds(m messageRow) time.Time {
	life := noticeLife
	if m.rouses() {
		life = alarmLife
	}
	ends := m.created.Add(life)
	if !m.expires.IsZero() && m.expires.Before(ends) {
		return m.expires
	}
	return ends
}

// noticed reports whether a message makes a notice. One that brings a one-time
// code does not: she waits for the code itself, which never goes this way, and
// whoever asks for codes in her name must not be able to ring at her.
func noticed(t *template) bool { return !slices.Contains(t.Secret, "code") }

// payload is what the service worker gets: words of a fixed list, and an id by
// which it knows a repeat.
type payload struct {
	Title    string `json:"title"`
	Body     string `json:"body"`
	Tag      string `json:"tag"`
	Language string `json:"lang"`
	ID       string `json:"id"`
}

func wordNotice(category, lang string, message MessageID) ([]byte, error) {
	if categoriesErr != nil {
		return nil, categoriesErr
	}
	lang = language(lang)
	return json.Marshal(payload{Title: categories[category][lang], Body: categories[body][lang], Tag: category, Language: lang, ID: message.String()})
}
