// SPDX-License-Identifier: Apache-2.0

// Package citizen is the door where people meet their own accounts: opening,
// signing in, consent, the inbox, who looked, security; and the endpoints of
// the OpenID provider, because both share one session.
//
// It owns nothing but the frame and the order of its middleware: journeys are
// folders that do not know each other and meet here.
package citizen

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"

	"danh/account"
	"danh/account/approval"
	accountorganisation "danh/account/organisation"
	"danh/account/recovery"
	remotedesk "danh/account/remote"
	"danh/audit"
	"danh/enrolment"
	"danh/enrolment/form"
	enrolmentvisit "danh/enrolment/visit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/observe"
	"danh/internal/page"
	"danh/notify"
	"danh/office"
	"danh/provider"
	"danh/provider/ciba"
	"danh/provider/notice"
	"danh/provider/register"
	"danh/provider/right"
	"danh/provider/verify"
	"danh/registry/card"
	registryorganisation "danh/registry/organisation"
	"danh/web/citizen/acting"
	"danh/web/citizen/activate"
	"danh/web/citizen/approve"
	"danh/web/citizen/backchannel"
	"danh/web/citizen/calls"
	cardjourney "danh/web/citizen/card"
	"danh/web/citizen/consent"
	"danh/web/citizen/consents"
	"danh/web/citizen/dependants"
	"danh/web/citizen/device"
	"danh/web/citizen/dossier"
	"danh/web/citizen/freeze"
	"danh/web/citizen/home"
	"danh/web/citizen/inbox"
	"danh/web/citizen/install"
	"danh/web/citizen/looked"
	"danh/web/citizen/open"
	"danh/web/citizen/openid"
	"danh/web/citizen/organisation"
	"danh/web/citizen/paper"
	"danh/web/citizen/passcode"
	"danh/web/citizen/passkey"
	"danh/web/citizen/recover"
	"danh/web/citizen/remote"
	"danh/web/citizen/requests"
	"danh/web/citizen/scan"
	"danh/web/citizen/security"
	"danh/web/citizen/session"
	"danh/web/citizen/settings"
	"danh/web/citizen/signin"
	"danh/web/citizen/stepup"
	"danh/web/citizen/visit"
)

// Config is what the door stands on.
type Config struct {
	Accounts  *account.Keeper
	Approvals *approval.Desk // nil: no page that takes approvals
	Recovery  *recovery.Desk // nil: no page that gets an account back
	Provider  *provider.Provider
	Rights    *right.Desk      // nil: no pages about what she asks of those who hold her data
	Verify    *verify.Desk     // nil: nothing is compared for partners
	Notices   *notice.Desk     // nil: there are no streams of events
	Remote    *remotedesk.Desk // nil: no sign-in by QR code
	Afar      *ciba.Desk       // nil: no partner asks without her browser
	Register  *register.Desk   // nil: no partner registers clients by itself
	Notify    *notify.Sender
	Audit     *audit.Log
	Offices   *office.Directory    // nil: no office finder
	Cards     *card.Registry       // nil: no page about her card
	Enrolment *enrolment.Office    // nil: no pages about dossiers
	Forms     *form.Sealer         // nil: no page that checks sealed forms
	Visits    *enrolmentvisit.Desk // nil: no page that answers an officer at a counter
	Clock     clock.Clock
	Log       *slog.Logger
	Secure    bool   // served over https
	Portal    string // address of the public-service portal, for the first page
	Explain   string // address of the page that explains error codes to partners; "": there is none

	Organisations *accountorganisation.Desk // nil: organisations have no pages
}

// Door gives the whole door as one handler.
func Door(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	unread := func(ctx context.Context, a account.ID) (int, error) {
		return c.Notify.CountUnread(ctx, account.Owner(a))
	}
	site := page.New(page.Config{Door: "citizen", Secure: c.Secure, Log: c.Log, Clock: c.Clock,
		Brand: page.Text{VI: "Tài khoản định danh", EN: "Identity account"},
		Nav: []page.Link{
			{ID: "home", Href: "/", Icon: "idcard", Text: page.Text{VI: "Tài khoản", EN: "Account"}},
			{ID: "inbox", Href: "/inbox", Icon: "bell", Text: page.Text{VI: "Thông báo", EN: "Inbox"}, Dot: dot(unread)},
			{ID: "scan", Href: "/scan", Icon: "scan", Strong: true, Text: page.Text{VI: "Quét", EN: "Scan"}, Show: acting.Not},
			{ID: "looked", Href: "/looked", Icon: "history", Text: page.Text{VI: "Nhật ký", EN: "Looked"}},
			{ID: "security", Href: "/security", Icon: "lock", Text: page.Text{VI: "Bảo mật", EN: "Security"}, Show: acting.Not},
		},
		Foot: c.foot(),
		App: &page.App{Name: page.Text{VI: "Danh, tài khoản định danh", EN: "Danh, identity account"}, Short: page.Text{VI: "Danh", EN: "Danh"},
			About: page.Text{VI: "Tài khoản định danh của bạn: đăng nhập, thông báo, ai đã xem dữ liệu.", EN: "Your identity account: signing in, messages, who looked at your data."},
			Inbox: "/inbox", Push: "/settings/push",
			Quick: []page.Shortcut{{Text: page.Text{VI: "Quét mã", EN: "Scan a code"}, Href: "/scan"}, {Text: page.Text{VI: "Thông báo", EN: "Inbox"}, Href: "/inbox"}, {Text: page.Text{VI: "Ai đã xem", EN: "Who looked"}, Href: "/looked"}}},
		Open: openid.Open, Lead: session.StepUp, Texts: []fs.FS{session.Texts, account.Texts, accountorganisation.Texts, registryorganisation.Texts, approval.Texts, card.Texts, enrolmentvisit.Texts, right.Texts}})
	guard := session.New(c.Accounts, c.Secure, site.Fail)
	guard.Origin = c.Provider.ReturnOrigin
	mux := http.NewServeMux()
	desk := acting.New(site, c.Accounts, c.Portal)
	desk.Mount(mux)
	home.Mount(mux, site, home.Config{Accounts: c.Accounts, Clock: c.Clock, Unread: unread, Portal: c.Portal, Organisations: c.Organisations != nil, Dossiers: c.Enrolment != nil, Asked: c.asked(), Calls: c.calls(), Recoveries: c.recoveries(), Afar: c.afar()})
	open.Mount(mux, site, open.Config{Accounts: c.Accounts, Guard: guard, Clock: c.Clock, Offices: c.findOffices()})
	activate.Mount(mux, site, activate.Config{Accounts: c.Accounts, Guard: guard})
	dependants.Mount(mux, site, dependants.Config{Accounts: c.Accounts, Guard: guard, Clock: c.Clock})
	signin.Mount(mux, site, signin.Config{Accounts: c.Accounts, Guard: guard, Clock: c.Clock, Codes: c.Remote != nil})
	if c.Remote != nil {
		remote.Mount(mux, site, remote.Config{Desk: c.Remote, Guard: guard, Home: c.issuer(), Asker: c.asker})
	}
	security.Mount(mux, site, security.Config{Accounts: c.Accounts, Guard: guard, Clock: c.Clock, Codes: c.codes()})
	device.Mount(mux, site, device.Config{Accounts: c.Accounts, Guard: guard})
	freeze.Mount(mux, site, c.Accounts, guard)
	if c.Recovery != nil {
		recover.Mount(mux, site, recover.Config{Desk: c.Recovery, Accounts: c.Accounts, Guard: guard, Clock: c.Clock, Home: c.issuer()})
	}
	stepup.Mount(mux, site, stepup.Config{Accounts: c.Accounts, Guard: guard})
	if c.Approvals != nil {
		approve.Mount(mux, site, approve.Config{Desk: c.Approvals, Accounts: c.Accounts, Guard: guard})
	}
	passcode.Mount(mux, site, passcode.Config{Accounts: c.Accounts, Guard: guard})
	passkey.Mount(mux, site, passkey.Config{Accounts: c.Accounts, Guard: guard})
	openid.Mount(mux, site, openid.Config{Provider: c.Provider, Notices: c.Notices, Verify: c.Verify, Afar: c.Afar, Register: c.Register, Guard: guard, Clock: c.Clock, Secure: c.Secure, Explain: c.Explain, Log: c.Log})
	consent.Mount(mux, site, consent.Config{Provider: c.Provider, Browser: openid.Browser{Secure: c.Secure}.Read, Send: openid.Send, Approvals: c.Approvals, Accounts: c.Accounts, Guard: guard})
	consents.Mount(mux, site, c.Provider)
	if c.Afar != nil {
		backchannel.Mount(mux, site, backchannel.Config{Desk: c.Afar, Provider: c.Provider, Accounts: c.Accounts, Guard: guard})
	}
	if c.Rights != nil {
		requests.Mount(mux, site, requests.Config{Provider: c.Provider, Desk: c.Rights, Clock: c.Clock})
	}
	if c.Cards != nil {
		cardjourney.Mount(mux, site, c.Accounts, c.Cards)
	}
	if c.Enrolment != nil {
		dossier.Mount(mux, site, c.Enrolment, c.Clock)
		calls.Mount(mux, site, c.Enrolment, c.Portal)
	}
	if c.Forms != nil {
		paper.Mount(mux, site, c.Forms)
	}
	if c.Visits != nil {
		visit.Mount(mux, site, c.Visits, c.Clock)
	}
	if c.Organisations != nil {
		organisation.Mount(mux, site, c.Organisations, c.Clock)
	}
	inbox.Mount(mux, site, c.Notify)
	settings.Mount(mux, site, c.Accounts, c.Notify)
	install.Mount(mux, site)
	scan.Mount(mux, site, c.issuer(), c.Portal)
	looked.Mount(mux, site, c.Audit, c.Clock, c.Provider.PartnerName, c.Accounts.FellowName)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		site.Fail(w, r, fault.New(fault.NotFound, "fault.not_found"))
	})
	site.Places(mux)
	return site.Wrap(guard.Load(desk.Frame(named(observe.Route(mux)))))
}

// named tells the frame that somebody is signed in. Her name is sealed and
// stays so: the button in the header needs none.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, ok := session.From(r.Context()); ok {
			href := "/security"
			if s.Acting != nil {
				href = "/acting"
			}
			r = r.WithContext(page.WithPerson(r.Context(), page.Person{Href: href}))
		}
		next.ServeHTTP(w, r)
	})
}

// dot marks the inbox when something in it is unread. A page is not worth
// failing for its dot.
func dot(unread func(context.Context, account.ID) (int, error)) func(*http.Request) page.Text {
	return func(r *http.Request) page.Text {
		s, ok := session.From(r.Context())
		if !ok {
			return page.Text{}
		}
		n, err := unread(r.Context(), s.Account)
		if err != nil || n == 0 {
			return page.Text{}
		}
		return page.Text{VI: strconv.Itoa(n) + " tin mới", EN: strconv.Itoa(n) + " new"}
	}
}

// asked counts the officers who wait for her answer.
func (c Config) asked() func(context.Context, audit.Actor) (int, error) {
	if c.Visits == nil {
		return nil
	}
	return c.Visits.CountAsked
}

// asker names who made a request, for the phone that approves it.
func (c Config) asker(ctx context.Context, handle string) remotedesk.Service {
	name := c.Provider.Asker(ctx, handle)
	return remotedesk.Service{VI: name.VI, EN: name.EN}
}

// issuer is the door's own address as everybody else knows it.
func (c Config) issuer() string {
	if c.Provider == nil {
		return ""
	}
	return c.Provider.Issuer()
}

// recoveries counts who asks to get her account back.
func (c Config) recoveries() func(context.Context, account.Session) (int, error) {
	if c.Recovery == nil {
		return nil
	}
	return c.Recovery.CountOwn
}

// codes counts the recovery codes that she has left.
func (c Config) codes() func(context.Context, account.Session) (int, error) {
	if c.Recovery == nil {
		return nil
	}
	return func(ctx context.Context, s account.Session) (int, error) {
		left, err := c.Recovery.CountCodes(ctx, s)
		return left.Left, err
	}
}

// afar counts the partners that wait for her answer.
func (c Config) afar() func(context.Context, account.Session) (int, error) {
	if c.Afar == nil {
		return nil
	}
	return c.Afar.CountWaiting
}

// calls counts the officers who are about to telephone her.
func (c Config) calls() func(context.Context, audit.Actor) (int, error) {
	if c.Enrolment == nil {
		return nil
	}
	return c.Enrolment.CountCalls
}

// foot leads to what anybody may use without an account.
func (c Config) foot() []page.Link {
	out := []page.Link{{Href: "/settings", Text: page.Text{VI: "Cài đặt", EN: "Settings"}, Show: acting.Not}, {Href: "/install", Text: page.Text{VI: "Cài lên điện thoại", EN: "Install on a phone"}}}
	if c.Enrolment != nil {
		out = append(out, page.Link{Href: "/track", Text: page.Text{VI: "Tra cứu hồ sơ tại quầy", EN: "Track a dossier"}})
	}
	if c.Forms != nil {
		out = append(out, page.Link{Href: "/paper", Text: page.Text{VI: "Kiểm tra giấy tờ có chữ ký số", EN: "Check a sealed paper"}})
	}
	return out
}

func (c Config) findOffices() func(context.Context, string) ([]open.Office, error) {
	if c.Offices == nil {
		return nil
	}
	return func(ctx context.Context, text string) ([]open.Office, error) {
		found, err := c.Offices.Search(ctx, text, clock.DateOf(c.Clock.Now()), 10)
		var out []open.Office
		for _, o := range found {
			out = append(out, open.Office{Name: o.Name, Address: o.Address, Phone: o.Phone})
		}
		return out, err
	}
}
