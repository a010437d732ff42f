// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"testing"
	"time"
)

// Codes and phones do not cross a network in clear by default.
func TestCarrierIsSpokenToUnderTLSBeyondLoopback(t *testing.T) {
	for _, c := range []struct {
		addr, mode, name string
	}{
		{"localhost:8091", "auto", ""}, {"127.0.0.1:8091", "auto", ""}, {"[::1]:8091", "auto", ""}, {"localhost:8091", "on", "localhost"},
		{"smsc.example:2775", "auto", "smsc.example"}, {"10.1.2.3:2775", "auto", "10.1.2.3"}, {"10.1.2.3:2775", "on", "10.1.2.3"},
		{"10.1.2.3:2775", "off", ""}, {"smsc.example:2775", "", "smsc.example"},
	} {
		f := serveFlags{SMPP: c.addr, SMPPTLS: c.mode}
		got := f.smppTLS()
		if (got == nil) != (c.name == "") || got != nil && (got.ServerName != c.name || got.InsecureSkipVerify) {
			t.Errorf("%s, %q: %+v", c.addr, c.mode, got)
		}
	}
}

// The wait in which a stolen account's unlocking is stopped is not shortened
// where anybody else can reach the doors, also behind a proxy on this machine.
func TestCoolOffIsNotShortenedBeyondThisMachine(t *testing.T) {
	for _, c := range []struct {
		issuer string
		wait   time.Duration
		ok     bool
	}{
		{"http://localhost:8080", 20 * time.Second, true}, {"http://localhost:8080", time.Millisecond, false}, {"http://localhost:8080", -time.Second, false},
		{"https://danh.example", 20 * time.Second, false}, {"https://danh.example", 0, true},
	} {
		f := serveFlags{Host: "localhost", Issuer: c.issuer, CoolOff: c.wait, PasswordMax: 64}
		if err := f.complete(); errors.Is(err, errCoolOff) == c.ok {
			t.Errorf("%s, %s: %v", c.issuer, c.wait, err)
		}
	}
}

// A push service on this machine is for trying out: it is refused where anybody
// else can reach the doors, and the server never speaks to any other address
// in clear.
func TestPushServiceOnThisMachineIsRefusedBeyondIt(t *testing.T) {
	for _, c := range []struct {
		issuer string
		hosts  []string
		ok     bool
	}{
		{"http://localhost:8080", []string{"fcm.googleapis.com", "http://localhost:8093"}, true}, {"https://danh.example", nil, true},
		{"https://danh.example", []string{".push.example"}, true}, {"https://danh.example", []string{"http://localhost:8093"}, false},
		{"https://danh.example", []string{"fcm.googleapis.com", "http://127.0.0.1:8093"}, false}, {"http://localhost:8080", []string{"http://push.example"}, false},
		{"http://localhost:8080", []string{"localhost"}, false},
	} {
		f := serveFlags{Host: "localhost", Issuer: c.issuer, PushHosts: c.hosts, PasswordMax: 64}
		if err := f.complete(); (err == nil) != c.ok {
			t.Errorf("%s, %q: %v", c.issuer, c.hosts, err)
		}
	}
	for want, f := range map[string]serveFlags{
		"https://danh.example": {Issuer: "https://danh.example", MailFrom: "danh@localhost"}, "danh@localhost": {Issuer: "http://localhost:8080", MailFrom: "danh@localhost"},
		"ops@danh.example": {Issuer: "https://danh.example", PushContact: "mailto:ops@danh.example"},
	} {
		if got := f.pushContact(); got != want {
			t.Errorf("push services reach %q, not %q", got, want)
		}
	}
}

// Addresses that partners wrote down lead to the public Internet, unless the
// operator says otherwise; and to this machine only where all the doors are on it.
func TestPartnersOnThisMachineAreRefusedBeyondIt(t *testing.T) {
	for _, c := range []struct {
		issuer string
		hosts  []string
		ok     bool
	}{
		{"http://localhost:8080", []string{"http://localhost:*", "https://bank.lan:8443"}, true}, {"https://danh.example", nil, true}, {"https://danh.example", []string{"https://bank.lan"}, true},
		{"https://danh.example", []string{"http://localhost:8095"}, false}, {"https://danh.example", []string{"https://127.0.0.1:*"}, false}, {"https://danh.example", []string{"http://bank.lan"}, false},
		{"http://localhost:8080", []string{"bank.lan"}, false},
	} {
		f := serveFlags{Host: "localhost", Issuer: c.issuer, PartnerHosts: c.hosts, PasswordMax: 64}
		if err := f.complete(); (err == nil) != c.ok {
			t.Errorf("%s, %q: %v", c.issuer, c.hosts, err)
		}
	}
}
