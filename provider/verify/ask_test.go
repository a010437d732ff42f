// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"encoding/json"
	"testing"
)

// Whatever a partner sends: what is read names fields that can be compared, has
// a value for each, and reads back as the same from its own form.
func FuzzQuestion(f *testing.F) {
	for _, s := range []string{`{"claims":{"name":"Nguyễn Thị Phương Lan","birthdate":"1990-09-02","gender":"female","personal_number":"001190001234"}}`,
		`{"claims":{"name_without_diacritics":"NGUYEN THI PHUONG LAN"}}`, `{"claims":{"address":{"formatted":"Số 12 ngõ 5","unit_code":"00037"},"temporary_address":{"unit_code":"1"}}}`,
		`{"claims":{"name":null}}`, `{"claims":{"birthdate":"1990"}} {}`, `{"claims":[]}`, `{"claims":{"name":"\u0000"}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := parse(body)
		if err != nil {
			return
		}
		if len(s.values) == 0 || len(s.fields()) == 0 {
			t.Fatalf("%q asks about nothing", body)
		}
		for name := range s.values {
			if _, ok := fieldOf[name]; !ok {
				t.Fatalf("%q asks about %q", body, name)
			}
		}
		again := map[string]any{}
		for name, v := range s.values {
			if place, ok := placeOf[name]; ok {
				c := s.homes[place]
				again[name] = map[string]string{"formatted": c.Text, "unit_code": c.UnitCode}
				continue
			}
			again[name] = v
		}
		b, err := json.Marshal(map[string]any{"claims": again})
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > maxBody {
			return
		}
		back, err := parse(b)
		if err != nil {
			t.Fatalf("%q was read, and %q is not: %v", body, b, err)
		}
		for name, v := range s.values {
			if back.values[name] != v {
				t.Fatalf("%s: %q reads back as %q", name, v, back.values[name])
			}
		}
	})
}
