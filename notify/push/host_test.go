// SPDX-License-Identifier: Apache-2.0

package push_test

import (
	"testing"

	"danh/notify/push"
)

// TestForgedEndpoints: an endpoint is an address that somebody's browser says;
// the server must not become its errand boy.
func TestForgedEndpoints(t *testing.T) {
	h, err := push.ParseHosts(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	for endpoint, want := range map[string]bool{
		"https://fcm.googleapis.com/fcm/send/abc":                    true,
		"https://fcm.googleapis.com:443/wp/abc":                      false,
		"https://FCM.googleapis.com/wp/abc":                          true,
		"https://updates.push.services.mozilla.com/wpush/v2/abc":     true,
		"https://web.push.apple.com/abc":                             true,
		"https://wns2-sg2p.notify.windows.com/w/?token=abc":          true,
		"http://fcm.googleapis.com/fcm/send/abc":                     false,
		"https://fcm.googleapis.com:8443/fcm/send/abc":               false,
		"https://fcm.googleapis.com.evil.example/x":                  false,
		"https://evilpush.apple.com/x":                               false,
		"https://.push.apple.com/x":                                  false,
		"https://push.apple.com/x":                                   false,
		"https://fcm.googleapis.com@127.0.0.1/x":                     false,
		"https://127.0.0.1/x":                                        false,
		"https://[::1]/x":                                            false,
		"https://169.254.169.254/latest/meta-data/":                  false,
		"https://localhost/x":                                        false,
		"http://localhost:8093/push/x":                               false,
		"https:fcm.googleapis.com":                                   false,
		"//fcm.googleapis.com/x":                                     false,
		"file:///etc/passwd":                                         false,
		"gopher://fcm.googleapis.com/x":                              false,
		"":                                                           false,
		"https://fcm.googleapis.com\r\nHost: evil/x":                 false,
		"https://fcm.googleapis.com%2f@evil.example/x":               false,
		"https://evil.example/https://fcm.googleapis.com/fcm/send/x": false,
	} {
		if got := h.Accepts(endpoint); got != want {
			t.Errorf("%q: %v", endpoint, got)
		}
	}
}

// TestServiceThatTurnsInward: the name of an allowed service leads into our own
// network, because somebody holds its DNS.
func TestServiceThatTurnsInward(t *testing.T) {
	h, err := push.ParseHosts([]string{"fcm.googleapis.com", "http://localhost:8093"}, true)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"142.250.1.1:443": true, "[2404:6800:4005::1]:443": true,
		"127.0.0.1:443": false, "127.0.0.1:5432": false, "[::1]:443": false, "10.0.0.5:443": false, "172.16.3.4:443": false, "192.168.1.1:443": false,
		"169.254.169.254:443": false, "[fe80::1%lo]:443": false, "[fd00::1]:443": false, "100.64.0.1:443": false, "0.0.0.0:443": false, "[::]:443": false,
		"224.0.0.1:443": false, "255.255.255.255:443": false, "[::ffff:127.0.0.1]:443": false, "[::ffff:10.0.0.1]:443": false, "[64:ff9b::a00:1]:443": false,
		"[2002:7f00:1::]:443": false, "198.18.0.1:443": false, "fcm.googleapis.com:443": false, "": false,
		"127.0.0.1:8093": true, "[::1]:8093": true, // the sandbox's, by name
	} {
		if err := h.Control(address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestListOfServices(t *testing.T) {
	for _, c := range []struct {
		list     string
		loopback bool
		well     bool
	}{
		{"push.example", false, true}, {".push.example", false, true}, {"http://localhost:8093", true, true}, {"http://127.0.0.1:8093", true, true}, {"http://[::1]:8093", true, true},
		{"http://localhost:8093", false, false}, {"http://push.example", true, false}, {"http://10.0.0.1:80", true, false}, {"https://push.example", true, false},
		{"localhost", true, false}, {"127.0.0.1", true, false}, {"com", false, false}, {".", false, false}, {"", false, false}, {"*.example", false, false}, {"a@b.example", false, false},
		{"push.example/x", false, false}, {"push.example:443", false, false}, {"http://localhost:8093/x", true, false},
	} {
		if _, err := push.ParseHosts([]string{c.list}, c.loopback); (err == nil) != c.well {
			t.Errorf("%q on loopback %v: %v", c.list, c.loopback, err)
		}
	}
}
