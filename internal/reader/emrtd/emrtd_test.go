// SPDX-License-Identifier: Apache-2.0

package emrtd

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"danh/internal/reader"
)

func octets(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func same(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if !bytes.Equal(got, octets(want)) {
		t.Errorf("%s is %X, not %s", what, got, want)
	}
}

// recorded is a chip that says what the standard's example says, to exactly
// the commands of the example.
type recorded struct {
	t     *testing.T
	lines [][2]string
}

func (r *recorded) Transmit(c []byte) ([]byte, error) {
	r.t.Helper()
	if len(r.lines) == 0 {
		r.t.Fatalf("%X is one command too many", c)
	}
	line := r.lines[0]
	r.lines = r.lines[1:]
	if !bytes.Equal(c, octets(line[0])) {
		r.t.Fatalf("sent %X, not %s", c, line[0])
	}
	return octets(line[1]), nil
}

// TestTheStandardsExample plays ICAO Doc 9303-11, appendix D: keys from the
// zone (D.1, D.2), authentication (D.3) and secure messaging (D.4).
func TestTheStandardsExample(t *testing.T) {
	seed := Seed(reader.Access{Document: "L898902C", Birth: "690806", Expiry: "940623"})
	same(t, "seed", seed, "239AB9CB282DAF66231DC5A4DF6BFBAE")
	k := DeriveKeys(seed)
	same(t, "K enc", k.Enc, "AB94FDECF2674FDFB9B391F85D7F76F2")
	same(t, "K mac", k.Mac, "7962D9ECE03D1ACD4C76089DCE131543")
	c := &recorded{t: t, lines: [][2]string{
		{"0084000008", "4608F919887022129000"},
		{"0082000028 72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2 5F1448EEA8AD90A7 28",
			"46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F 2F2D235D074D7449 9000"},
		{"0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800", "990290008E08FA855A5D4C50A8ED9000"},
		{"0CB000000D9701048E08ED6705417E96BA5500", "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000"},
		{"0CB000040D9701128E082EA28A70F3C7B53500", "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000"},
	}}
	random := [][]byte{octets("781723860C06C226"), octets("0B795240CB7049B01C19B33E32804F0B")}
	s, err := Authenticate(c, k, func(b []byte) { copy(b, random[0]); random = random[1:] })
	if err != nil {
		t.Fatal(err)
	}
	same(t, "KS enc", s.keys.Enc, "979EC13B1CBFE9DCD01AB0FED307EAE5")
	same(t, "KS mac", s.keys.Mac, "F1CB1F1FB5ADF208806B89DC579DC1F8")
	same(t, "SSC", s.ssc[:], "887022120C06C226")
	com, err := s.ReadFile(t.Context(), fileCOM)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "EF.COM", com, "60145F0104303130365F36063034303030305C026175")
	if g := Groups(com); len(g) != 2 || g[0] != 1 || g[1] != 2 {
		t.Errorf("groups %v", g)
	}
	if len(c.lines) != 0 {
		t.Errorf("%d commands of the example were not sent", len(c.lines))
	}
}

// TestAnswerAlteredOnTheAir: every bit of a protected answer is flipped once.
func TestAnswerAlteredOnTheAir(t *testing.T) {
	good := octets("8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000")
	for i := range (len(good) - 2) * 8 {
		s := &Session{keys: Keys{octets("979EC13B1CBFE9DCD01AB0FED307EAE5"), octets("F1CB1F1FB5ADF208806B89DC579DC1F8")}}
		copy(s.ssc[:], octets("887022120C06C229"))
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := s.open(bad); !errors.Is(err, ErrMessage) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
	s := &Session{keys: Keys{octets("979EC13B1CBFE9DCD01AB0FED307EAE5"), octets("F1CB1F1FB5ADF208806B89DC579DC1F8")}}
	copy(s.ssc[:], octets("887022120C06C229"))
	if b, err := s.open(good); err != nil || !bytes.Equal(b, octets("60145F01")) {
		t.Fatal("the unaltered answer is refused", err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(octets("8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000"))
	f.Add(octets("990290008E08FA855A5D4C50A8ED9000"))
	f.Add(octets("6982"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &Session{keys: DeriveKeys(make([]byte, 16))}
		if out, err := s.open(b); err == nil && len(out) > len(b) {
			t.Fatal("more came out than went in")
		}
		Groups(b)
	})
}
