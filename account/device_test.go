// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/audit"
	"danh/internal/browse"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

const herPhone = "0912345678"

// holder is somebody with an account, where first sign-ins take a code. Her
// account was opened on a device of its own.
type holder struct {
	*House
	lan    Person
	first  account.Token // of the session on the first device
	device account.Token // its cookie
}

func runDevices(t *testing.T, body func(t *testing.T, d *holder)) {
	t.Helper()
	Run(t, func(t *testing.T, h *House) { body(t, own(t, h)) })
}

func own(t *testing.T, h *House) *holder {
	t.Helper()
	h.AskCodes(t)
	d := &holder{House: h, lan: h.Register(t, Lan)}
	h.Carrier.Says(herPhone, d.lan.Declared.Number, account.Yes)
	d.first, _ = h.Open(t, d.lan, herPhone)
	d.device = h.Device
	h.Clock.Advance(time.Hour)
	return d
}

// try signs in by password.
func (d *holder) try(t *testing.T, r account.RemoteInfo) (account.Token, account.Session, error) {
	t.Helper()
	return d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: Password, Remote: r, Door: "citizen"})
}

// waiting signs in on a browser that must be asked for a code.
func (d *holder) waiting(t *testing.T, r account.RemoteInfo) account.Token {
	t.Helper()
	tok, s, err := d.try(t, r)
	if err != nil {
		t.Fatal(err)
	}
	if !s.NewDevice {
		t.Fatal("a password alone opened a session on a new device")
	}
	return tok
}

func (d *holder) confirm(t *testing.T, tok account.Token, code string, r account.RemoteInfo) (account.Token, account.Session, error) {
	t.Helper()
	return d.Keeper.ConfirmDevice(t.Context(), account.DeviceCode{Token: tok, Code: code, Remote: r, Door: "citizen"})
}

// arrive makes a browser a device of hers.
func (d *holder) arrive(t *testing.T, r account.RemoteInfo) (account.Token, account.Session) {
	t.Helper()
	tok, s, err := d.confirm(t, d.waiting(t, r), d.Code(t, herPhone), r)
	if err != nil {
		t.Fatal(err)
	}
	return tok, s
}

// keep gives a session's device a key.
func (d *holder) keep(t *testing.T, s account.Session, r account.RemoteInfo) *browse.DeviceKey {
	t.Helper()
	key, err := browse.NewDeviceKey()
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Keeper.BeginDeviceKey(t.Context(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Keeper.KeepDeviceKey(t.Context(), s, answer(t, key, c, r)); err != nil {
		t.Fatal(err)
	}
	return key
}

func answer(t *testing.T, key *browse.DeviceKey, c account.DeviceCeremony, r account.RemoteInfo) account.DeviceKey {
	t.Helper()
	challenge, err := base64.RawURLEncoding.DecodeString(c.Challenge)
	if err != nil {
		t.Fatal(err)
	}
	point, err1 := key.Point()
	sig, err2 := key.Sign(challenge)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return account.DeviceKey{Ceremony: c.Token, Key: point, Signature: sig, Remote: r}
}

// signed is what the sign-in form brings of a key.
func (d *holder) signed(t *testing.T, key *browse.DeviceKey, r account.RemoteInfo) account.DeviceSignature {
	t.Helper()
	c := d.Keeper.DeviceChallenge(r)
	text, err := key.SignText(c)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return account.DeviceSignature{Challenge: c, Signature: sig}
}

func (d *holder) tryKey(t *testing.T, r account.RemoteInfo, s account.DeviceSignature) (account.Token, account.Session, error) {
	t.Helper()
	return d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: Password, Remote: r, Key: s, Door: "citizen"})
}

func keyOf(err error) string {
	if f := fault.Of(err); f != nil {
		return f.Key
	}
	return ""
}

func (d *holder) told(t *testing.T, words string) (n int) {
	t.Helper()
	d.Deliver(t)
	for _, text := range d.Post.To(herPhone) {
		if strings.Contains(text, words) {
			n++
		}
	}
	return n
}

func TestFirstSignInOnADeviceTakesACode(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		r.Platform = "Linux"
		tok := d.waiting(t, r)
		if _, err := d.Keeper.FindSessionOn(t.Context(), tok, r.Device); !account.IsNewDevice(err) || !fault.Is(err, fault.NotFound) {
			t.Fatalf("the session that waits is somebody's: %v", err)
		}
		if got := d.told(t, "@localhost #"); got != 2 { // at the opening, and now
			t.Fatalf("%d codes were sent", got)
		}
		if !slices.ContainsFunc(d.Post.To(herPhone), func(s string) bool { return strings.Contains(s, "để đăng nhập") }) {
			t.Error("the code does not say what it is for")
		}
		if d.told(t, "thiết bị mới") != 0 {
			t.Error("she was told of a device that is none yet")
		}
		n, err := d.Keeper.FindNewDevice(t.Context(), tok, r)
		if err != nil || n.Left != 5 || strings.Contains(n.Phone, "912345") || !n.CodeEnds.Equal(d.Clock.Now().Add(3*time.Minute)) {
			t.Fatalf("the page of the code: %+v %v", n, err)
		}
		code := d.Code(t, herPhone)
		wrong := "000000"
		if code == wrong {
			wrong = "000001"
		}
		if _, _, err := d.confirm(t, tok, wrong, r); keyOf(err) != "account.code.wrong" || fault.Of(err).Args["left"] != "4" {
			t.Fatalf("a wrong code: %v", err)
		}
		open, s, err := d.confirm(t, tok, code, r)
		if err != nil {
			t.Fatal(err)
		}
		if open == tok || s.Assurance != 2 || !slices.Equal(s.AMR, []string{"pwd", "otp", "mfa"}) || s.Device.IsZero() {
			t.Errorf("opened: %+v", s)
		}
		if _, err := d.Keeper.FindSessionOn(t.Context(), tok, r.Device); err == nil {
			t.Error("the token that waited lives on")
		}
		found, err := d.Keeper.FindSessionOn(t.Context(), open, r.Device)
		if err != nil || found.Device != s.Device || found.Assurance != 2 {
			t.Fatalf("found %+v %v", found, err)
		}
		if d.told(t, "thiết bị mới") != 1 {
			t.Error("she was not told of the device once")
		}
		if _, _, err := d.confirm(t, tok, code, r); keyOf(err) != "account.device.stale" {
			t.Errorf("the code opens twice: %v", err)
		}
		list, err := d.Keeper.ListDevices(t.Context(), s.Account)
		if err != nil || len(list) != 2 || !slices.ContainsFunc(list, func(v account.Device) bool { return v.ID == s.Device && v.Platform == "Linux" && !v.Key }) {
			t.Fatalf("devices: %+v %v", list, err)
		}
		// From here on the browser is known.
		if _, s, err := d.try(t, r); err != nil || s.NewDevice || s.Assurance != 1 {
			t.Fatalf("a known device: %+v %v", s, err)
		}
	})
}

// The scammer knows her password, sits at his own browser, and talks the code
// out of her: it belongs to one browser and one session.
func TestCodeRelayedToAnotherBrowser(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		mine, his := Remote(), Remote()
		tok := d.waiting(t, mine)
		code := d.Code(t, herPhone)
		if _, _, err := d.confirm(t, tok, code, his); keyOf(err) != "account.device.stale" {
			t.Fatalf("her session's cookie in his browser: %v", err)
		}
		d.Clock.Advance(time.Minute)
		waits := d.waiting(t, his)
		if _, _, err := d.confirm(t, waits, code, his); keyOf(err) != "account.code.wrong" {
			t.Fatalf("her code in his session: %v", err)
		}
		if _, err := d.Keeper.FindSessionOn(t.Context(), waits, his.Device); !account.IsNewDevice(err) {
			t.Fatalf("his session: %v", err)
		}
		if _, _, err := d.confirm(t, tok, code, mine); err != nil {
			t.Fatalf("her own browser, after he tried: %v", err)
		}
	})
}

// Whoever knows the password and guesses codes does not get more tries by more
// sessions or more browsers.
func TestCodeGuessedAcrossSessionsAndBrowsers(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		tries := 0
		for range 8 {
			r := Remote()
			d.Clock.Advance(20 * time.Minute)
			tok, _, err := d.try(t, r)
			if err != nil {
				if !fault.Is(err, fault.TooMany) {
					t.Fatal(err)
				}
				continue
			}
			code := d.Code(t, herPhone)
			for n := range 6 {
				guess := []string{"111111", "222222", "333333", "444444", "555555", "666666"}[n]
				if guess == code {
					continue
				}
				_, _, err := d.confirm(t, tok, guess, r)
				switch keyOf(err) {
				case "account.code.wrong":
					tries++
				case "account.code.over":
				case "account.too_many":
				default:
					t.Fatalf("a guess: %v", err)
				}
			}
		}
		if tries > 15 {
			t.Errorf("%d guesses in under three hours", tries)
		}
		// Also the right one is not looked at any more.
		r := Remote()
		d.Clock.Advance(time.Hour)
		if _, _, err := d.confirm(t, d.waiting(t, r), d.Code(t, herPhone), r); !fault.Is(err, fault.TooMany) {
			t.Errorf("after all guesses: %v", err)
		}
		d.Clock.Advance(24 * time.Hour)
		if _, _, err := d.confirm(t, d.waiting(t, r), d.Code(t, herPhone), r); err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}

// Messages are not to be had without end: neither by sending again nor by
// signing in again.
func TestCodesSentAreLimited(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		tok := d.waiting(t, r)
		if err := d.Keeper.SendDeviceCode(t.Context(), tok, r); !fault.Is(err, fault.TooMany) {
			t.Fatalf("another code at once: %v", err)
		}
		d.Clock.Advance(31 * time.Second)
		before := d.Code(t, herPhone)
		if err := d.Keeper.SendDeviceCode(t.Context(), tok, r); err != nil {
			t.Fatal(err)
		}
		after := d.Code(t, herPhone)
		if before != after { // one in a million is alike
			if _, _, err := d.confirm(t, tok, before, r); keyOf(err) != "account.code.wrong" {
				t.Errorf("the earlier code: %v", err)
			}
		}
		sent := 2
		for range 10 {
			if _, _, err := d.try(t, Remote()); err == nil {
				sent++
			} else if !fault.Is(err, fault.TooMany) {
				t.Fatal(err)
			}
		}
		if sent != 6 {
			t.Errorf("%d codes within the hour", sent)
		}
		if err := d.Keeper.SendDeviceCode(t.Context(), tok, Remote()); keyOf(err) != "account.device.stale" {
			t.Errorf("another browser asks for a code: %v", err)
		}
	})
}

func TestOneCodeInParallelOpensOneSession(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		tok, code := d.waiting(t, r), d.Code(t, herPhone)
		var mu sync.Mutex
		var wg sync.WaitGroup
		opened := 0
		for range 6 {
			wg.Go(func() {
				if _, _, err := d.confirm(t, tok, code, r); err == nil {
					mu.Lock()
					opened++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if opened != 1 {
			t.Errorf("%d sessions were opened by one code", opened)
		}
	})
}

func TestNotMyOwnDevice(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		tok := d.waiting(t, r)
		open, s, err := d.Keeper.ConfirmDevice(t.Context(), account.DeviceCode{Token: tok, Code: d.Code(t, herPhone), Once: true, Remote: r, Door: "citizen"})
		if err != nil || !s.Once || !s.Device.IsZero() {
			t.Fatalf("once: %+v %v", s, err)
		}
		if list, err := d.Keeper.ListDevices(t.Context(), s.Account); err != nil || len(list) != 1 {
			t.Fatalf("the browser was kept: %+v %v", list, err)
		}
		if s, err = d.Keeper.FindSessionOn(t.Context(), open, r.Device); err != nil || !s.Once {
			t.Fatalf("found: %+v %v", s, err)
		}
		if _, err := d.Keeper.BeginPasskey(t.Context(), s, "", r); keyOf(err) != "account.passkey.once" {
			t.Errorf("a passkey on it: %v", err)
		}
		if _, err := d.Keeper.BeginDeviceKey(t.Context(), s, r); keyOf(err) != "account.device.gone" {
			t.Errorf("a key for it: %v", err)
		}
		if _, err := d.Keeper.BeginProof(t.Context(), s, make([]byte, 32), r); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an approval on it: %v", err)
		}
		if _, err := d.Keeper.FindSessionOn(t.Context(), open, account.NewToken()); err == nil || account.IsNewDevice(err) {
			t.Errorf("its cookie elsewhere: %v", err)
		}
		r = Remote()
		tok = d.waiting(t, r)
		if open, _, err = d.Keeper.ConfirmDevice(t.Context(), account.DeviceCode{Token: tok, Code: d.Code(t, herPhone), Once: true, Remote: r}); err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(5*time.Minute + time.Second)
		if _, err := d.Keeper.FindSessionOn(t.Context(), open, r.Device); !fault.Is(err, fault.NotFound) {
			t.Errorf("idle for five minutes: %v", err)
		}
		if _, s, err := d.try(t, r); err != nil || !s.NewDevice {
			t.Errorf("the next sign-in there: %+v %v", s, err)
		}
	})
}

func TestStolenSessionCookieOnAnotherDevice(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		tok, s := d.arrive(t, r)
		before := d.told(t, "Phiên đăng nhập")
		var wg sync.WaitGroup
		for range 5 { // many requests of the thief's page at once
			wg.Go(func() {
				if _, err := d.Keeper.FindSessionOn(t.Context(), tok, account.NewToken()); !fault.Is(err, fault.NotFound) {
					t.Errorf("the cookie on another device: %v", err)
				}
			})
		}
		wg.Wait()
		if _, err := d.Keeper.FindSessionOn(t.Context(), tok, r.Device); !fault.Is(err, fault.NotFound) {
			t.Errorf("the session lives on in her own browser: %v", err)
		}
		if stands, err := d.Keeper.SessionStands(t.Context(), s.Account, s.ID); err != nil || stands {
			t.Errorf("it stands for partners: %v %v", stands, err)
		}
		if got := d.told(t, "Phiên đăng nhập") - before; got != 1 {
			t.Errorf("she was told %d times", got)
		}
		if n := len(slices.DeleteFunc(d.Audited(t), func(a string) bool { return a != "account.session.moved" })); n != 1 {
			t.Errorf("%d entries", n)
		}
		// Without any device cookie it is the same.
		tok, _ = d.arrive(t, Remote())
		if _, err := d.Keeper.FindSessionOn(t.Context(), tok, ""); !fault.Is(err, fault.NotFound) {
			t.Errorf("the cookie alone: %v", err)
		}
		// As a former session it lends the thief nothing.
		mine := Remote()
		tok, _ = d.arrive(t, mine)
		thief := Remote()
		got, x, err := d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: Password, Remote: thief, Former: tok, Door: "citizen"})
		if err != nil || !x.NewDevice || slices.Contains(x.AMR, "otp") {
			t.Errorf("%v %+v %v", got != "", x, err)
		}
	})
}

func TestRemovedDevice(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		phone, laptop := Remote(), Remote()
		onPhone, s := d.arrive(t, phone)
		key := d.keep(t, s, phone)
		c, err := d.Keeper.BeginPasskey(t.Context(), s, "", phone)
		if err != nil {
			t.Fatal(err)
		}
		pk, made, err := browse.RegisterPasskey(c.Options, Citizen)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Keeper.FinishPasskey(t.Context(), s, c.Token, made, "", phone); err != nil {
			t.Fatal(err)
		}
		_, x := d.arrive(t, laptop)
		undone := 0
		d.Keeper.OnDeviceRemoved(func(_ context.Context, _ *db.Tx, _ account.ID, _ id.Person) error { undone++; return nil })
		// A password alone does not remove anything.
		weak := x
		weak.Assurance = 1
		if err := d.Keeper.RemoveDevice(t.Context(), weak, s.Device); !fault.Is(err, fault.StepUp) {
			t.Fatalf("removed by a weak session: %v", err)
		}
		if err := d.Keeper.RemoveDevice(t.Context(), x, s.Device); err != nil {
			t.Fatal(err)
		}
		if undone != 1 {
			t.Errorf("what others keep was undone %d times", undone)
		}
		if d.told(t, "được gỡ") == 0 {
			t.Error("she was not told")
		}
		if _, err := d.Keeper.FindSessionOn(t.Context(), onPhone, phone.Device); !fault.Is(err, fault.NotFound) {
			t.Errorf("its session lives: %v", err)
		}
		if _, s, err := d.tryKey(t, phone, d.signed(t, key, phone)); err != nil || !s.NewDevice {
			t.Errorf("its cookie and its key: %+v %v", s, err)
		}
		b, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, phone)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := pk.Assert(b.Options, Citizen)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: b.Token, Answer: sig, Remote: phone}); keyOf(err) != "account.passkey.refused" {
			t.Errorf("its passkey: %v", err)
		}
		if list, err := d.Keeper.ListDevices(t.Context(), s.Account); err != nil || len(list) != 2 || slices.ContainsFunc(list, func(v account.Device) bool { return v.ID == s.Device }) {
			t.Errorf("listed: %+v %v", list, err)
		}
		if err := d.Keeper.RemoveDevice(t.Context(), x, s.Device); keyOf(err) != "account.device.gone" {
			t.Errorf("removed twice: %v", err)
		}
		// The same browser may become a device again, as another one.
		d.Clock.Advance(time.Hour)
		if _, again := d.arrive(t, phone); again.Device == s.Device {
			t.Error("the removed device came back")
		}
		// Nobody else's device is hers to remove or to rename.
		minh := d.Register(t, Minh)
		d.Carrier.Says("0987654321", minh.Declared.Number, account.Yes)
		_, other := d.Open(t, minh, "0987654321")
		if err := d.Keeper.RenameDevice(t.Context(), x, other.Device, "x"); keyOf(err) != "account.device.gone" {
			t.Errorf("renamed another's: %v", err)
		}
		if err := d.Keeper.RemoveDevice(t.Context(), x, other.Device); err == nil {
			t.Error("removed another's device")
		}
	})
}

func TestDeviceProvesItselfByItsKey(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		_, s := d.arrive(t, r)
		key := d.keep(t, s, r)
		stored, only, err := d.Keeper.DeviceKey(t.Context(), s.Account, s.Device)
		if point, _ := key.Point(); err != nil || only || string(stored) != string(point) {
			t.Fatalf("kept %x %v %v", stored, only, err)
		}
		proof := d.signed(t, key, r)
		if _, s, err := d.tryKey(t, r, proof); err != nil || s.NewDevice || s.Assurance != 2 || !slices.Equal(s.AMR, []string{"pwd", "pop", "mfa"}) {
			t.Fatalf("password and key: %+v %v", s, err)
		}
		if _, _, err := d.tryKey(t, r, proof); !fault.Is(err, fault.Conflict) {
			t.Errorf("the signature twice: %v", err)
		}
		// The cookie was carried away by malware: it is no device without its key.
		if _, s, err := d.try(t, r); err != nil || !s.NewDevice {
			t.Errorf("cookie and password without the key: %+v %v", s, err)
		}
		other, err := browse.NewDeviceKey()
		if err != nil {
			t.Fatal(err)
		}
		if _, s, err := d.tryKey(t, r, d.signed(t, other, r)); err != nil || !s.NewDevice {
			t.Errorf("another key: %+v %v", s, err)
		}
		if _, s, err := d.tryKey(t, r, d.signed(t, key, Remote())); err != nil || !s.NewDevice {
			t.Errorf("a challenge of another browser: %+v %v", s, err)
		}
		old := d.signed(t, key, r)
		d.Clock.Advance(2 * time.Hour)
		if _, s, err := d.tryKey(t, r, old); err != nil || !s.NewDevice {
			t.Errorf("an old challenge: %+v %v", s, err)
		}
		// The browser lost its key: by a code it is the same device again.
		tok := d.waiting(t, r)
		_, again, err := d.confirm(t, tok, d.Code(t, herPhone), r)
		if err != nil || again.Device != s.Device {
			t.Fatalf("by a code: %+v %v", again, err)
		}
		fresh := d.keep(t, again, r)
		if _, s, err := d.tryKey(t, r, d.signed(t, fresh, r)); err != nil || s.NewDevice {
			t.Errorf("the other key: %+v %v", s, err)
		}
	})
}

func TestKeysThatAreNotKept(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		_, s := d.arrive(t, r)
		key, err := browse.NewDeviceKey()
		if err != nil {
			t.Fatal(err)
		}
		other, err := browse.NewDeviceKey()
		if err != nil {
			t.Fatal(err)
		}
		begin := func() account.DeviceCeremony {
			c, err := d.Keeper.BeginDeviceKey(t.Context(), s, r)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c := begin()
		good := answer(t, key, c, r)
		for name, spoil := range map[string]func(*account.DeviceKey){
			"somebody else's key":         func(k *account.DeviceKey) { k.Key, _ = other.Point() },
			"a point that is none":        func(k *account.DeviceKey) { k.Key = slices.Clone(k.Key); k.Key[40] ^= 1 },
			"no signature":                func(k *account.DeviceKey) { k.Signature = nil },
			"a signature of another text": func(k *account.DeviceKey) { k.Signature = answer(t, key, begin(), r).Signature },
		} {
			c := begin()
			bad := answer(t, key, c, r)
			spoil(&bad)
			if err := d.Keeper.KeepDeviceKey(t.Context(), s, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		elsewhere := good
		elsewhere.Remote = Remote()
		if err := d.Keeper.KeepDeviceKey(t.Context(), s, elsewhere); err == nil {
			t.Error("another browser brought it")
		}
		if err := d.Keeper.KeepDeviceKey(t.Context(), s, good); err != nil {
			t.Fatal(err)
		}
		if err := d.Keeper.KeepDeviceKey(t.Context(), s, good); err == nil {
			t.Error("one challenge kept two keys")
		}
		// Password and cookie alone bring none: both can be carried away.
		plain := Remote()
		plain.Device = d.device
		_, weak, err := d.try(t, plain)
		if err != nil || weak.NewDevice {
			t.Fatalf("%+v %v", weak, err)
		}
		if _, err := d.Keeper.BeginDeviceKey(t.Context(), weak, plain); !fault.Is(err, fault.StepUp) {
			t.Errorf("by a password alone: %v", err)
		}
		d.Clock.Advance(11 * time.Minute)
		if _, err := d.Keeper.BeginDeviceKey(t.Context(), s, r); !fault.Is(err, fault.StepUp) {
			t.Errorf("by an old sign-in: %v", err)
		}
	})
}

func TestCitizensMakePasskeys(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		plain := Remote()
		plain.Device = d.device
		_, weak, err := d.try(t, plain)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Keeper.BeginPasskey(t.Context(), weak, "", plain); !fault.Is(err, fault.StepUp) {
			t.Errorf("by a password alone: %v", err)
		}
		r := Remote()
		_, s := d.arrive(t, r)
		c, err := d.Keeper.BeginPasskey(t.Context(), s, "", r)
		if err != nil {
			t.Fatal(err)
		}
		key, made, err := browse.RegisterPasskey(c.Options, Citizen)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Keeper.FinishPasskey(t.Context(), s, c.Token, made, "", r); err != nil {
			t.Fatal(err)
		}
		list, err := d.Keeper.ListDevices(t.Context(), s.Account)
		if err != nil || !slices.ContainsFunc(list, func(v account.Device) bool { return v.ID == s.Device && v.Passkeys == 1 }) {
			t.Fatalf("%+v %v", list, err)
		}
		use := func(r account.RemoteInfo) (account.Session, error) {
			b, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, r)
			if err != nil {
				t.Fatal(err)
			}
			a, err := key.Assert(b.Options, Citizen)
			if err != nil {
				t.Fatal(err)
			}
			_, s, err := d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: b.Token, Answer: a, Remote: r, Door: "citizen"})
			return s, err
		}
		if s, err := use(r); err != nil || s.Assurance != 2 || s.NewDevice {
			t.Fatalf("signed in by it: %+v %v", s, err)
		}
		key.Unverified = true
		if _, err := use(r); keyOf(err) != "account.passkey.refused" {
			t.Errorf("without user verification: %v", err)
		}
		key.Unverified = false
		// A passkey that is synced brings another browser in without a code.
		if s, err := use(Remote()); err != nil || s.NewDevice || s.Device.IsZero() {
			t.Errorf("on another browser: %+v %v", s, err)
		}
		// Others can unlock the device: its passkeys end and none is taken from it.
		if err := d.Keeper.SetPasswordOnly(t.Context(), s, s.Device, true); err != nil {
			t.Fatal(err)
		}
		if _, err := use(r); err == nil {
			t.Error("its passkey still signs in")
		}
		if _, err := d.Keeper.BeginPasskey(t.Context(), s, "", r); keyOf(err) != "account.passkey.password_only" {
			t.Errorf("another one: %v", err)
		}
		weak.Assurance = 1
		if err := d.Keeper.SetPasswordOnly(t.Context(), weak, s.Device, false); !fault.Is(err, fault.StepUp) {
			t.Errorf("taken back by a weak session: %v", err)
		}
		if err := d.Keeper.SetPasswordOnly(t.Context(), s, s.Device, false); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Keeper.BeginPasskey(t.Context(), s, "", r); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// A synced passkey that was made elsewhere is not taken from a device that
// others can unlock either.
func TestPasskeyFromAPasswordOnlyDevice(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		phone, family := Remote(), Remote()
		_, s := d.arrive(t, phone)
		c, err := d.Keeper.BeginPasskey(t.Context(), s, "", phone)
		if err != nil {
			t.Fatal(err)
		}
		key, made, err := browse.RegisterPasskey(c.Options, Citizen)
		if err != nil {
			t.Fatal(err)
		}
		key.Still = true
		if _, err := d.Keeper.FinishPasskey(t.Context(), s, c.Token, made, "", phone); err != nil {
			t.Fatal(err)
		}
		_, x := d.arrive(t, family)
		if err := d.Keeper.SetPasswordOnly(t.Context(), x, x.Device, true); err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]account.RemoteInfo{"account.passkey.password_only": family, "": phone} {
			b, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, r)
			if err != nil {
				t.Fatal(err)
			}
			a, err := key.Assert(b.Options, Citizen)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: b.Token, Answer: a, Remote: r}); keyOf(err) != name {
				t.Errorf("want %q: %v", name, err)
			}
		}
	})
}

// An SMS stood behind a citizen's passkey. When she becomes an officer it opens
// nothing any more, or a SIM swap before the appointment would open a desk.
func TestPasskeyOlderThanTheRole(t *testing.T) {
	dbtest.Run(t, append(slices.Clone(Schemas), office.Schema), func(t *testing.T, x *db.DB) {
		var roster *office.Roster
		h := New(t, x, func(c *account.Config) {
			roster = office.OpenRoster(c.DB, c.Clock, c.Audit)
			c.Roster = roster
		})
		d := own(t, h)
		r := Remote()
		_, s := d.arrive(t, r)
		c, err := d.Keeper.BeginPasskey(t.Context(), s, "", r)
		if err != nil {
			t.Fatal(err)
		}
		key, made, err := browse.RegisterPasskey(c.Options, Citizen)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Keeper.FinishPasskey(t.Context(), s, c.Token, made, "", r); err != nil {
			t.Fatal(err)
		}
		half, err := d.Keeper.BeginPasskey(t.Context(), s, "", r) // begun before, finished after
		if err != nil {
			t.Fatal(err)
		}
		_, late, err := browse.RegisterPasskey(half.Options, Citizen)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: account.Owner(s.Account), Person: s.Person, Role: office.Operator}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Keeper.FinishPasskey(t.Context(), s, half.Token, late, "", r); err == nil {
			t.Error("a passkey that an SMS vouched for was kept for an officer")
		}
		b, err := d.Keeper.BeginPasskeySignIn(t.Context(), nil, r)
		if err != nil {
			t.Fatal(err)
		}
		a, err := key.Assert(b.Options, Citizen)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: b.Token, Answer: a, Remote: r}); keyOf(err) != "account.passkey.not_staff" {
			t.Errorf("the citizen's passkey signs the officer in: %v", err)
		}
		if _, err := d.Keeper.BeginPasskey(t.Context(), s, "", r); keyOf(err) != "account.passkey.code" {
			t.Errorf("without the code: %v", err)
		}
		code := d.Raise(t, s.Account)
		s.Level = 2
		if c, err = d.Keeper.BeginPasskey(t.Context(), s, code, r); err != nil {
			t.Fatal(err)
		}
		if key, made, err = browse.RegisterPasskey(c.Options, Citizen); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Keeper.FinishPasskey(t.Context(), s, c.Token, made, "", r); err != nil {
			t.Fatal(err)
		}
		if b, err = d.Keeper.BeginPasskeySignIn(t.Context(), nil, r); err != nil {
			t.Fatal(err)
		}
		if a, err = key.Assert(b.Options, Citizen); err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Keeper.SignInWithPasskey(t.Context(), account.PasskeySignIn{Ceremony: b.Token, Answer: a, Remote: r}); err != nil {
			t.Errorf("the passkey that the code vouched for: %v", err)
		}
	})
}

func TestTooManyDevicesLetTheOldestGo(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		err := d.DB.Write(t.Context(), func(tx *db.Tx) error {
			return d.Keeper.SetRuleTx(t.Context(), tx, audit.System("test"), account.Rule{Name: "device_most", From: clock.DateOf(d.Clock.Now()), Value: 3, Source: "test"})
		})
		if err != nil {
			t.Fatal(err)
		}
		var last account.Session
		for range 3 {
			d.Clock.Advance(20 * time.Minute)
			_, last = d.arrive(t, Remote())
		}
		list, err := d.Keeper.ListDevices(t.Context(), last.Account)
		if err != nil || len(list) != 3 || list[0].ID != last.Device {
			t.Fatalf("%+v %v", list, err)
		}
		if _, err := d.Keeper.FindSessionOn(t.Context(), d.first, d.device); !fault.Is(err, fault.NotFound) {
			t.Errorf("the oldest device's session: %v", err)
		}
		if err := d.Keeper.RenameDevice(t.Context(), last, last.Device, "  Máy   của Lan "); err != nil {
			t.Fatal(err)
		}
		if v, err := d.Keeper.FindDevice(t.Context(), last.Account, last.Device); err != nil || v.Name != "Máy của Lan" || v.Label != "Firefox trên Linux" {
			t.Errorf("%+v %v", v, err)
		}
	})
}

// On a device that has neither key nor passkey a password is one factor: she may
// ask for a code there, and nobody is alarmed by it.
func TestCodeOnAKnownDevice(t *testing.T) {
	runDevices(t, func(t *testing.T, d *holder) {
		r := Remote()
		r.Device = d.device
		_, s, err := d.try(t, r)
		if err != nil || s.NewDevice || s.Assurance != 1 {
			t.Fatalf("%+v %v", s, err)
		}
		w, err := d.Keeper.Ways(t.Context(), s, "passkey_add", r)
		if err != nil || !w.Code || w.Enough || w.Password {
			t.Fatalf("ways: %+v %v", w, err)
		}
		tok, x, err := d.Keeper.SignIn(t.Context(), account.SignIn{Number: d.lan.Declared.Number.Reveal(), Password: Password, Remote: r, Code: true, Door: "citizen"})
		if err != nil || !x.NewDevice {
			t.Fatalf("asked for a code: %+v %v", x, err)
		}
		_, x, err = d.confirm(t, tok, d.Code(t, herPhone), r)
		if err != nil || x.Device != s.Device || x.Assurance != 2 {
			t.Fatalf("%+v %v", x, err)
		}
		if d.told(t, "thiết bị mới") != 0 {
			t.Error("she was told of a device that she had")
		}
		if _, err := d.Keeper.BeginPasskey(t.Context(), x, "", r); err != nil {
			t.Errorf("a passkey: %v", err)
		}
		if list, err := d.Keeper.ListDevices(t.Context(), s.Account); err != nil || len(list) != 1 {
			t.Errorf("%+v %v", list, err)
		}
		// An account that was just opened brings its key at once: its phone was confirmed a moment ago.
		minh := d.Register(t, Minh)
		d.Carrier.Says("0987654321", minh.Declared.Number, account.Yes)
		if _, fresh := d.Open(t, minh, "0987654321"); fresh.Assurance != 2 {
			t.Errorf("after an opening: %+v", fresh)
		}
	})
}
