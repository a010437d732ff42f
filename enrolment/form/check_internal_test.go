// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"
)

// heavy signs nothing: its key is only as long as a file can carry.
type heavy struct{ key *rsa.PublicKey }

func (h heavy) Public() crypto.PublicKey { return h.key }
func (h heavy) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	b := make([]byte, h.key.Size())
	rand.Read(b)
	b[0] = 0
	return b, nil
}

// TestAKeyAsLongAsAFile: anybody may have a file checked, and a signature by a
// key of a quarter of a million bits is minutes of work for a few uploads.
func TestAKeyAsLongAsAFile(t *testing.T) {
	modulus := make([]byte, 24<<10)
	rand.Read(modulus)
	modulus[0] |= 0x80
	modulus[len(modulus)-1] |= 1
	h := heavy{&rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 1<<31 - 1}}
	ca, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)},
		&x509.Certificate{Subject: pkix.Name{CommonName: "y"}}, h.key, ca)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	was := oidECDSASHA256
	defer func() { oidECDSASHA256 = was }()
	oidECDSASHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11} // sha256WithRSAEncryption

	const hole = "[0 0000000000 0000000000 0000000000]"
	pdf := []byte("%PDF-1.7\n1 0 obj\n<</Type /Sig /ByteRange " + hole + " /Contents <" + strings.Repeat("0", 120<<10) + ">>>\n%%EOF\n")
	start := bytes.Index(pdf, []byte("/Contents <")) + len("/Contents ")
	end := start + 120<<10 + 2
	copy(pdf[bytes.Index(pdf, []byte(hole)):], fmt.Sprintf("[0 %010d %010d %010d]", start, end, len(pdf)-end))
	digest := crypto.SHA256.New()
	digest.Write(pdf[:start])
	digest.Write(pdf[end:])
	cms, err := sign(digest.Sum(nil), h, cert)
	if err != nil {
		t.Fatal(err)
	}
	hex.Encode(pdf[start+1:], cms)
	begun := time.Now()
	if _, err := Check(pdf); !errors.Is(err, ErrBroken) {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Fatalf("it took %v", took)
	}
}

// TestPhonesAreWrittenAsPeopleSayThem: nobody reads her own number with the
// country's code in front.
func TestPhonesAreWrittenAsPeopleSayThem(t *testing.T) {
	for in, want := range map[string]string{"+84387903482": "0387 903 482", "0912 345 678": "0912 345 678", "+841": "+841", "+4915112345678": "+4915112345678", "": ""} {
		if got := phone(in); got != want {
			t.Errorf("%q is written %q, not %q", in, got, want)
		}
	}
}
