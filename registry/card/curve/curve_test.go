// SPDX-License-Identifier: Apache-2.0

package curve_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"
	"os/exec"
	"testing"

	"danh/registry/card/curve"
)

func explicit(t testing.TB, name, form string) []byte {
	t.Helper()
	out, err := exec.Command("openssl", "ecparam", "-name", name, "-param_enc", "explicit", "-conv_form", form, "-outform", "DER").Output()
	if err != nil {
		t.Fatalf("openssl: %v; scripts/test-tools installs it", err)
	}
	return out
}

// TestExplicitParametersOfOpenSSL matches the parameters that another
// implementation writes, with both forms of the generator.
func TestExplicitParametersOfOpenSSL(t *testing.T) {
	names := map[string]string{"P-224": "secp224r1", "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1"}
	for _, c := range curve.List() {
		name := names[c.Name]
		if name == "" {
			name = c.Name
		}
		for _, form := range []string{"uncompressed", "compressed"} {
			got, err := curve.ParseParameters(explicit(t, name, form))
			if err != nil || got != c {
				t.Errorf("%s %s: %v, %v", c.Name, form, got, err)
			}
		}
		if !c.On(curve.Point{X: c.X, Y: c.Y}) || !c.N.ProbablyPrime(20) || !c.P.ProbablyPrime(20) {
			t.Errorf("%s: its constants are wrong", c.Name)
		}
		if s := c.Standard(); s != nil {
			k := s.Params()
			if k.P.Cmp(c.P) != 0 || k.N.Cmp(c.N) != 0 || k.Gx.Cmp(c.X) != 0 || k.Gy.Cmp(c.Y) != 0 || k.B.Cmp(c.B) != 0 {
				t.Errorf("%s differs from the standard library's", c.Name)
			}
		}
	}
}

// TestChosenGenerator names the attack of CVE-2020-0601: all parameters are
// those of a known curve but the generator, which the forger chose so that a
// trusted public key has a private key he knows.
func TestChosenGenerator(t *testing.T) {
	der := explicit(t, "brainpoolP256r1", "uncompressed")
	c, err := curve.ParseParameters(der)
	if err != nil {
		t.Fatal(err)
	}
	g := c.Marshal(curve.Point{X: c.X, Y: c.Y})
	other := c.Marshal(curve.Point{X: c.X, Y: new(big.Int).Sub(c.P, c.Y)}) // −G is on the curve
	n := 0
	for i := range der[:len(der)-len(g)+1] {
		if string(der[i:i+len(g)]) == string(g) {
			copy(der[i:], other)
			n++
		}
	}
	if n != 1 {
		t.Fatal("the generator was not found")
	}
	if _, err := curve.ParseParameters(der); !errors.Is(err, curve.ErrUnknown) {
		t.Fatal(err)
	}
}

// TestVerifyAgreesWithTheStandardLibrary runs both arithmetics on the same
// signatures, right and wrong.
func TestVerifyAgreesWithTheStandardLibrary(t *testing.T) {
	for _, c := range curve.List() {
		if c.Standard() == nil {
			continue
		}
		key, err := ecdsa.GenerateKey(c.Standard(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.ParsePoint(raw)
		if err != nil {
			t.Fatal(err)
		}
		d := sha256.Sum256([]byte(c.Name))
		r, s, err := ecdsa.Sign(rand.Reader, key, d[:])
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []func(curve.Point, []byte, *big.Int, *big.Int) bool{c.Verify, c.VerifyBig} {
			if !f(p, d[:], r, s) {
				t.Errorf("%s: a right signature is refused", c.Name)
			}
			if f(p, d[:], s, r) || f(p, d[1:], r, s) {
				t.Errorf("%s: a wrong signature went through", c.Name)
			}
		}
		for _, v := range [][2]*big.Int{{new(big.Int), s}, {r, new(big.Int)}, {new(big.Int).Add(r, c.N), s}, {r, c.N}, {new(big.Int).Neg(r), s}} {
			if c.Verify(p, d[:], v[0], v[1]) {
				t.Errorf("%s: a signature out of range went through", c.Name)
			}
		}
		compressed := append([]byte{2 + raw[len(raw)-1]&1}, raw[1:1+c.Size]...)
		if q, err := c.ParsePoint(compressed); err != nil || q.Y.Cmp(p.Y) != 0 {
			t.Errorf("%s: compressed point: %v", c.Name, err)
		}
		raw[len(raw)-1] ^= 1
		if _, err := c.ParsePoint(raw); !errors.Is(err, curve.ErrPoint) {
			t.Errorf("%s: a point beside the curve went through", c.Name)
		}
	}
}

func FuzzParseParameters(f *testing.F) {
	f.Add(explicit(f, "brainpoolP512r1", "uncompressed"))
	f.Add(explicit(f, "prime256v1", "compressed"))
	f.Add([]byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7})
	f.Fuzz(func(t *testing.T, der []byte) {
		if c, err := curve.ParseParameters(der); (c == nil) == (err == nil) {
			t.Fatal("neither a curve nor an error")
		}
	})
}
