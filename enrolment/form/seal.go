// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"danh/internal/clock"
	"danh/internal/keys"
)

// Sealer seals forms with the installation's own key. It is safe for
// concurrent use.
type Sealer struct {
	keys *keys.Store
	name string

	mu    sync.Mutex
	certs map[string]*x509.Certificate // by key
}

// sealYears is how long a certificate says that its key holds. Who checks a
// seal looks at the time that the seal states, so a form outlives it.
const sealYears = 10

// lead is how long before its key a certificate begins, for readers' clocks.
const lead = time.Hour

// NewSealer makes a sealer whose certificates carry name.
func NewSealer(k *keys.Store, name string) (*Sealer, error) {
	s := &Sealer{keys: k, name: name, certs: map[string]*x509.Certificate{}}
	_, _, err := s.signer()
	return s, err
}

// signer gives the active key with its certificate. The certificate is made of
// the key alone, so it is the same after every start without being kept: a
// reader who trusts it once goes on doing so until the key is rotated.
func (s *Sealer) signer() (crypto.Signer, *x509.Certificate, error) {
	kid, key := s.keys.Signer(keys.FormSeal)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.certs[kid]; c != nil {
		return key, c, nil
	}
	public := s.keys.Public(keys.FormSeal)
	i := slices.IndexFunc(public, func(p keys.PublicKey) bool { return p.KID == kid })
	if i < 0 {
		return nil, nil, fmt.Errorf("the key that seals forms is not published")
	}
	from := public[i].NotBefore.Add(-lead).Truncate(time.Second)
	serial := sha256.Sum256([]byte("danh form seal " + kid))
	serial[0] &= 0x7f // positive
	tmpl := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:16]),
		Subject:      pkix.Name{CommonName: s.name, OrganizationalUnit: []string{"Form seal, no authority"}},
		NotBefore:    from, NotAfter: from.AddDate(sealYears, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		UnknownExtKeyUsage:    []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}}, // document signing, RFC 9336
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), steady{key})
	if err != nil {
		return nil, nil, fmt.Errorf("certify the key that seals forms: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("certify the key that seals forms: %w", err)
	}
	s.certs[kid] = c
	return key, c, nil
}

// steady signs with a nonce derived from key and message (RFC 6979), so that a
// certificate is the same each time it is made.
type steady struct{ crypto.Signer }

func (s steady) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return s.Signer.Sign(nil, digest, o)
}

// Certificate gives the active certificate as PEM, for people who want their
// readers to know the seal.
func (s *Sealer) Certificate() ([]byte, error) {
	_, c, err := s.signer()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), nil
}

// Fingerprint gives the active certificate's SHA-256 as PDF readers print it.
func (s *Sealer) Fingerprint() (string, error) {
	_, c, err := s.signer()
	if err != nil {
		return "", err
	}
	return fingerprint(c), nil
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ToUpper(fmt.Sprintf("% x", sum[:]))
}

// Own reports whether a checked seal is of a key of this installation, present
// or former, at a time when it was in use. A name says nothing, the key does.
func (s *Sealer) Own(c Checked) bool {
	if c.Certificate == nil {
		return false
	}
	for _, k := range append(s.keys.Public(keys.FormSeal), s.keys.Former(keys.FormSeal)...) {
		own, ok := k.Key.(interface{ Equal(crypto.PublicKey) bool })
		if ok && own.Equal(c.Certificate.PublicKey) && !c.At.Before(k.NotBefore.Add(-lead)) && (k.NotAfter.IsZero() || c.At.Before(k.NotAfter)) {
			return true
		}
	}
	return false
}

// contentsSize is the room for the signature in the file; ours have about 1 KiB.
const contentsSize = 4096

// Seal adds a signature to a form drawn by this package, as an incremental
// update: the form's own bytes stay as they are (ISO 32000-1, sections 7.5.6
// and 12.8; ETSI EN 319 142-1, section 5.3, level B-B).
func (s *Sealer) Seal(pdf []byte, reason, office string, at time.Time) ([]byte, error) {
	key, cert, err := s.signer()
	if err != nil {
		return nil, err
	}
	f, err := parse(pdf)
	if err != nil {
		return nil, err
	}
	widget, signature := f.size, f.size+1
	u := update{out: bytes.NewBuffer(bytes.Clone(pdf)), at: map[int]int{}}
	if !bytes.HasSuffix(pdf, []byte("\n")) {
		u.out.WriteByte('\n')
	}
	u.object(f.page, strings.TrimSuffix(f.pageDict, ">>")+fmt.Sprintf("/Annots [%d 0 R]>>", widget))
	u.object(f.root, strings.TrimSuffix(f.rootDict, ">>")+fmt.Sprintf("/AcroForm <</Fields [%d 0 R] /SigFlags 3>>>>", widget))
	u.object(widget, fmt.Sprintf("<</Type /Annot /Subtype /Widget /FT /Sig /T (Danh) /F 132 /Rect [0 0 0 0] /P %d 0 R /V %d 0 R>>", f.page, signature))
	const hole = "[0 0000000000 0000000000 0000000000]"
	u.object(signature, fmt.Sprintf("<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /Name %s /Reason %s /Location %s /M (D:%s+07'00') /ByteRange %s /Contents <%s>>>",
		textString(s.name), textString(reason), textString(office), at.In(clock.Vietnam).Format("20060102150405"), hole, strings.Repeat("0", 2*contentsSize)))
	u.finish(f)

	// The range is written into its place and only then digested: it is part of
	// what is signed.
	out := u.out.Bytes()
	start := bytes.LastIndex(out, []byte("/Contents <")) + len("/Contents ")
	end := start + 2*contentsSize + 2
	place := bytes.LastIndex(out[:start], []byte(hole))
	copy(out[place:], fmt.Sprintf("[0 %010d %010d %010d]", start, end, len(out)-end))
	h := sha256.New()
	h.Write(out[:start])
	h.Write(out[end:])
	cms, err := sign(h.Sum(nil), key, cert)
	if err != nil {
		return nil, err
	}
	if len(cms) > contentsSize {
		return nil, fmt.Errorf("seal form: the signature has %d bytes", len(cms))
	}
	hex.Encode(out[start+1:], cms)
	// What does not verify must not leave.
	if _, err := Check(out); err != nil {
		return nil, fmt.Errorf("seal form: %w", err)
	}
	return out, nil
}

// textString writes a text as UTF-16 in hexadecimal (ISO 32000-1, 7.9.2.2):
// nothing in it can end the string.
func textString(t string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, u := range utf16.Encode([]rune(clean(t))) {
		fmt.Fprintf(&b, "%04X", u)
	}
	return b.String() + ">"
}

// The objects of the signature (RFC 5652, RFC 5035).
var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCert   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSASHA256   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

// sign makes a detached CMS signature over a SHA-256 digest. It states no
// signing time, which PAdES keeps in the file itself, and binds the certificate
// (ETSI EN 319 142-1, section 6.3).
func sign(digest []byte, key crypto.Signer, cert *x509.Certificate) ([]byte, error) {
	explicit := func(n uint8) casn1.Tag { return casn1.Tag(n).ContextSpecific().Constructed() }
	of := sha256.Sum256(cert.Raw)
	var list [][]byte
	for _, a := range []struct {
		oid   asn1.ObjectIdentifier
		value func(b *cryptobyte.Builder)
	}{
		{oidContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidData) }},
		{oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest) }},
		{oidSigningCert, func(b *cryptobyte.Builder) { // SigningCertificateV2, SHA-256 by default
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(of[:]) })
				})
			})
		}},
	} {
		var b cryptobyte.Builder
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(a.oid)
			b.AddASN1(casn1.SET, a.value)
		})
		der, err := b.Bytes()
		if err != nil {
			return nil, fmt.Errorf("encode attribute: %w", err)
		}
		list = append(list, der)
	}
	slices.SortFunc(list, bytes.Compare) // DER: a SET OF is sorted
	var set cryptobyte.Builder
	set.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(list, nil)) })
	attrs, err := set.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode attributes: %w", err)
	}
	sum := sha256.Sum256(attrs)
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign form: %w", err)
	}
	algorithm := func(oid asn1.ObjectIdentifier) func(b *cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) }
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { b.AddASN1(casn1.SEQUENCE, algorithm(oidSHA256)) })
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidData) })
				b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddBytes(cert.Raw) })
				b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1Int64(1)
						b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddBytes(cert.RawIssuer)
							b.AddASN1BigInt(cert.SerialNumber)
						})
						b.AddASN1(casn1.SEQUENCE, algorithm(oidSHA256))
						sent := bytes.Clone(attrs)
						sent[0] = byte(explicit(0))
						b.AddBytes(sent)
						b.AddASN1(casn1.SEQUENCE, algorithm(oidECDSASHA256))
						b.AddASN1OctetString(signature)
					})
				})
			})
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode signature: %w", err)
	}
	return der, nil
}
