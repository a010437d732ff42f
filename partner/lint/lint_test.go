// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"danh/internal/clock"
	"danh/partner"
	"danh/partner/ground"
	"danh/partner/lint"
)

var day = clock.Date{Year: 2026, Month: 11, Day: 22}

func good() lint.Document {
	return lint.Document{
		Name: partner.Text{VI: "Sông Hậu Số", EN: "Song Hau Digital"}, About: partner.Text{VI: "Ngân hàng trên điện thoại", EN: "Banking on a phone"},
		Profile: "fapi2", AuthMethod: "private_key_jwt", RedirectURIs: []string{"https://app.songhau.example/cb"}, LogoutURI: "https://app.songhau.example/out", EventsURI: "https://app.songhau.example/events",
		Contacts: []lint.Contact{{Role: "technical", Name: "Tổ kỹ thuật", Mail: "it@songhau.example"}, {Role: "privacy", Name: "Lâm Thanh Vy", Mail: "dpo@songhau.example"}},
		Purposes: []lint.Purpose{
			{Code: "open_account", Text: partner.Text{VI: "mở tài khoản", EN: "open your account"}, Ground: "aml_kyc", Keep: "P5Y",
				Fields: map[string]ground.Mode{"name": "read", "personal_number": "read", "birthdate": "read", "address": "read"}},
			{Code: "adult", Text: partner.Text{VI: "xác nhận đủ tuổi", EN: "confirm your age"}, Ground: "alcohol_age", Fields: map[string]ground.Mode{"birthdate": "over18"}},
		},
	}
}

func codes(r lint.Report) (out []string) {
	for _, f := range r.Findings {
		out = append(out, f.Code)
	}
	return out
}

func TestGoodDocument(t *testing.T) {
	r := lint.Check(good().Text(), lint.Options{At: day})
	if len(r.Findings) != 0 || len(r.Passed) != len(lint.Rules()) {
		t.Errorf("findings %v, passed %v", codes(r), r.Passed)
	}
	c := good().Client(day)
	p, _ := c.Purpose("open_account")
	if strings.Join(p.Scopes, " ") != "profile number residence" || strings.Join(p.Fields, " ") != "name personal_number birthdate address" || p.Ground == "" {
		t.Errorf("approved as %+v", p)
	}
	if a, _ := c.Purpose("adult"); strings.Join(a.Scopes, " ") != "age" {
		t.Errorf("approved as %+v", a)
	}
}

// Each alteration is found, with its line.
func TestFindings(t *testing.T) {
	for name, x := range map[string]struct {
		change func(*lint.Document)
		code   string
		line   string // a piece of the line
	}{
		"over-asking of fields":      {func(d *lint.Document) { d.Purposes[1].Fields["personal_number"] = "read" }, "field.over", `"personal_number": "read"`},
		"the date instead of 18":     {func(d *lint.Document) { d.Purposes[1].Fields["birthdate"] = "read" }, "field.more", `"birthdate": "read"`},
		"what Danh does not hold":    {func(d *lint.Document) { d.Purposes[0].Fields["occupation"] = "read" }, "field.none", `"occupation"`},
		"a field of no name":         {func(d *lint.Document) { d.Purposes[0].Fields["salary"] = "read" }, "field.unknown", `"salary"`},
		"no such way":                {func(d *lint.Document) { d.Purposes[0].Fields["name"] = "over18" }, "field.mode", `"name": "over18"`},
		"number on consent alone":    {func(d *lint.Document) { d.Purposes[0].Ground = "consent"; d.Purposes[0].Keep = "P1Y" }, "field.over", `"personal_number"`},
		"a ground that is none":      {func(d *lint.Document) { d.Purposes[0].Ground = "because" }, "ground", `"because"`},
		"kept too long":              {func(d *lint.Document) { d.Purposes[0].Keep = "P50Y" }, "keep.long", `"P50Y"`},
		"lasting for nonsense":       {func(d *lint.Document) { d.Purposes[0].Lasts = "soon" }, "keep.form", `"soon"`},
		"kept for nonsense":          {func(d *lint.Document) { d.Purposes[0].Keep = "5 years" }, "keep.form", `"5 years"`},
		"plain http":                 {func(d *lint.Document) { d.RedirectURIs[0] = "http://app.songhau.example/cb" }, "redirect.plain", `http://app`},
		"wildcard":                   {func(d *lint.Document) { d.RedirectURIs[0] = "https://*.songhau.example/cb" }, "redirect.form", `https://*`},
		"events in clear":            {func(d *lint.Document) { d.EventsURI = "http://10.0.0.1/e" }, "address.plain", `10.0.0.1`},
		"a secret with fapi2":        {func(d *lint.Document) { d.AuthMethod = "client_secret_basic" }, "auth.fapi2", `client_secret_basic`},
		"the number by plain OpenID": {func(d *lint.Document) { d.Profile = "oidc" }, "profile.weak", `"oidc"`},
		"nobody for data protection": {func(d *lint.Document) { d.Contacts = d.Contacts[:1] }, "contact.privacy", `"contacts"`},
		"papers":                     {func(d *lint.Document) { d.Purposes[0].Attachments = []string{"hợp đồng"} }, "attachments", `"attachments"`},
		"two of one code":            {func(d *lint.Document) { d.Purposes[1].Code = "open_account" }, "purpose.code", `"open_account"`},
		"words in one language":      {func(d *lint.Document) { d.Purposes[0].Text.EN = "" }, "purpose.text", `"text"`},
	} {
		d := good()
		x.change(&d)
		text := d.Text()
		r := lint.Check(text, lint.Options{At: day})
		i := slices.IndexFunc(r.Findings, func(f lint.Finding) bool { return f.Code == x.code })
		if i < 0 || r.OK() {
			t.Errorf("%s: found %v", name, codes(r))
			continue
		}
		f := r.Findings[i]
		if lines := strings.Split(string(text), "\n"); f.Line == 0 || !strings.Contains(lines[f.Line-1], x.line) {
			t.Errorf("%s: line %d (%s) in\n%s", name, f.Line, f.Path, text)
		}
		for _, lang := range []string{"vi", "en"} {
			what, mend := f.Words(lang)
			if what == "" || mend == "" || strings.ContainsAny(what+mend, "{}\x00") {
				t.Errorf("%s in %s: %q, %q", name, lang, what, mend)
			}
		}
	}
}

// The household book is refused in every spelling and every text, and the words
// name what to ask for instead (C36).
func TestHouseholdBookInEverySpelling(t *testing.T) {
	for _, s := range []string{"sổ hộ khẩu", "SỔ HỘ KHẨU", "so ho khau", "So_Ho-Khau", "sohokhau", "sổ hộ khẩu", "s0 h0 khau", "sổ\u200bhộ\u200bkhẩu", "bản sao hộ khẩu", "photo hộ khẩu gia đình", "household book",
		"HouseholdBook", "household registration book", "hukou", "SHK", "s ổ h ộ k h ẩ u", "sổ tạm trú", "sо hо khаu", "family register", "hộ-khẩu", "s.o.h.o.k.h.a.u"} {
		for name, put := range map[string]func(*lint.Document){
			"name":       func(d *lint.Document) { d.Name.VI += " " + s },
			"about":      func(d *lint.Document) { d.About.EN += " " + s },
			"purpose":    func(d *lint.Document) { d.Purposes[0].Text.VI = "xem " + s },
			"field":      func(d *lint.Document) { d.Purposes[0].Fields[s] = "read" },
			"attachment": func(d *lint.Document) { d.Purposes[0].Attachments = []string{s} },
			"detail":     func(d *lint.Document) { d.DetailTypes = []string{s} },
		} {
			if strings.Contains(s, ".") || strings.HasPrefix(s, "s ổ") {
				if name == "name" || name == "about" || name == "purpose" {
					continue // one letter at a time among whole words is left to the officers
				}
			}
			d := good()
			put(&d)
			r := lint.Check(d.Text(), lint.Options{At: day, Trial: true})
			i := slices.IndexFunc(r.Findings, func(f lint.Finding) bool { return f.Code == "book" })
			if i < 0 || r.Findings[i].Severity != lint.Error {
				t.Errorf("%q as %s: %v", s, name, codes(r))
				continue
			}
			if _, mend := r.Findings[i].Words("vi"); !strings.Contains(mend, "Nơi cư trú") {
				t.Errorf("the residence claim is not named: %s", mend)
			}
		}
	}
	for _, s := range []string{"cho khẩu phần ăn", "mở tài khoản cho hộ kinh doanh", "sổ tiết kiệm", "household insurance", "so khớp họ tên", "kho khẩu trang"} {
		if lint.Book(s) {
			t.Errorf("%q is taken for the household book", s)
		}
	}
}

// On one's own machine the trial takes http, production only where the operator
// says so.
func TestLoopback(t *testing.T) {
	d := good()
	d.RedirectURIs = []string{"http://127.0.0.1:9000/cb"}
	if r := lint.Check(d.Text(), lint.Options{At: day, Trial: true}); !r.OK() {
		t.Error("the trial refuses this machine", codes(r))
	}
	if r := lint.Check(d.Text(), lint.Options{At: day}); r.OK() {
		t.Error("production takes http")
	}
	for _, h := range []string{"http://127.0.0.1:9000", "http://127.0.0.1:*"} {
		if r := lint.Check(d.Text(), lint.Options{At: day, Hosts: []string{h}}); !r.OK() {
			t.Error("what the operator admits is refused", codes(r))
		}
	}
	if r := lint.Check(d.Text(), lint.Options{At: day, Hosts: []string{"http://127.0.0.1:9001", "https://127.0.0.1:*", "http://localhost:*"}}); r.OK() {
		t.Error("another origin's leave is taken")
	}
}

// An address for events without a choice hears of everything: to strike out the
// choice is to ask for more.
func TestNoChoiceOfEventsIsAllOfThem(t *testing.T) {
	some, all := good(), good()
	some.Events = []string{partner.AccountPurged}
	if list := lint.Compare(some, all); lint.Narrowing(list) || len(list) == 0 {
		t.Errorf("from one event to every event: %+v", list)
	}
	if list := lint.Compare(all, some); !lint.Narrowing(list) {
		t.Errorf("from every event to one: %+v", list)
	}
	every := good()
	every.Events = partner.EventTypes
	if list := lint.Compare(all, every); len(list) != 0 {
		t.Errorf("the same events: %+v", list)
	}
}

func TestChangesThatOnlyTakeAway(t *testing.T) {
	for name, x := range map[string]struct {
		change func(*lint.Document)
		narrow bool
	}{
		"a field less":                 {func(d *lint.Document) { delete(d.Purposes[0].Fields, "address") }, true},
		"matched instead of read":      {func(d *lint.Document) { d.Purposes[0].Fields["personal_number"] = "match" }, true},
		"shorter":                      {func(d *lint.Document) { d.Purposes[0].Keep = "P1Y" }, true},
		"a purpose less":               {func(d *lint.Document) { d.Purposes = d.Purposes[:1] }, true},
		"other contacts":               {func(d *lint.Document) { d.Contacts[0].Mail = "x@songhau.example" }, true},
		"no more events":               {func(d *lint.Document) { d.EventsURI = "" }, true},
		"one event of all":             {func(d *lint.Document) { d.Events = []string{partner.AccountPurged} }, true},
		"another field":                {func(d *lint.Document) { d.Purposes[0].Fields["email"] = "read" }, false},
		"read instead of matched":      {func(d *lint.Document) { d.Purposes[1].Fields["birthdate"] = "read" }, false},
		"other words":                  {func(d *lint.Document) { d.Purposes[0].Text.VI = "bán hàng" }, false},
		"longer":                       {func(d *lint.Document) { d.Purposes[0].Keep = "P9Y" }, false},
		"another address":              {func(d *lint.Document) { d.RedirectURIs = append(d.RedirectURIs, "https://x.example/") }, false},
		"another address for events":   {func(d *lint.Document) { d.EventsURI = "https://x.example/" }, false},
		"another ground":               {func(d *lint.Document) { d.Purposes[0].Ground = "public_service" }, false},
		"another name":                 {func(d *lint.Document) { d.Name.VI = "Danh" }, false},
		"back to plain OpenID":         {func(d *lint.Document) { d.Profile = "oidc" }, false},
		"passed on to somebody":        {func(d *lint.Document) { d.Purposes[0].Recipients = []partner.Text{{VI: "Bên khác", EN: "Another"}} }, false},
		"asked sooner again":           {func(d *lint.Document) { d.Purposes[0].Lasts = "P90D" }, true},
		"while away":                   {func(d *lint.Document) { d.Purposes[0].Away = true }, false},
		"a purpose under another code": {func(d *lint.Document) { d.Purposes[1].Code = "adults" }, false},
	} {
		var now lint.Document
		b, _ := json.Marshal(good())
		if err := json.Unmarshal(b, &now); err != nil {
			t.Fatal(err)
		}
		x.change(&now)
		list := lint.Compare(good(), now)
		if len(list) == 0 || lint.Narrowing(list) != x.narrow {
			t.Errorf("%s: %+v", name, list)
		}
	}
	if list := lint.Compare(good(), good()); len(list) != 0 {
		t.Errorf("nothing changed, and it says %+v", list)
	}
}

func TestDocumentThatTwoReadersReadDifferently(t *testing.T) {
	for _, s := range []string{`{"profile":"fapi2","profile":"oidc"}`, `{"profile":"fapi2"} {}`, `[`, ``, `{"sector":1}`, strings.Repeat(`{"purposes":`, 40), `{"purposes":[{"fields":{"name":"read","name":"match"}}]}`} {
		r := lint.Check([]byte(s), lint.Options{At: day})
		if len(r.Findings) != 1 || r.Findings[0].Code != "syntax" || r.Findings[0].Line == 0 {
			t.Errorf("%s: %v", s, codes(r))
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(good().Text())
	f.Add([]byte(`{"purposes":[{"fields":{"name":"read"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := lint.Check(text, lint.Options{At: day})
		again := lint.Check(r.Document.Text(), lint.Options{At: day})
		if len(r.Findings) > 0 && r.Findings[0].Code == "syntax" {
			return
		}
		// Lines differ, and with them the order.
		a, b := slices.Sorted(slices.Values(codes(r))), slices.Sorted(slices.Values(codes(again)))
		if !slices.Equal(a, b) {
			t.Errorf("read %v, and as written %v", a, b)
		}
	})
}

// Every finding and every rule has words in both languages.
func TestEveryRuleHasWords(t *testing.T) {
	b, err := lint.Texts.ReadFile("lint.text.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][2]string
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, r := range lint.Rules() {
		if all["lint.rule."+r][1] == "" {
			t.Errorf("rule %s has no words", r)
		}
	}
	for k, v := range all {
		if v[0] == "" || v[1] == "" {
			t.Errorf("%s is not in both languages", k)
		}
	}
}

func TestLife(t *testing.T) {
	for s, want := range map[string]int{"": 0, "P5Y": 1825, "P6M": 180, "P1Y6M": 545, "P30D": 30, "P2W": 14} {
		if n, ok := lint.Life(s); !ok || n != want {
			t.Errorf("%q: %d, %v", s, n, ok)
		}
	}
	for _, s := range []string{"P", "5Y", "P5", "P0D", "PY", "P99999Y", "P1H", "P-1Y"} {
		if _, ok := lint.Life(s); ok {
			t.Errorf("%q is taken", s)
		}
	}
}
