// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"regexp"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/smallstep/pkcs7"
	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"danh/internal/fault"
)

// Checked is what a whole seal says.
type Checked struct {
	Name        string // the certificate's; it is the reader who decides whether she knows it
	Reason      string
	Office      string
	At          time.Time // as the signer states
	Certificate *x509.Certificate
}

// Fingerprint is the certificate's SHA-256 as PDF readers print it.
func (c Checked) Fingerprint() string { return fingerprint(c.Certificate) }

// The ways in which a file is refused.
var (
	ErrUnsealed = fault.New(fault.Invalid, "form.seal.none")
	ErrBroken   = fault.New(fault.Invalid, "form.seal.broken")
)

var (
	rangeIn    = regexp.MustCompile(`/ByteRange\s*\[\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*\]`)
	reasonIn   = regexp.MustCompile(`/Reason <([0-9A-F]*)>`)
	locationIn = regexp.MustCompile(`/Location <([0-9A-F]*)>`)
	timeIn     = regexp.MustCompile(`/M \(D:(\d{14})([+-])(\d{2})'(\d{2})'?\)`)
)

// Check reads the last seal of a file and verifies it: the signature covers
// every byte but its own place, and the certificate that it carries is the one
// that signed. Whose certificate that is, Check cannot know; see Sealer.Own.
//
// Everything outside that place is under the signature, so nothing that was
// appended, moved or hidden in the file can be taken for part of the form.
func Check(pdf []byte) (Checked, error) {
	if len(pdf) > maxFile || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		return Checked{}, ErrUnsealed
	}
	all := rangeIn.FindAllSubmatchIndex(pdf, -1)
	if len(all) == 0 {
		return Checked{}, ErrUnsealed
	}
	m := all[len(all)-1]
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(string(pdf[m[2+2*i]:m[3+2*i]]))
	}
	start, end := n[1], n[2]
	// From the first byte to the last, with one gap, and the gap is exactly one
	// string of hexadecimal digits.
	if n[0] != 0 || start < m[1] || start >= end-2 || end > len(pdf) || n[3] != len(pdf)-end || pdf[start] != '<' || pdf[end-1] != '>' || end-start > 128<<10 {
		return Checked{}, ErrBroken
	}
	der := make([]byte, hex.DecodedLen(end-start-2))
	if _, err := hex.Decode(der, pdf[start+1:end-1]); err != nil {
		return Checked{}, ErrBroken
	}
	cert, err := verify(der, append(bytes.Clone(pdf[:start]), pdf[end:]...))
	if err != nil {
		return Checked{}, ErrBroken
	}
	// The dictionary that holds the seal: from the object's beginning to the gap.
	dict := pdf[max(0, bytes.LastIndex(pdf[:m[0]], []byte(" obj"))):start]
	c := Checked{Name: cert.Subject.CommonName, Reason: textIn(reasonIn, dict), Office: textIn(locationIn, dict), Certificate: cert}
	if m := timeIn.FindSubmatch(dict); m != nil {
		if c.At, err = time.Parse("20060102150405-0700", string(m[1])+string(m[2])+string(m[3])+string(m[4])); err != nil {
			return Checked{}, ErrBroken
		}
	}
	if c.At.Before(cert.NotBefore) || c.At.After(cert.NotAfter) {
		return Checked{}, ErrBroken
	}
	return c, nil
}

// maxRSA is longer than the keys of any signer, and checked in milliseconds.
const maxRSA = 8192

// verify checks a detached CMS signature over content. Behind the signature
// stand zeros only.
func verify(der, content []byte) (*x509.Certificate, error) {
	in := cryptobyte.String(der)
	var outer cryptobyte.String
	if !in.ReadASN1Element(&outer, casn1.SEQUENCE) || len(bytes.Trim(in, "\x00")) != 0 {
		return nil, errors.New("not one CMS object")
	}
	p7, err := pkcs7.Parse(outer)
	if err != nil {
		return nil, err
	}
	cert := p7.GetOnlySigner()
	if cert == nil || len(p7.Content) != 0 {
		return nil, errors.New("not one signer, or not detached")
	}
	// Anybody may have a file checked: a key as long as the file costs minutes.
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
	case *rsa.PublicKey:
		if key.N.BitLen() > maxRSA {
			return nil, errors.New("the key is longer than any that signs")
		}
	default:
		return nil, errors.New("a key of another kind")
	}
	s := p7.Signers[0]
	if !s.DigestAlgorithm.Algorithm.Equal(oidSHA256) || len(s.AuthenticatedAttributes) == 0 {
		return nil, errors.New("only SHA-256 over signed attributes is believed")
	}
	var kind asn1.ObjectIdentifier
	if err := p7.UnmarshalSignedAttribute(oidContentType, &kind); err != nil || !kind.Equal(oidData) {
		return nil, errors.New("the signature is about something else")
	}
	var bound struct{ Certs []struct{ Hash []byte } }
	of := sha256.Sum256(cert.Raw)
	if err := p7.UnmarshalSignedAttribute(oidSigningCert, &bound); err != nil || len(bound.Certs) == 0 || subtle.ConstantTimeCompare(bound.Certs[0].Hash, of[:]) != 1 {
		return nil, errors.New("the signature does not bind its certificate")
	}
	p7.Content = content
	return cert, p7.Verify()
}

// textIn reads a text written by textString.
func textIn(re *regexp.Regexp, dict []byte) string {
	m := re.FindSubmatch(dict)
	if m == nil {
		return ""
	}
	b, err := hex.DecodeString(string(m[1]))
	if err != nil || len(b) < 2 || len(b)%2 != 0 || b[0] != 0xFE || b[1] != 0xFF {
		return ""
	}
	var u []uint16
	for i := 2; i < len(b); i += 2 {
		u = append(u, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(u))
}
