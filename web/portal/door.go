// SPDX-License-Identifier: Apache-2.0

// Package portal owns the door of public services: finding a procedure, filing
// it, following it, finding an office, an appointment there, and the guides in
// plain words.
//
// It is an ordinary OpenID client: it knows of a person what she let it know
// at the issuer and nothing else. It owns no table and opens no transaction.
package portal

import (
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	"danh/account"
	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/observe"
	"danh/internal/page"
	"danh/internal/relyingparty"
	"danh/office"
	"danh/procedure"
	"danh/registry/unit"
	"danh/web/portal/booking"
	"danh/web/portal/cardrequest"
	"danh/web/portal/cases"
	"danh/web/portal/find"
	"danh/web/portal/guide"
	"danh/web/portal/lodging"
	"danh/web/portal/scam"
	"danh/web/portal/session"
	"danh/web/portal/visit"
)

//go:embed *.text.json
var texts embed.FS

// Scopes are what the portal asks her to share, beside "openid".
var Scopes = []string{"profile", "number", "phone", "residence", "level", "organisation"}

// Config is what the door stands on.
type Config struct {
	Origin    string // "http://127.0.0.1:8081", as browsers see it
	Issuer    string // the citizen's door
	Secret    string // of the client "portal" (partner.DoorSecret)
	Key       []byte // 32 bytes that seal the session cookie (keys.Secret "cookie-portal")
	Clock     clock.Clock
	Log       *slog.Logger
	Desk      *procedure.Desk
	Units     *unit.Directory
	Offices   *office.Directory
	Accounts  *account.Keeper   // with Enrolment; takes reports of scams
	Enrolment *enrolment.Office // nil: no card can be asked for here
	HTTP      *http.Client      // to the issuer; nil for a sensible one
}

// Door gives the handler of the portal. It does not talk to the issuer yet, so
// both may start in one process.
func Door(c Config) (http.Handler, error) {
	if c.Desk == nil || c.Units == nil || c.Offices == nil {
		return nil, errors.New("portal: desk, units and offices are needed")
	}
	if c.Enrolment != nil && c.Accounts == nil {
		return nil, errors.New("portal: cards are asked for with the accounts of representatives")
	}
	c.Origin = strings.TrimRight(c.Origin, "/")
	secure := strings.HasPrefix(c.Origin, "https://")
	client, err := relyingparty.New(relyingparty.Config{
		Issuer: c.Issuer, ClientID: "portal", Secret: c.Secret, RedirectURL: c.Origin + "/callback", PostLogoutURL: c.Origin + "/",
		Scopes: Scopes, Cookie: "danh-portal", Secure: secure, Key: c.Key, Clock: c.Clock, Log: c.Log, HTTP: c.HTTP,
	})
	if err != nil {
		return nil, err
	}
	issuer := client.Issuer()
	scams := "/guides/lua-dao"
	if c.Accounts != nil {
		scams = "/report"
	}
	site := page.New(page.Config{
		Door: "portal", Secure: secure, Log: c.Log, Clock: c.Clock, Home: "/",
		Brand: page.Text{VI: "Cổng dịch vụ công", EN: "Public services"},
		Nav: []page.Link{
			{ID: "procedures", Href: "/procedures", Icon: "grid", Text: page.Text{VI: "Thủ tục", EN: "Procedures"}},
			{ID: "cases", Href: "/cases", Icon: "file", Text: page.Text{VI: "Hồ sơ của tôi", EN: "My cases"}},
			{ID: "offices", Href: "/offices", Icon: "pin", Text: page.Text{VI: "Nơi làm việc", EN: "Offices"}},
			{ID: "help", Href: "/guides", Icon: "help", Text: page.Text{VI: "Trợ giúp", EN: "Help"}},
		},
		Foot: []page.Link{
			{Href: "/track", Text: page.Text{VI: "Tra cứu hồ sơ", EN: "Track a case"}},
			{Href: issuer + "/looked", Text: page.Text{VI: "Ai đã xem dữ liệu của tôi", EN: "Who looked at my data"}},
			{Href: scams, Text: page.Text{VI: "Báo lừa đảo", EN: "Report a scam"}},
			{Href: "/accessibility", Text: page.Text{VI: "Dễ dùng cho mọi người", EN: "Accessibility"}},
		},
		Texts: []fs.FS{texts},
	})
	mux := http.NewServeMux()
	visit.Mount(mux, site, client, c.Origin)
	starts := map[string]string{procedure.Lodging: "/lodging"}
	if c.Enrolment != nil {
		for _, code := range []string{"cap-the-can-cuoc", "doi-the-can-cuoc", "cap-lai-the-can-cuoc"} {
			starts[code] = "/card-requests"
		}
		cardrequest.Mount(mux, site, cardrequest.Config{Office: c.Enrolment, Accounts: c.Accounts, Desk: c.Desk, Offices: c.Offices, Clock: c.Clock, Issuer: issuer})
	}
	find.Mount(mux, site, c.Desk, c.Units, c.Offices, c.Clock, starts)
	lodging.Mount(mux, site, c.Desk, c.Units, c.Clock)
	cases.Mount(mux, site, c.Desk, c.Enrolment, c.Clock)
	booking.Mount(mux, site, c.Desk, c.Offices, c.Clock)
	guide.Mount(mux, site, issuer)
	if c.Accounts != nil {
		scam.Mount(mux, site, c.Accounts.Scams())
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		site.Fail(w, r, fault.New(fault.NotFound, "fault.not_found"))
	})
	site.Places(mux)
	// A form whose session has ended leads on to the issuer, and so does signing
	// out: browsers hold the redirects of a form to form-action too.
	origin := client.IssuerOrigin()
	return site.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.AllowFormAction(w, origin)
		session.Load(client, site.Fail, observe.Route(mux)).ServeHTTP(w, r)
	})), nil
}
