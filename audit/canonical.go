// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"danh/internal/id"
)

// form is the first line of every canonical entry; another form would begin otherwise.
const form = "danh audit entry 1"

const stamp = "2006-01-02T15:04:05.000000Z"

// saltSize in bytes: nobody guesses a leaf by trying likely entries.
const saltSize = 16

// canonical appends the text that is hashed: one line per value, "name value",
// in this order, without the lines of absent values. A backslash in a value is
// written \\ and a line feed \n, so that no value can pose as another line.
// The format is documented in docs/audit.md; a change needs a new form line.
func canonical(b []byte, r *Recorded) []byte {
	b = append(b, form...)
	b = append(b, '\n')
	b = key(b, "id", id.Person(r.ID))
	b = append(b, "at "...)
	b = r.At.UTC().AppendFormat(b, stamp)
	b = append(b, '\n')
	b = key(b, "subject", r.Subject)
	b = text(b, "actor", string(r.Actor.Kind))
	b = key(b, "account", r.Actor.Account)
	b = key(b, "person", r.Actor.Person)
	b = text(b, "partner", r.Actor.Partner)
	b = text(b, "name", r.Actor.Name)
	b = key(b, "on-behalf-of", r.Actor.OnBehalfOf)
	b = text(b, "session", r.Actor.Session)
	b = text(b, "action", r.Action)
	b = text(b, "purpose", r.Purpose)
	b = text(b, "ground", r.Ground)
	for _, f := range r.Fields {
		b = append(b, "field "...)
		b = escape(b, f)
		b = append(b, '\n')
	}
	b = text(b, "outcome", r.Outcome)
	if len(r.Detail) > 0 {
		for _, k := range slices.Sorted(maps.Keys(r.Detail)) {
			b = append(b, "detail "...)
			b = escape(b, k)
			b = append(b, '=')
			b = escape(b, r.Detail[k])
			b = append(b, '\n')
		}
	}
	return b
}

func text(b []byte, name, v string) []byte {
	if v == "" {
		return b
	}
	b = append(b, name...)
	b = append(b, ' ')
	b = escape(b, v)
	return append(b, '\n')
}

func key(b []byte, name string, v id.Person) []byte {
	if v.IsZero() {
		return b
	}
	b = append(b, name...)
	b = append(b, ' ')
	var h [36]byte
	hex.Encode(h[:8], v[:4])
	h[8] = '-'
	hex.Encode(h[9:13], v[4:6])
	h[13] = '-'
	hex.Encode(h[14:18], v[6:8])
	h[18] = '-'
	hex.Encode(h[19:23], v[8:10])
	h[23] = '-'
	hex.Encode(h[24:], v[10:])
	b = append(b, h[:]...)
	return append(b, '\n')
}

func escape(b []byte, v string) []byte {
	if !strings.ContainsAny(v, "\\\n") {
		return append(b, v...)
	}
	for i := range len(v) {
		switch v[i] {
		case '\\':
			b = append(b, `\\`...)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, v[i])
		}
	}
	return b
}

// leafOf is the salted hash that becomes the leaf: SHA-256(salt ‖ canonical).
func leafOf(r *Recorded) [sha256.Size]byte {
	b := make([]byte, 0, 768)
	b = append(b, r.Salt...)
	return sha256.Sum256(canonical(b, r))
}

// clean makes texts storable on both engines: valid UTF-8 without NUL. What is
// hashed is what is stored.
func clean(e Entry) Entry {
	for _, p := range []*string{&e.Actor.Partner, &e.Actor.Name, &e.Actor.Session, &e.Action, &e.Purpose, &e.Ground, &e.Outcome} {
		*p = plain(*p)
	}
	if slices.ContainsFunc(e.Fields, dirty) {
		e.Fields = slices.Clone(e.Fields)
		for i, f := range e.Fields {
			e.Fields[i] = plain(f)
		}
	}
	for k, v := range e.Detail {
		if dirty(k) || dirty(v) {
			d := make(map[string]string, len(e.Detail))
			for k, v := range e.Detail {
				d[plain(k)] = plain(v)
			}
			e.Detail = d
			break
		}
	}
	return e
}

func dirty(s string) bool { return !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 }

func plain(s string) string {
	if !dirty(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// micro cuts an instant to what the database keeps.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
