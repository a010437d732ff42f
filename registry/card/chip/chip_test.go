// SPDX-License-Identifier: Apache-2.0

package chip_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"maps"
	"testing"
	"time"

	"danh/internal/clock"
	"danh/internal/mrz"
	"danh/registry/card/cert"
	"danh/registry/card/chip"
	"danh/registry/card/lds"
	"danh/registry/card/sod"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// country is an authority and one of its document signers.
type country struct {
	csca, signer       []byte
	cscaKey, signerKey *ecdsa.PrivateKey
}

func found(t testing.TB, from, to time.Time) country {
	t.Helper()
	c := country{cscaKey: newKey(t), signerKey: newKey(t)}
	var err error
	if c.csca, err = cert.MakeAuthority(cert.Name{Country: "VN", Organisation: "Danh SPECIMEN", Common: "Danh SPECIMEN CSCA"}, c.cscaKey, now.AddDate(-1, 0, 0), now.AddDate(30, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if c.signer, err = cert.MakeSigner(cert.Name{Country: "VN", Organisation: "Danh SPECIMEN", Common: "Danh SPECIMEN document signer"}, c.signerKey.Public(), c.csca, c.cscaKey, from, to); err != nil {
		t.Fatal(err)
	}
	return c
}

func settled(t testing.TB) country { return found(t, now.AddDate(0, -1, 0), now.AddDate(24, 0, 0)) }

func (c country) trust(t testing.TB) chip.TrustList {
	t.Helper()
	a, err := cert.Parse(c.csca)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.CheckAuthority(); err != nil {
		t.Fatal(err)
	}
	return chip.TrustList{a}
}

func portrait(t testing.TB) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 60, 80))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	m.Set(3, 3, color.White)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (c country) order(t testing.TB, number, name string) (chip.Order, *ecdsa.PrivateKey) {
	t.Helper()
	doc, optional, err := mrz.NumberField(number)
	if err != nil {
		t.Fatal(err)
	}
	primary, secondary := mrz.SplitVietnamese(name)
	born := clock.Date{Year: 1999, Month: 2, Day: 3}
	key := newKey(t)
	return chip.Order{
		Zone: mrz.Zone{Document: "ID", Issuer: "VNM", Nationality: "VNM", Number: doc, Optional: optional, Birth: born, Sex: "F",
			Expiry: clock.Date{Year: 2039, Month: 2, Day: 3}, Primary: primary, Secondary: secondary},
		Portrait: portrait(t),
		Personal: lds.Personal{Number: number, Name: name, Birth: born, Sex: "Nữ", Nationality: "Việt Nam", Ethnicity: "Kinh", Religion: "Không",
			Origin: "Phường Điện Biên, Hà Nội", Residence: "Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Thành phố Hà Nội", Marks: "Nốt ruồi cách 1 cm dưới mắt trái",
			Issued: clock.DateOf(now), Expires: clock.Date{Year: 2039, Month: 2, Day: 3}, Father: "Nguyễn Văn Bình", Mother: "Lê Thị Cúc", OldNumber: "012999901"},
		Key: key.Public(), Signer: c.signer, Sign: c.signerKey, At: now,
	}, key
}

func (c country) card(t testing.TB) (chip.Image, *ecdsa.PrivateKey) {
	t.Helper()
	o, key := c.order(t, "079199000123", "Nguyễn Thị Minh Hà")
	i, com, err := chip.Make(o)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := lds.ParseCOM(com); err != nil || len(got.Groups) != len(i.Files) {
		t.Fatal(got, err)
	}
	return i, key
}

func TestACardIsReadAsItWasMade(t *testing.T) {
	vn := settled(t)
	i, key := vn.card(t)
	o, _ := vn.order(t, "079199000123", "Nguyễn Thị Minh Hà")
	c, err := chip.Authenticate(i, vn.trust(t), now)
	if err != nil {
		t.Fatal(err)
	}
	if c.Zone != o.Zone || c.Personal.Name != o.Personal.Name || c.Personal.Mother != "Lê Thị Cúc" || c.Face.Width != 60 || !bytes.Equal(c.Face.Image, o.Portrait) || !c.Signed.Equal(now) {
		t.Fatalf("%+v", c)
	}
	challenge := chip.NewChallenge()
	answer, err := chip.Answer(key, challenge)
	if err != nil {
		t.Fatal(err)
	}
	if err := chip.CheckAnswer(c, challenge, answer); err != nil {
		t.Fatal(err)
	}
}

func spoil(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// TestRefusedByName: each attack on a presented chip has its own refusal.
func TestRefusedByName(t *testing.T) {
	vn, other := settled(t), settled(t)
	expired := found(t, now.AddDate(-1, 0, 0), now.AddDate(0, 0, -1))
	early := found(t, now.AddDate(0, 0, 1), now.AddDate(1, 0, 0))
	good, _ := vn.card(t)
	with := func(i chip.Image, n int, f []byte) chip.Image {
		i.Files = maps.Clone(i.Files)
		i.Files[n] = f
		return i
	}
	without := func(i chip.Image, n int) chip.Image {
		i.Files = maps.Clone(i.Files)
		delete(i.Files, n)
		return i
	}
	old, _ := expired.card(t)
	future, _ := early.card(t)
	signedByStranger, _ := other.card(t)

	o, _ := vn.order(t, "079199000123", "Nguyễn Thị Minh Hà")
	o.Personal.Number = "001190999901"
	twoPeople, _, err := chip.Make(o)
	if err != nil {
		t.Fatal(err)
	}
	// The attack uses a document signer's key as if it were an authority's.
	rogue := country{csca: vn.signer, cscaKey: vn.signerKey, signerKey: newKey(t)}
	if rogue.signer, err = cert.MakeSigner(cert.Name{Country: "VN", Common: "rogue"}, rogue.signerKey.Public(), vn.signer, vn.signerKey, now.AddDate(0, -1, 0), now.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	issuedBySigner, _ := rogue.card(t)
	notAnAuthority, err := cert.Parse(vn.signer)
	if err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		image chip.Image
		trust chip.TrustList
		want  error
	}{
		"tampered data group":             {with(good, 13, spoil(good.Files[13])), vn.trust(t), chip.ErrTampered},
		"another's portrait":              {with(good, 2, spoil(good.Files[2])), vn.trust(t), chip.ErrTampered},
		"key of another chip put in":      {with(good, 15, signedByStranger.Files[15]), vn.trust(t), chip.ErrTampered},
		"wrong CSCA":                      {signedByStranger, vn.trust(t), chip.ErrUntrusted},
		"no CSCA":                         {good, nil, chip.ErrUntrusted},
		"signer under a signer":           {issuedBySigner, vn.trust(t), chip.ErrUntrusted},
		"signer in the trust list":        {issuedBySigner, chip.TrustList{notAnAuthority}, chip.ErrUntrusted},
		"expired signer":                  {old, expired.trust(t), chip.ErrSignerExpired},
		"signer of tomorrow":              {future, early.trust(t), chip.ErrSignerExpired},
		"unlisted data group":             {with(good, 3, []byte{0x63, 0}), vn.trust(t), chip.ErrUnlisted},
		"data group that cannot be":       {with(good, 17, []byte{0x63, 0}), vn.trust(t), chip.ErrUnlisted},
		"security object of another card": {chip.Image{Security: signedByStranger.Security, Files: good.Files}, other.trust(t), chip.ErrTampered},
		"signature altered":               {chip.Image{Security: spoil(good.Security), Files: good.Files}, vn.trust(t), chip.ErrSignature},
		"no zone":                         {without(good, 1), vn.trust(t), chip.ErrMissing},
		"two people in one chip":          {twoPeople, vn.trust(t), chip.ErrDisagree},
		"no security object":              {chip.Image{Files: good.Files}, vn.trust(t), chip.ErrForm},
	} {
		if _, err := chip.Authenticate(c.image, c.trust, now); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// TestDigestListAltered: the attack replaces a digest inside the security
// object so that an altered data group fits it.
func TestDigestListAltered(t *testing.T) {
	vn := settled(t)
	i, _ := vn.card(t)
	o, err := sod.Parse(i.Security)
	if err != nil {
		t.Fatal(err)
	}
	altered := bytes.Replace(i.Security, o.Digests[13], make([]byte, 32), 1)
	if bytes.Equal(altered, i.Security) {
		t.Fatal("nothing was altered")
	}
	if _, err := chip.Authenticate(chip.Image{Security: altered, Files: i.Files}, vn.trust(t), now); !errors.Is(err, chip.ErrSignature) {
		t.Fatal(err)
	}
}

// TestSwappedChip: the attack copies all files of a card onto another chip,
// answers with that chip's key, replays an earlier answer, or hides the key.
func TestSwappedChip(t *testing.T) {
	vn := settled(t)
	i, key := vn.card(t)
	c, err := chip.Authenticate(i, vn.trust(t), now)
	if err != nil {
		t.Fatal(err)
	}
	first, second := chip.NewChallenge(), chip.NewChallenge()
	right, err := chip.Answer(key, first)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := chip.Answer(newKey(t), second)
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string][]byte{"another chip's key": foreign, "earlier answer replayed": right, "nothing": nil, "zeros": make([]byte, 64), "long": append(right, 0)} {
		if err := chip.CheckAnswer(c, second, answer); !errors.Is(err, chip.ErrSwapped) {
			t.Errorf("%s: %v", name, err)
		}
	}
	hidden := i
	hidden.Files = maps.Clone(i.Files)
	delete(hidden.Files, 15)
	if c, err = chip.Authenticate(hidden, vn.trust(t), now); err != nil {
		t.Fatal(err)
	}
	if err := chip.CheckAnswer(c, first, right); !errors.Is(err, chip.ErrMissing) {
		t.Errorf("key hidden: %v", err)
	}
}
