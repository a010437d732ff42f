// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"danh/internal/clock"
	"danh/partner"
	"danh/partner/ground"
)

// Texts are the findings' words for pages: "lint.CODE" says what is wrong and
// "lint.CODE.mend" what to do.
//
//go:embed *.text.json
var Texts embed.FS

var words = func() map[string][2]string {
	b, err := Texts.ReadFile("lint.text.json")
	if err == nil {
		out := map[string][2]string{}
		if err = json.Unmarshal(b, &out); err == nil {
			return out
		}
	}
	panic(err) // embedded
}()

// Severity says whether a finding must be mended before production.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Code     string            `json:"code"`
	Severity Severity          `json:"severity"`
	Line     int               `json:"line"` // of the text, from 1; 0 when something is missing altogether
	Path     string            `json:"path"` // "purposes.0.fields.occupation"
	Args     map[string]string `json:"args,omitempty"`
}

// Words say what is wrong and what to do, in a language.
func (f Finding) Words(language string) (what, mend string) {
	i := 0
	if language == "en" {
		i = 1
	}
	fill := func(key string) string {
		s := words[key][i]
		for k, v := range f.Args {
			if vi, en, two := strings.Cut(v, "\x00"); two {
				v = []string{vi, en}[i]
			}
			s = strings.ReplaceAll(s, "{"+k+"}", v)
		}
		return s
	}
	return fill("lint." + f.Code), fill("lint." + f.Code + ".mend")
}

// both keeps an argument in two languages.
func both(t partner.Text) string { return t.VI + "\x00" + t.EN }

// Options say for what a document is checked.
type Options struct {
	Trial bool       // for the trial: what only production forbids is a warning
	At    clock.Date // chooses the grounds
	Hosts []string   // origins without TLS that the operator of this installation admits: "http://127.0.0.1:9000", "http://localhost:*"
}

// Report is what the checker says.
type Report struct {
	Document Document
	Findings []Finding // by line
	Passed   []string  // codes of the rules that the document keeps
}

// Count counts the findings of a severity.
func (r Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// OK reports whether nothing must be mended.
func (r Report) OK() bool { return r.Count(Error) == 0 }

// maxText bounds what is read.
const maxText = 256 << 10

// Check reads a document and finds what is wrong with it.
func Check(text []byte, o Options) Report {
	c := &checker{o: o}
	if len(text) > maxText {
		c.findings = []Finding{{Code: "syntax", Severity: Error, Line: 1, Args: map[string]string{"what": "256 KiB"}}}
		return c.report()
	}
	var err error
	if c.lines, err = index(text); err == nil {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		err = d.Decode(&c.d)
	}
	if err != nil {
		line := 1
		if s, ok := err.(*json.SyntaxError); ok {
			line += bytes.Count(text[:min(int(s.Offset), len(text))], []byte("\n"))
		}
		c.findings = append(c.findings, Finding{Code: "syntax", Severity: Error, Line: line, Args: map[string]string{"what": strings.TrimPrefix(err.Error(), "json: ")}})
		return c.report()
	}
	for _, rule := range rules {
		before := len(c.findings)
		rule.check(c)
		if len(c.findings) == before {
			c.passed = append(c.passed, rule.code)
		}
	}
	return c.report()
}

type checker struct {
	o        Options
	d        Document
	lines    map[string]int
	findings []Finding
	passed   []string
}

func (c *checker) report() Report {
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		// What is missing altogether stands last.
		line := func(f Finding) int { return cmp.Or(f.Line, 1<<30) }
		return cmp.Compare(line(a), line(b))
	})
	return Report{Document: c.d, Findings: c.findings, Passed: c.passed}
}

func (c *checker) add(s Severity, code, path string, args ...string) {
	f := Finding{Code: code, Severity: s, Path: path}
	for p := path; ; {
		if line, ok := c.lines[p]; ok {
			f.Line = line
			break
		}
		i := strings.LastIndexByte(p, '.')
		if i < 0 {
			break
		}
		p = p[:i]
	}
	for i := 0; i+1 < len(args); i += 2 {
		if f.Args == nil {
			f.Args = map[string]string{}
		}
		f.Args[args[i]] = args[i+1]
	}
	c.findings = append(c.findings, f)
}

// live is the severity of what the trial may still do.
func (c *checker) live() Severity {
	if c.o.Trial {
		return Warning
	}
	return Error
}

// rules are applied in this order. Each has a text "lint.rule.CODE" for the
// list of what the document keeps.
var rules = []struct {
	code  string
	check func(*checker)
}{
	{"names", (*checker).names},
	{"profile", (*checker).profile},
	{"redirects", (*checker).redirects},
	{"addresses", (*checker).addresses},
	{"contacts", (*checker).contacts},
	{"book", (*checker).book},
	{"purposes", (*checker).purposes},
	{"grounds", (*checker).grounds},
	{"fields", (*checker).fields},
	{"keep", (*checker).keep},
	{"least", (*checker).least},
}

// Rules lists the codes of all rules, in order.
func Rules() []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.code)
	}
	return out
}

func (c *checker) names() {
	if c.d.Name.VI == "" || c.d.Name.EN == "" || len(c.d.Name.VI)+len(c.d.Name.EN) > 400 {
		c.add(Error, "name", "client_name")
	}
	if c.d.About.VI == "" || c.d.About.EN == "" {
		c.add(c.live(), "about", "about")
	}
}

func (c *checker) profile() {
	tls := c.d.AuthMethod == string(partner.TLSClient) || c.d.AuthMethod == string(partner.SelfSignedTLS)
	switch partner.Profile(c.d.Profile) {
	case partner.FAPI2:
		if c.d.AuthMethod != string(partner.PrivateKeyJWT) && !tls {
			c.add(Error, "auth.fapi2", "token_endpoint_auth_method")
		}
	case partner.OIDC:
		if c.d.AuthMethod != string(partner.SecretBasic) && c.d.AuthMethod != string(partner.PrivateKeyJWT) {
			c.add(Error, "auth.oidc", "token_endpoint_auth_method")
		}
		if c.sensitive() {
			c.add(c.live(), "profile.weak", "profile")
		}
	default:
		c.add(Error, "profile", "profile")
	}
	if partner.AuthMethod(c.d.AuthMethod) == partner.TLSClient && (c.d.TLSSubjectDN == "") == (c.d.TLSSANDNS == "") {
		c.add(Error, "tls.name", "token_endpoint_auth_method")
	}
}

// sensitive reports whether a purpose reads what a stolen token must not show.
func (c *checker) sensitive() bool {
	return slices.ContainsFunc(c.d.Purposes, func(p Purpose) bool {
		return p.Fields["personal_number"] == ground.Read || p.Fields["card"] == ground.Read || p.Fields["household"] == ground.Read
	})
}

func (c *checker) redirects() {
	if len(c.d.RedirectURIs) == 0 {
		c.add(Error, "redirect.missing", "redirect_uris")
	}
	if len(c.d.RedirectURIs) > 20 {
		c.add(Error, "redirect.many", "redirect_uris")
	}
	for i, u := range c.d.RedirectURIs {
		c.address("redirect", "redirect_uris."+strconv.Itoa(i), u)
	}
	for i, u := range c.d.PostLogoutURIs {
		c.address("redirect", "post_logout_redirect_uris."+strconv.Itoa(i), u)
	}
	hosts := map[string]bool{}
	for _, s := range c.d.RedirectURIs {
		if u, err := url.Parse(s); err == nil {
			hosts[u.Hostname()] = true
		}
	}
	if len(hosts) > 1 && c.d.SectorIdentifier == "" {
		c.add(Warning, "redirect.hosts", "redirect_uris")
	}
}

// address checks one address to which a browser or the server goes: absolute,
// exact, https (RFC 6749, section 3.1.2; RFC 9700, section 2.1).
func (c *checker) address(kind, path, s string) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(s, "#*\\ ") || len(s) > 1000:
		c.add(Error, kind+".form", path)
	case u.Scheme == "https":
	case u.Scheme == "http" && c.admitted(u):
	case u.Scheme == "http" && loopback(u) && c.o.Trial:
		c.add(Warning, kind+".plain", path)
	default:
		c.add(Error, kind+".plain", path)
	}
}

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// admitted reports whether the operator's list names an origin; "*" stands for
// any port, as in internal/outward.
func (c *checker) admitted(u *url.URL) bool {
	return slices.ContainsFunc(c.o.Hosts, func(h string) bool {
		any, ports := strings.CutSuffix(h, ":*")
		return h == u.Scheme+"://"+u.Host || ports && any == u.Scheme+"://"+u.Hostname()
	})
}

func (c *checker) addresses() {
	for path, s := range map[string]string{"backchannel_logout_uri": c.d.LogoutURI, "events_endpoint": c.d.EventsURI, "backchannel_client_notification_endpoint": c.d.NotificationURI, "sector_identifier_uri": c.d.SectorIdentifier, "jwks_uri": c.d.JWKSURI} {
		if s != "" {
			c.address("address", path, s)
		}
	}
	switch c.d.BackchannelMode {
	case "", "poll":
	case "ping":
		if c.d.NotificationURI == "" {
			c.add(Error, "ping", "backchannel_token_delivery_mode")
		}
	default:
		c.add(Error, "backchannel", "backchannel_token_delivery_mode")
	}
	if c.d.LogoutURI == "" && len(c.d.RedirectURIs) > 0 {
		c.add(Warning, "logout.none", "backchannel_logout_uri")
	}
	if c.d.EventsURI == "" {
		c.add(Warning, "events.none", "events_endpoint")
	}
}

func (c *checker) contacts() {
	for i, x := range c.d.Contacts {
		path := "contacts." + strconv.Itoa(i)
		if x.Role != Technical && x.Role != Privacy {
			c.add(Error, "contact.role", path+".role")
		}
		if a, err := mail.ParseAddress(x.Mail); err != nil || a.Address != x.Mail || !strings.Contains(x.Mail, ".") {
			c.add(Error, "contact.mail", path+".mail")
		}
		if x.Name == "" {
			c.add(c.live(), "contact.name", path)
		}
	}
	if c.d.Contact(Privacy).Mail == "" {
		c.add(c.live(), "contact.privacy", "contacts")
	}
	if c.d.Contact(Technical).Mail == "" {
		c.add(c.live(), "contact.technical", "contacts")
	}
}

// book refuses whatever asks for the household book, in every text there is.
func (c *checker) book() {
	look := func(path string, texts ...string) {
		for _, s := range texts {
			if Book(s) {
				c.add(Error, "book", path)
				return
			}
		}
	}
	look("client_name", c.d.Name.VI, c.d.Name.EN)
	look("about", c.d.About.VI, c.d.About.EN)
	for i, p := range c.d.Purposes {
		path := "purposes." + strconv.Itoa(i)
		look(path+".code", p.Code)
		look(path+".text", p.Text.VI, p.Text.EN)
		for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
			look(path+".fields."+name, name)
		}
		for n, a := range p.Attachments {
			look(path+".attachments."+strconv.Itoa(n), a)
		}
	}
	for i, s := range c.d.DetailTypes {
		look("authorization_details_types."+strconv.Itoa(i), s)
	}
}

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)

func (c *checker) purposes() {
	if len(c.d.Purposes) == 0 {
		c.add(Error, "purpose.none", "purposes")
	}
	if len(c.d.Purposes) > 20 {
		c.add(Error, "purpose.many", "purposes")
	}
	seen := map[string]bool{}
	for i, p := range c.d.Purposes {
		path := "purposes." + strconv.Itoa(i)
		if !codeForm.MatchString(p.Code) || seen[p.Code] {
			c.add(Error, "purpose.code", path+".code")
		}
		seen[p.Code] = true
		if p.Text.VI == "" || p.Text.EN == "" || len(p.Text.VI) > 400 || len(p.Text.EN) > 400 {
			c.add(Error, "purpose.text", path+".text")
		}
		if len(p.Fields) == 0 {
			c.add(Error, "purpose.empty", path)
		}
		if len(p.Attachments) > 0 {
			c.add(Error, "attachments", path+".attachments")
		}
	}
}

func (c *checker) grounds() {
	for i, p := range c.d.Purposes {
		path := fmt.Sprintf("purposes.%d", i)
		g, ok := ground.Find(p.Ground, c.o.At)
		if !ok {
			c.add(Error, "ground", path+".ground")
			continue
		}
		if p.Away && g.Code == ground.Consent {
			c.add(Warning, "away.consent", path+".while_away")
		}
	}
}

// fields refuses what the purpose's ground does not carry: asking for more than
// the law of the purpose gives is over-asking, whoever would agree to it.
func (c *checker) fields() {
	for i, p := range c.d.Purposes {
		g, known := ground.Find(p.Ground, c.o.At)
		for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
			path, mode := fmt.Sprintf("purposes.%d.fields.%s", i, name), p.Fields[name]
			f, ok := ground.FindField(name)
			switch {
			case !ok:
				c.add(Error, "field.unknown", path)
			case f.Scope == "":
				c.add(Error, "field.none", path, "field", both(f.Text), "purpose", both(p.Text))
			case !slices.Contains(f.Modes, mode):
				c.add(Error, "field.mode", path, "field", both(f.Text))
			case !known: // said already
			case g.Fields[name] == "":
				c.add(Error, "field.over", path, "field", both(f.Text), "purpose", both(p.Text), "ground", both(g.Name()))
			case !g.Allows(name, mode):
				c.add(Error, "field.more", path, "field", both(f.Text), "ground", both(g.Name()))
			}
		}
	}
}

func (c *checker) keep() {
	for i, p := range c.d.Purposes {
		path := fmt.Sprintf("purposes.%d.keep", i)
		days, ok := Life(p.Keep)
		if !ok {
			c.add(Error, "keep.form", path)
			continue
		}
		if lasts, ok := Life(p.Lasts); !ok || p.Lasts != "" && lasts == 0 {
			c.add(Error, "keep.form", fmt.Sprintf("purposes.%d.consent_lasts", i))
		}
		for _, t := range p.Recipients {
			if t.VI == "" || t.EN == "" || len(p.Recipients) > 20 {
				c.add(Error, "purpose.text", fmt.Sprintf("purposes.%d.recipients", i))
				break
			}
		}
		reads := slices.Contains(slices.Collect(maps.Values(p.Fields)), ground.Read)
		g, known := ground.Find(p.Ground, c.o.At)
		if most, _ := Life(g.Keep); known && days > most {
			c.add(Error, "keep.long", path, "most", cmp.Or(g.Keep, "0"), "ground", both(g.Name()))
		}
		if reads && days == 0 {
			c.add(Warning, "keep.none", path)
		}
	}
}

// least points to what would do with less.
func (c *checker) least() {
	for i, p := range c.d.Purposes {
		if p.Fields["birthdate"] == ground.Read && p.Fields["personal_number"] == "" && len(p.Fields) == 1 {
			c.add(Warning, "least.age", fmt.Sprintf("purposes.%d.fields.birthdate", i))
		}
	}
}
