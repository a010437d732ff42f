// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"danh/account"
	"danh/account/place"
	"danh/biometric"
	"danh/internal/db"
	"danh/internal/outward"
	"danh/notify/push"
)

// dataFlags say where the data is; every command that touches it has them.
type dataFlags struct {
	Data       string `help:"Data folder." default:"./var" env:"DANH_DATA" placeholder:"DIR"`
	Database   string `help:"Database: sqlite:PATH or postgres://… ; without it, SQLite in the data folder." env:"DANH_DATABASE" placeholder:"URL"`
	Passphrase string `help:"Seals the keys in the data folder." env:"DANH_PASSPHRASE" placeholder:"TEXT"`
	LogLevel   string `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error" env:"DANH_LOG"`
}

func (f dataFlags) level() slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(f.LogLevel)) // the enum leaves nothing else
	return l
}

func (f dataFlags) databaseURL() string {
	if f.Database != "" {
		return f.Database
	}
	return "sqlite:" + filepath.Join(f.Data, "danh.db")
}

// open makes the data folder when it is missing and opens the database.
func (f dataFlags) open(ctx context.Context, log *slog.Logger) (*db.DB, error) {
	if err := os.MkdirAll(f.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	return db.Open(ctx, db.Config{URL: f.databaseURL(), Log: log})
}

// engineFlags name the operator's engine for fingers and faces.
type engineFlags struct {
	OSIA        string `name:"osia-url" help:"An outside engine for fingerprints that speaks OSIA ABIS 1.6.0, without /v1; without it, the built-in one." env:"DANH_OSIA_URL" placeholder:"URL"`
	OSIAToken   string `name:"osia-token" help:"Bearer token at the outside engine." env:"DANH_OSIA_TOKEN"`
	OSIAEngine  string `name:"osia-engine" help:"Its name; it stands in every piece of evidence." default:"osia" env:"DANH_OSIA_ENGINE"`
	OSIAVersion string `name:"osia-version" help:"Its version." default:"1.6.0" env:"DANH_OSIA_VERSION"`
	OSIAPolicy  string `name:"osia-policy" help:"From which score its result counts: a file like biometric/policy.tsv; without a row for it, an officer decides." env:"DANH_OSIA_POLICY" placeholder:"FILE"`
	OSIAImages  bool   `name:"osia-images" help:"Send it pictures of fingers along with templates." env:"DANH_OSIA_IMAGES"`
	OSIAFaces   bool   `name:"osia-faces" help:"It compares faces too." env:"DANH_OSIA_FACES"`
}

// policies are the rules by which the engine's scores count.
func (f engineFlags) policies() (biometric.Policies, error) {
	all, err := biometric.LoadPolicies()
	if err != nil || f.OSIAPolicy == "" {
		return all, err
	}
	text, err := os.ReadFile(f.OSIAPolicy)
	if err != nil {
		return nil, fmt.Errorf("the outside engine's rules: %w", err)
	}
	own, err := biometric.ParsePolicies(string(text))
	if err != nil {
		return nil, fmt.Errorf("the outside engine's rules in %s: %w", f.OSIAPolicy, err)
	}
	return append(all, own...), nil
}

// serveFlags configure the server.
type serveFlags struct {
	dataFlags
	engineFlags
	tlsFlags
	Host          string        `help:"Address to listen on; beyond loopback only without sample people and default secrets." default:"localhost" env:"DANH_HOST" placeholder:"HOST"`
	Proxies       []string      `help:"Addresses or networks of the proxies that end TLS; their X-Forwarded-For says who calls. Needed beyond loopback." env:"DANH_PROXIES" placeholder:"ADDR"`
	CitizenPort   int           `help:"Citizen door and OpenID provider." default:"8080" env:"DANH_CITIZEN_PORT"`
	PortalPort    int           `help:"Public-service portal." default:"8081" env:"DANH_PORTAL_PORT"`
	OfficerPort   int           `help:"Officer console." default:"8082" env:"DANH_OFFICER_PORT"`
	PartnerPort   int           `help:"Partner door." default:"8083" env:"DANH_PARTNER_PORT"`
	AuditorPort   int           `help:"Auditor door." default:"8084" env:"DANH_AUDITOR_PORT"`
	MetricsAddr   string        `help:"Prometheus metrics, on loopback; empty turns them off." default:"localhost:8085" env:"DANH_METRICS" placeholder:"ADDR"`
	Issuer        string        `help:"Public address of the citizen door." env:"DANH_ISSUER" placeholder:"URL"`
	PortalURL     string        `help:"Public address of the portal." env:"DANH_PORTAL_URL" placeholder:"URL"`
	OfficerURL    string        `help:"Public address of the officer console." env:"DANH_OFFICER_URL" placeholder:"URL"`
	PartnerURL    string        `help:"Public address of the partner door." env:"DANH_PARTNER_URL" placeholder:"URL"`
	AuditorURL    string        `help:"Public address of the auditor door." env:"DANH_AUDITOR_URL" placeholder:"URL"`
	SMPP          string        `help:"The carrier's SMSC." default:"localhost:8091" env:"DANH_SMPP" placeholder:"ADDR"`
	SMPPTLS       string        `name:"smpp-tls" help:"TLS to the SMSC: auto is on beyond loopback; off only inside a tunnel." default:"auto" enum:"auto,on,off" env:"DANH_SMPP_TLS"`
	SMPPSystem    string        `help:"System id at the SMSC." default:"danh" env:"DANH_SMPP_SYSTEM"`
	SMPPPassword  string        `help:"Password at the SMSC." default:"sandbox" env:"DANH_SMPP_PASSWORD"`
	SMSSender     string        `help:"Sender name shown on messages." default:"DANH" env:"DANH_SMS_SENDER"`
	SMTP          string        `help:"Mail server." default:"localhost:8092" env:"DANH_SMTP" placeholder:"ADDR"`
	SMTPUser      string        `help:"User at the mail server; empty for none." env:"DANH_SMTP_USER"`
	SMTPPassword  string        `help:"Password at the mail server." env:"DANH_SMTP_PASSWORD"`
	MailFrom      string        `help:"Sender of mails." default:"danh@localhost" env:"DANH_MAIL_FROM"`
	PushHosts     []string      `help:"Push services of browsers: a host, or .host for all beneath it; a push service on this machine (http://localhost:8093) for trying out only. Without it, those of Chrome, Firefox, Safari and Edge." env:"DANH_PUSH_HOSTS" placeholder:"HOST"`
	PushContact   string        `help:"Where push services reach the operator: a mailbox or an https address. Without it, the citizen door's address, or on this machine the sender of mails." env:"DANH_PUSH_CONTACT" placeholder:"ADDR"`
	PartnerHosts  []string      `help:"Origins of partners beyond public https addresses that are spoken to (keys, logout, events, pings): https://bank.lan:8443, or for trying out http://localhost:8095 and http://localhost:* on this machine." env:"DANH_PARTNER_HOSTS" placeholder:"ORIGIN"`
	PartnerCA     string        `name:"partner-ca" help:"Certificates (PEM) of further authorities that vouch for partners' servers." env:"DANH_PARTNER_CA" placeholder:"FILE"`
	CarrierURL    string        `help:"The carrier's subscriber check." default:"http://localhost:8090" env:"DANH_CARRIER_URL" placeholder:"URL"`
	PasswordMax   int           `help:"Longest password accepted, in characters (at least 64)." default:"64" env:"DANH_PASSWORD_MAX"`
	SessionIdle   time.Duration `help:"A citizen's session ends after this time without a request." default:"30m" env:"DANH_SESSION_IDLE"`
	SessionMax    time.Duration `help:"A citizen's session ends after this time in any case." default:"12h" env:"DANH_SESSION_MAX"`
	CoolOff       time.Duration `help:"Instead of the dated rules: how long an unlocking or a recovery waits and can be stopped, and how old a passkey has to be for it; for trying out on this machine only." env:"DANH_COOL_OFF"`
	Places        string        `help:"Which network is near which town: a CSV with the columns network,place_vi,place_en,lat,lon. Without it every place is unknown." env:"DANH_PLACES" placeholder:"FILE"`
	TraceEndpoint string        `help:"OTLP endpoint for traces; empty turns them off." env:"DANH_TRACES" placeholder:"ADDR"`
	StopAfter     time.Duration `help:"How long a stop waits for requests under way." default:"20s" env:"DANH_STOP_AFTER"`
}

var errCoolOff = errors.New("DANH_COOL_OFF shortens the wait in which a theft is stopped: it is for trying out, a second or more, and refused beyond this machine")

func (f *serveFlags) complete() error {
	def := func(at *string, port int) {
		if *at == "" {
			*at = fmt.Sprintf("http://localhost:%d", port)
		}
		*at = strings.TrimSuffix(*at, "/")
	}
	def(&f.Issuer, f.CitizenPort)
	def(&f.PortalURL, f.PortalPort)
	def(&f.OfficerURL, f.OfficerPort)
	def(&f.PartnerURL, f.PartnerPort)
	def(&f.AuditorURL, f.AuditorPort)
	for _, s := range []string{f.Issuer, f.PortalURL, f.OfficerURL, f.PartnerURL, f.AuditorURL} {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("%q is no public address: it must look like https://danh.example", s)
		}
		if u.Scheme == "http" && !loopbackName(u.Hostname()) {
			return fmt.Errorf("%q must begin with https:// because it is not on this machine", s)
		}
	}
	if _, err := parseProxies(f.Proxies); err != nil {
		return err
	}
	if err := f.completeTLS(); err != nil {
		return err
	}
	if !loopbackName(f.Host) && len(f.Proxies) == 0 {
		return errors.New("beyond this machine a proxy ends TLS: name its address (--proxies, DANH_PROXIES), or everybody counts as one caller")
	}
	if u, err := url.Parse(f.OSIA); f.OSIA != "" && (err != nil || u.Scheme != "https" && !loopbackName(u.Hostname())) {
		return errors.New("the outside engine's address must begin with https:// because fingerprints do not cross a network in clear")
	}
	if f.CoolOff != 0 && (f.CoolOff < time.Second || !loopbackName(hostOf(f.Issuer))) {
		return errCoolOff
	}
	if _, err := f.pushHosts(); err != nil {
		return err
	}
	if err := f.partnerHosts(); err != nil {
		return err
	}
	if f.PasswordMax < 64 {
		return errors.New("--password-max must be 64 or more: a shorter limit breaks pass phrases and password managers")
	}
	return nil
}

// pushHosts are the push services that notices go to.
func (f *serveFlags) pushHosts() (*push.Hosts, error) {
	return push.ParseHosts(f.PushHosts, loopbackName(hostOf(f.Issuer)))
}

// partnerHosts checks the operator's list of partners' origins.
func (f *serveFlags) partnerHosts() error {
	o, err := outward.ParseOrigins(f.PartnerHosts)
	if err == nil && o.Local() && !loopbackName(hostOf(f.Issuer)) {
		err = errors.New("a partner on this machine is for trying out: it is refused when people come from elsewhere")
	}
	if err != nil {
		return fmt.Errorf("DANH_PARTNER_HOSTS: %w", err)
	}
	return nil
}

// outward is what speaks to partners' addresses.
func (f *serveFlags) outward(log *slog.Logger) (*outward.Client, error) {
	c := outward.Config{Allow: f.PartnerHosts, Log: log}
	if f.PartnerCA != "" {
		text, err := os.ReadFile(f.PartnerCA)
		if err != nil {
			return nil, fmt.Errorf("DANH_PARTNER_CA: %w", err)
		}
		if c.Roots, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("DANH_PARTNER_CA: %w", err)
		}
		if !c.Roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("DANH_PARTNER_CA: %s holds no certificate", f.PartnerCA)
		}
	}
	return outward.New(c)
}

// pushContact is where push services reach the operator (RFC 8292, section 2.1).
func (f *serveFlags) pushContact() string {
	switch {
	case f.PushContact != "":
		return strings.TrimPrefix(f.PushContact, "mailto:")
	case strings.HasPrefix(f.Issuer, "https:"):
		return f.Issuer
	}
	return f.MailFrom
}

// smppTLS is how the SMSC is spoken to: codes and phones do not cross a network
// in clear unless the operator says that a tunnel holds them.
func (f *serveFlags) smppTLS() *tls.Config {
	host, _, err := net.SplitHostPort(f.SMPP)
	if err != nil {
		host = f.SMPP
	}
	if f.SMPPTLS == "off" || f.SMPPTLS != "on" && loopbackName(host) {
		return nil
	}
	return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
}

func loopbackName(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// places reads the operator's list; none is no error.
func (f *serveFlags) places() (account.Places, error) {
	if f.Places == "" {
		return nil, nil
	}
	file, err := os.Open(f.Places)
	if err != nil {
		return nil, fmt.Errorf("DANH_PLACES: %w", err)
	}
	defer file.Close()
	b, err := place.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("DANH_PLACES=%s: %w", f.Places, err)
	}
	return b, nil
}

// lines are the lines of a text that say something.
func lines(s string) []string {
	var out []string
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// hostOf is the host name of a public address.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "localhost"
	}
	return u.Hostname()
}
