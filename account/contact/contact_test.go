// SPDX-License-Identifier: Apache-2.0

package contact_test

import (
	"testing"

	"danh/account/contact"
)

func TestParsePhone(t *testing.T) {
	for in, want := range map[string]string{
		"0912345678": "+84912345678", "0912 345 678": "+84912345678", "0912.345.678": "+84912345678", "(0912) 345-678": "+84912345678",
		"+84 912 345 678": "+84912345678", "+84 (0)912 345 678": "+84912345678", "84912345678": "+84912345678", "0084912345678": "+84912345678",
		"912345678": "+84912345678", " 0387654321 ": "+84387654321", "0356789012": "+84356789012", "0561234567": "+84561234567", "0771234567": "+84771234567", "0861234567": "+84861234567",
		"": "", "02438251234": "", "0243825123": "", "091234567": "", "09123456789": "", "+1 912 345 6789": "", "+8591234567": "", "0112345678": "", "0912a45678": "", "0912+345678": "",
		"٠٩١٢٣٤٥٦٧٨": "",
	} {
		got, err := contact.ParsePhone(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if got := contact.MaskPhone("+84912345678"); got != "09••\u00a0•••\u00a0678" {
		t.Errorf("masked %q", got)
	}
	if got := contact.National("+84912345678"); got != "0912 345 678" {
		t.Errorf("national %q", got)
	}
}

func TestParseEmail(t *testing.T) {
	for in, want := range map[string]string{
		"lan@example.vn": "lan@example.vn", " Lan.N@Example.VN ": "Lan.N@example.vn", "a+b@x.co": "a+b@x.co",
		"Lan <lan@example.vn>": "!", "lan@localhost": "!", "lan@[127.0.0.1]": "!", "a@b@c.vn": "!", "lan@example.vn\r\nBcc: x@y.vn": "!", "không": "!",
	} {
		got, err := contact.ParseEmail(in)
		if want == "!" && err == nil || want != "!" && got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if got, err := contact.ParseEmail(""); got != "" || err != nil {
		t.Error("no address is fine")
	}
}

func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"0912345678", "+84 (0)912 345 678", "0084", "84", "+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := contact.ParsePhone(s)
		if err != nil {
			return
		}
		if again, err := contact.ParsePhone(p); err != nil || again != p {
			t.Errorf("%q gives %q gives %q", s, p, again)
		}
		if again, err := contact.ParsePhone(contact.National(p)); err != nil || again != p {
			t.Errorf("%q as people write it gives %q", p, again)
		}
	})
}
