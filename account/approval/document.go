// SPDX-License-Identifier: Apache-2.0

package approval

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// Field is one line of a document: Label is a text key, Value is shown as it is.
type Field struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Document is what she is asked to approve, word for word as she is shown it.
type Document struct {
	Journey string  `json:"journey"` // whose demand holds: a row of account_demand
	Title   string  `json:"title"`   // a text key: what she approves
	Party   string  `json:"party"`   // who gets it
	Amount  string  `json:"amount"`  // "" when no money moves
	Fields  []Field `json:"fields"`
}

// Hash is the SHA-256 of the document's one form as JSON: members in the order
// above, no space, an empty list where there are no fields. A passkey's answer
// is bound to it.
func (d Document) Hash() []byte {
	if d.Fields == nil {
		d.Fields = []Field{}
	}
	b, err := json.Marshal(d)
	if err != nil {
		panic("approval: a document is plain text: " + err.Error())
	}
	sum := sha256.Sum256(append([]byte("danh document\x00"), b...))
	return sum[:]
}

// Dong writes whole đồng as people read them, 1.250.000 đồng; anything else is
// given back as it stands.
func Dong(s string) string {
	if len(s) == 0 || len(s) > 15 || s[0] == '0' || strings.Trim(s, "0123456789") != "" {
		return s
	}
	out := ""
	for len(s) > 3 {
		out, s = "."+s[len(s)-3:]+out, s[:len(s)-3]
	}
	return s + out + " đồng"
}

const (
	maxFields = 40
	maxText   = 2000
)

// sound refuses what has no one form, or could not be read on a page.
func (d Document) sound() bool {
	if d.Journey == "" || d.Title == "" || len(d.Fields) > maxFields {
		return false
	}
	texts := []string{d.Journey, d.Title, d.Party, d.Amount}
	for _, f := range d.Fields {
		if f.Label == "" {
			return false
		}
		texts = append(texts, f.Label, f.Value)
	}
	return !slices.ContainsFunc(texts, func(s string) bool { return len(s) > maxText || !utf8.ValidString(s) })
}
