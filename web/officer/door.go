// SPDX-License-Identifier: Apache-2.0

// Package officer owns the door where staff work: registrars decide cases,
// operators keep the installation running.
//
// It is an ordinary OpenID client; there is no back door. Whoever signs in may
// do what the roster says at the moment of each request and nothing more, and
// an account that is provisional or does not stand opens nothing. It owns no
// table and opens no transaction.
package officer

import (
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	"danh/account"
	accountorganisation "danh/account/organisation"
	accountrecovery "danh/account/recovery"
	accountsignal "danh/account/signal"
	accountwarrant "danh/account/warrant"
	"danh/audit"
	"danh/enrolment"
	enrolmentcounter "danh/enrolment/counter"
	"danh/enrolment/keep"
	enrolmentvisit "danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/job"
	"danh/internal/observe"
	"danh/internal/page"
	"danh/internal/relyingparty"
	"danh/notify"
	"danh/office"
	"danh/partner"
	"danh/partner/admission"
	"danh/procedure"
	"danh/provider/right"
	"danh/registry/card"
	"danh/registry/immigration"
	registryorganisation "danh/registry/organisation"
	holding "danh/web/officer/account"
	"danh/web/officer/agenda"
	"danh/web/officer/call"
	"danh/web/officer/capture"
	keeping "danh/web/officer/card"
	"danh/web/officer/cases"
	"danh/web/officer/counter"
	"danh/web/officer/datarequest"
	"danh/web/officer/desk"
	"danh/web/officer/dispute"
	"danh/web/officer/dossier"
	"danh/web/officer/hotline"
	"danh/web/officer/operation"
	"danh/web/officer/organisation"
	connecting "danh/web/officer/partner"
	"danh/web/officer/recovery"
	"danh/web/officer/scam"
	"danh/web/officer/session"
	"danh/web/officer/signal"
	"danh/web/officer/visit"
	"danh/web/officer/warrant"
)

//go:embed *.text.json
var texts embed.FS

// Config is what the door stands on.
type Config struct {
	Origin     string // "http://127.0.0.1:8082", as browsers see it
	Issuer     string // the citizen's door
	Secret     string // of the client "officer" (partner.DoorSecret)
	Key        []byte // 32 bytes that seal the session cookie (keys.Secret "cookie-officer")
	Clock      clock.Clock
	Log        *slog.Logger
	Accounts   *account.Keeper
	Roster     *office.Roster
	Cases      *account.CaseDesk
	Operations *office.Operations
	Jobs       *job.Queue
	Notify     *notify.Sender
	Audit      *audit.Log
	Counters   *enrolmentcounter.Desk
	Visits     *enrolmentvisit.Desk
	Enrolment  *enrolment.Office     // with Visits: dossiers
	Recovery   *accountrecovery.Desk // nil: no pages about recoveries
	Keep       *keep.Desk            // with Visits: cards and accounts that exist
	Signals    *accountsignal.Desk   // what might be a theft
	Warrants   *accountwarrant.Desk  // what competent bodies ask
	Rights     *right.Desk           // what people ask about their data
	Admission  *admission.Desk       // who wants to connect
	Diary      *office.Diary
	Notices    *procedure.Desk // with Diary: what guests contradicted
	HTTP       *http.Client    // to the issuer; nil for a sensible one

	Organisations *accountorganisation.Desk // applications for accounts of organisations; nil: none are taken
}

// Door gives the handler of the door. It does not talk to the issuer yet, so
// both may start in one process.
func Door(c Config) (http.Handler, error) {
	if c.Accounts == nil || c.Roster == nil || c.Cases == nil || c.Operations == nil || c.Jobs == nil || c.Notify == nil || c.Audit == nil || c.Clock == nil {
		return nil, errors.New("officer: accounts, roster, cases, operations, jobs, notify, audit and a clock are needed")
	}
	if c.Enrolment != nil && c.Visits == nil {
		return nil, errors.New("officer: dossiers are opened in visits")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Origin = strings.TrimRight(c.Origin, "/")
	secure := strings.HasPrefix(c.Origin, "https://")
	client, err := relyingparty.New(relyingparty.Config{
		Issuer: c.Issuer, ClientID: "officer", Secret: c.Secret, RedirectURL: c.Origin + partner.CallbackPath, PostLogoutURL: c.Origin + partner.LoggedOutPath,
		// Of the profile her name alone: it stands on what was done.
		Scopes: []string{"level"}, Claims: `{"userinfo":{"name":{"essential":true}}}`, Demand: session.Demand, Cookie: "danh-officer", Secure: secure, Key: c.Key, Clock: c.Clock, Log: c.Log, HTTP: c.HTTP,
	})
	if err != nil {
		return nil, err
	}
	nav := []page.Link{
		{ID: "cases", Href: "/cases", Icon: "inbox", Text: page.Text{VI: "Hồ sơ không khớp", EN: "Cases"}, Show: holds(office.Registrar)},
		{ID: "counters", Href: "/counters", Icon: "plug", Text: page.Text{VI: "Quầy", EN: "Counters"}, Show: holds(office.IntakeOfficer, office.Registrar, office.Approver)},
		{ID: "scams", Href: "/scams", Icon: "flag", Text: page.Text{VI: "Báo lừa đảo", EN: "Scams"}, Show: holds(office.Registrar)},
		{ID: "signals", Href: "/signals", Icon: "shield-alert", Text: page.Text{VI: "Dấu hiệu lạ", EN: "Signals"}, Show: func(r *http.Request) bool {
			return c.Signals != nil && holds(office.Registrar, office.Approver)(r)
		}},
		{ID: "warrants", Href: "/warrants", Icon: "gavel", Text: page.Text{VI: "Yêu cầu khóa", EN: "Requests to lock"}, Show: func(r *http.Request) bool {
			return c.Warrants != nil && holds(office.Registrar, office.IntakeOfficer, office.Approver)(r)
		}},
		{ID: "data", Href: "/data-requests", Icon: "database", Text: page.Text{VI: "Yêu cầu về dữ liệu", EN: "Data requests"}, Show: func(r *http.Request) bool {
			return c.Rights != nil && holds(office.Registrar)(r)
		}},
		{ID: "organisations", Href: "/organisations", Icon: "bank", Text: page.Text{VI: "Tài khoản tổ chức", EN: "Organisations"}, Show: func(r *http.Request) bool {
			return c.Organisations != nil && holds(office.Registrar, office.IntakeOfficer, office.Approver)(r)
		}},
		{ID: "recoveries", Href: "/recoveries", Icon: "key", Text: page.Text{VI: "Lấy lại tài khoản", EN: "Recoveries"}, Show: func(r *http.Request) bool {
			return c.Recovery != nil && holds(office.Approver)(r)
		}},
		{ID: "deaths", Href: "/deaths", Icon: "users", Text: page.Text{VI: "Báo người mất", EN: "Deaths"}, Show: func(r *http.Request) bool {
			return c.Recovery != nil && holds(office.Registrar)(r)
		}},
		{ID: "partners", Href: "/partners", Icon: "plug", Text: page.Text{VI: "Xin kết nối", EN: "Connections"}, Show: func(r *http.Request) bool {
			return c.Admission != nil && holds(office.Registrar, office.Approver)(r)
		}},
		{ID: "hotline", Href: "/hotline", Icon: "phone", Text: page.Text{VI: "Đường dây nóng", EN: "Hotline"}, Show: holds(office.Hotline)},
		{ID: "operations", Href: "/operations", Icon: "activity", Text: page.Text{VI: "Vận hành", EN: "Operations"}, Show: holds(office.Operator)},
	}
	if c.Diary != nil {
		nav = append([]page.Link{{ID: "agenda", Href: "/agenda", Icon: "calendar", Text: page.Text{VI: "Lịch hẹn", EN: "Appointments"}, Show: holds(office.IntakeOfficer, office.Registrar)}}, nav...)
	}
	if c.Enrolment != nil {
		nav = append([]page.Link{{ID: "dossiers", Href: "/dossiers", Icon: "file", Text: page.Text{VI: "Hồ sơ", EN: "Dossiers"}, Show: holds(office.IntakeOfficer, office.Approver)}}, nav...)
	}
	if c.Visits != nil {
		nav = append([]page.Link{{ID: "desk", Href: "/desk", Icon: "search", Text: page.Text{VI: "Tiếp nhận", EN: "Desk"}, Show: holds(office.IntakeOfficer, office.Approver, office.Registrar)}}, nav...)
	}
	site := page.New(page.Config{
		Door: "officer", Secure: secure, Log: c.Log, Clock: c.Clock, Home: "/",
		Brand: page.Text{VI: "Bàn làm việc cán bộ", EN: "Officer console"},
		Nav:   nav,
		Foot: []page.Link{
			{Href: client.Issuer() + "/looked", Text: page.Text{VI: "Ai đã xem dữ liệu của tôi", EN: "Who looked at my data"}},
		},
		Texts: []fs.FS{texts, enrolmentcounter.Texts, enrolmentvisit.Texts, card.Texts, immigration.Texts, account.Texts, accountorganisation.Texts, registryorganisation.Texts, capture.Texts, right.Texts},
	})
	guard := session.New(client, c.Accounts, c.Roster, c.Clock, site.Fail)
	mux := http.NewServeMux()
	visit.Mount(mux, site, client, guard, c.Diary != nil)
	cases.Mount(mux, site, guard, c.Cases, c.Clock)
	operation.Mount(mux, site, guard, operation.Config{Operations: c.Operations, Jobs: c.Jobs, Notify: c.Notify, Audit: c.Audit, Clock: c.Clock})
	capture.Mount(mux)
	hotline.Mount(mux, site, guard, c.Accounts)
	scam.Mount(mux, site, guard, c.Accounts.Scams())
	if c.Admission != nil {
		connecting.Mount(mux, site, guard, c.Admission, c.Clock)
	}
	if c.Rights != nil {
		datarequest.Mount(mux, site, guard, c.Rights, c.Clock)
	}
	if c.Organisations != nil {
		organisation.Mount(mux, site, guard, c.Organisations, c.Clock)
	}
	if c.Warrants != nil {
		warrant.Mount(mux, site, guard, c.Warrants)
	}
	if c.Recovery != nil {
		recovery.Mount(mux, site, guard, recovery.Config{Desk: c.Recovery, Keep: c.Keep})
	}
	if c.Signals != nil {
		signal.Mount(mux, site, guard, c.Signals)
	}
	if c.Counters != nil {
		counter.Mount(mux, site, guard, counter.Config{Desk: c.Counters, Clock: c.Clock, Origin: c.Origin})
	}
	if c.Visits != nil {
		desk.Mount(mux, site, guard, desk.Config{Visits: c.Visits, Counters: c.Counters, Clock: c.Clock})
	}
	if c.Enrolment != nil {
		if err := dossier.Mount(mux, site, guard, dossier.Config{Office: c.Enrolment, Visits: c.Visits, Counters: c.Counters, Clock: c.Clock}); err != nil {
			return nil, err
		}
		call.Mount(mux, site, guard, c.Enrolment)
	}
	if c.Visits != nil && c.Keep != nil {
		keeping.Mount(mux, site, guard, c.Visits, c.Keep)
		holding.Mount(mux, site, guard, c.Keep, c.Clock)
	}
	if c.Notices != nil {
		dispute.Mount(mux, site, guard, c.Notices)
	}
	if c.Diary != nil {
		agenda.Mount(mux, site, guard, c.Diary, c.Notices, c.Visits != nil, c.Clock)
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
		guard.Load(observe.Route(mux)).ServeHTTP(w, r)
	})), nil
}

// holds says to whom a place is shown: a way that ends in a refusal is none.
func holds(roles ...office.Role) func(*http.Request) bool {
	return func(r *http.Request) bool {
		o, ok := session.From(r.Context())
		for _, role := range roles {
			if _, held := o.Holds(role); ok && held {
				return true
			}
		}
		return false
	}
}
