// SPDX-License-Identifier: Apache-2.0

package chip_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"danh/registry/card/cert"
	"danh/registry/card/chip"
	"danh/registry/card/curve"
	"danh/registry/card/sod"
)

// openssl runs it in a folder; scripts/test-tools installs it.
func openssl(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func contentInfo(t testing.TB, security []byte) []byte {
	t.Helper()
	in := cryptobyte.String(security)
	var cms cryptobyte.String
	if !in.ReadASN1(&cms, casn1.Tag(0x77)) {
		t.Fatal("no EF.SOD")
	}
	return cms
}

// TestOpenSSLAcceptsOurSecurityObject has another implementation verify the
// signature, its chain and the content's digests, and refuse an altered one.
func TestOpenSSLAcceptsOurSecurityObject(t *testing.T) {
	vn := settled(t)
	i, _ := vn.card(t)
	dir := t.TempDir()
	write(t, dir, "csca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: vn.csca}))
	cms := contentInfo(t, i.Security)
	write(t, dir, "sod.der", cms)
	args := []string{"cms", "-verify", "-binary", "-inform", "DER", "-in", "sod.der", "-CAfile", "csca.pem", "-purpose", "any", "-out", "content.der"}
	openssl(t, dir, args...)
	content, err := os.ReadFile(filepath.Join(dir, "content.der"))
	if err != nil || len(content) == 0 {
		t.Fatal(err)
	}
	o, err := sod.Parse(i.Security)
	if err != nil {
		t.Fatal(err)
	}
	for n, d := range o.Digests {
		if !bytes.Contains(content, d) {
			t.Errorf("the digest of DG%d is not in what openssl verified", n)
		}
	}
	print := openssl(t, dir, "cms", "-cmsout", "-print", "-inform", "DER", "-in", "sod.der")
	if !strings.Contains(print, "version: 3") || !strings.Contains(print, "2.23.136.1.1.1") {
		t.Errorf("not version 3 with the content type of security objects:\n%.600s", print)
	}
	write(t, dir, "sod.der", bytes.Replace(cms, o.Digests[1], make([]byte, 32), 1))
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	if cmd.Run() == nil {
		t.Error("openssl accepts an altered list of digests: the test proves nothing")
	}
}

const config = `[csca]
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[ds]
keyUsage=critical,digitalSignature
authorityKeyIdentifier=keyid
subjectKeyIdentifier=hash
[req]
distinguished_name=dn
[dn]
`

// chains are the ways in which documents are signed: the curve of the real
// Vietnamese authority with explicit parameters among them.
var chains = []struct {
	name   string
	genkey []string
	sign   []string // of the CMS
	digest string
}{
	{"brainpoolP512r1 explicit", []string{"ecparam", "-name", "brainpoolP512r1", "-param_enc", "explicit", "-genkey", "-noout"}, nil, "sha512"},
	{"brainpoolP256r1 named", []string{"ecparam", "-name", "brainpoolP256r1", "-genkey", "-noout"}, nil, "sha256"},
	{"brainpoolP384r1 explicit", []string{"ecparam", "-name", "brainpoolP384r1", "-param_enc", "explicit", "-genkey", "-noout"}, nil, "sha384"},
	{"brainpoolP320r1 explicit", []string{"ecparam", "-name", "brainpoolP320r1", "-param_enc", "explicit", "-genkey", "-noout"}, nil, "sha512"},
	{"P-384 explicit", []string{"ecparam", "-name", "secp384r1", "-param_enc", "explicit", "-genkey", "-noout"}, nil, "sha384"},
	{"P-521 named", []string{"ecparam", "-name", "secp521r1", "-genkey", "-noout"}, nil, "sha512"},
	{"RSA 3072", []string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"}, nil, "sha256"},
	{"RSA 3072 PSS", []string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"}, []string{"-keyopt", "rsa_padding_mode:pss"}, "sha256"},
}

// foreign is a country whose keys, certificates and security object openssl made.
func foreign(t testing.TB, k int, content []byte) (csca, security []byte) {
	t.Helper()
	c := chains[k]
	dir := t.TempDir()
	write(t, dir, "conf", []byte(config))
	for _, who := range []string{"csca", "ds"} {
		openssl(t, dir, append(append([]string{}, c.genkey...), "-out", who+".key")...)
	}
	openssl(t, dir, "req", "-config", "conf", "-x509", "-new", "-key", "csca.key", "-"+c.digest, "-subj", "/C=VN/O=Danh SPECIMEN/CN=CSCA", "-extensions", "csca", "-days", "3650",
		"-out", "csca.pem", "-outform", "PEM")
	openssl(t, dir, "req", "-config", "conf", "-new", "-key", "ds.key", "-subj", "/C=VN/O=Danh SPECIMEN/CN=DS", "-out", "ds.csr")
	openssl(t, dir, "x509", "-req", "-in", "ds.csr", "-CA", "csca.pem", "-CAkey", "csca.key", "-set_serial", "0x77", "-"+c.digest, "-extfile", "conf", "-extensions", "ds", "-days", "3000", "-out", "ds.pem")
	write(t, dir, "content.der", content)
	args := []string{"cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-econtent_type", "2.23.136.1.1.1", "-md", c.digest, "-in", "content.der",
		"-signer", "ds.pem", "-inkey", "ds.key", "-outform", "DER", "-out", "sod.der"}
	openssl(t, dir, append(args, c.sign...)...)
	cms, err := os.ReadFile(filepath.Join(dir, "sod.der"))
	if err != nil {
		t.Fatal(err)
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.Tag(0x77), func(b *cryptobyte.Builder) { b.AddBytes(cms) })
	text, err := os.ReadFile(filepath.Join(dir, "csca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	return block.Bytes, b.BytesOrPanic()
}

// TestForeignChains authenticates data that openssl signed in the ways that
// real documents are signed, and refuses them altered.
func TestForeignChains(t *testing.T) {
	vn := settled(t)
	i, _ := vn.card(t)
	o, err := sod.Parse(i.Security)
	if err != nil {
		t.Fatal(err)
	}
	at := wallClock()
	for k, c := range chains {
		t.Run(c.name, func(t *testing.T) {
			csca, security := foreign(t, k, o.Content())
			a, err := cert.Parse(csca)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.CheckAuthority(); err != nil {
				t.Fatal(err)
			}
			if got, err := chip.Authenticate(chip.Image{Security: security, Files: i.Files}, chip.TrustList{a}, at); err != nil || got.Personal.Name != "Nguyễn Thị Minh Hà" {
				t.Fatal(err)
			}
			if _, err := chip.Authenticate(chip.Image{Security: spoil(security), Files: i.Files}, chip.TrustList{a}, at); !errors.Is(err, chip.ErrSignature) {
				t.Errorf("altered signature: %v", err)
			}
			if _, err := chip.Authenticate(chip.Image{Security: security, Files: i.Files}, vn.trust(t), at); !errors.Is(err, chip.ErrUntrusted) {
				t.Errorf("another authority: %v", err)
			}
		})
	}
}

// TestForgedParameters: the attack is CVE-2020-0601 on a whole certificate: an
// authority's certificate with its public key but a generator of the forger's.
func TestForgedParameters(t *testing.T) {
	csca, _ := foreign(t, 0, []byte{0x30, 0})
	a, err := cert.Parse(csca)
	if err != nil {
		t.Fatal(err)
	}
	g := a.Key.Curve.Marshal(curve.Point{X: a.Key.Curve.X, Y: a.Key.Curve.Y})
	own := a.Key.Curve.Marshal(a.Key.Point) // with the key itself as generator, its secret is 1
	forged := bytes.Replace(csca, g, own, 1)
	if bytes.Equal(forged, csca) {
		t.Fatal("nothing was altered")
	}
	if _, err := cert.Parse(forged); !errors.Is(err, curve.ErrUnknown) {
		t.Fatal(fmt.Errorf("a chosen generator went through: %w", err))
	}
}
