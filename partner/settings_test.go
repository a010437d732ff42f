// SPDX-License-Identifier: Apache-2.0

package partner_test

import (
	"reflect"
	"testing"

	"danh/partner"
)

// A purpose narrows a client to its own scopes and words.
func TestPurposeNarrowsTheClient(t *testing.T) {
	why := partner.Text{VI: "mở tài khoản", EN: "open your account"}
	c := partner.Client{ID: "bank", Asks: []partner.Ask{{Scope: "openid", Purpose: partner.Text{VI: "nhận ra bạn", EN: "recognise you"}}, {Scope: "phone", Purpose: why}},
		Purposes: []partner.Purpose{{Code: "open_account", Text: why, Ground: "Luật PCRT Đ.9", Scopes: []string{"profile", "number"}}}}
	if same, ok := c.For(""); !ok || !reflect.DeepEqual(same, c) {
		t.Error("without a purpose the client is not as registered")
	}
	if _, ok := c.For("marketing"); ok {
		t.Error("a purpose that was not approved is found")
	}
	n, ok := c.For("open_account")
	if want := []string{"openid", "profile", "number"}; !ok || !reflect.DeepEqual(n.Scopes(), want) {
		t.Errorf("scopes %v, want %v", n.Scopes(), want)
	}
	if a, _ := n.Ask("number"); a.Purpose != why || a.Ground != "Luật PCRT Đ.9" {
		t.Errorf("the number is asked for as %+v", a)
	}
	if len(c.Asks) != 2 {
		t.Error("narrowing changed the shared client")
	}
}
