// SPDX-License-Identifier: Apache-2.0

package form_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"danh/enrolment/form"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/keys"
)

func sealer(t testing.TB) (*form.Sealer, *keys.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	k, err := keys.Open(keys.Config{Dir: dir, Clock: clock.NewFake(at)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := form.NewSealer(k, "Danh, dữ liệu mẫu")
	if err != nil {
		t.Fatal(err)
	}
	return s, k, dir
}

func seal(t testing.TB, s *form.Sealer, pdf []byte) []byte {
	t.Helper()
	out, err := s.Seal(pdf, "Phiếu đề nghị (đã ký)", "Công an phường Thủ Đức", at)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnotherProgramFindsTheSealValid(t *testing.T) {
	s, _, _ := sealer(t)
	for name, x := range samples() {
		plain := draw(t, x)
		sealed := seal(t, s, plain)
		if !bytes.HasPrefix(sealed, plain) {
			t.Errorf("%s: the form's own bytes were changed", name)
		}
		got := tool(t, sealed, "pdfsig", "-nocert", "FILE")
		for _, want := range []string{"Signature is Valid.", "ETSI.CAdES.detached", "SHA-256", "Total document signed", "Danh, dữ liệu mẫu"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: pdfsig does not say %q:\n%s", name, want, got)
			}
		}
		if !strings.Contains(text(t, sealed), "HS-2026-0004-7QK2") {
			t.Errorf("%s cannot be read any more", name)
		}
		c, err := form.Check(sealed)
		if err != nil || c.Name != "Danh, dữ liệu mẫu" || c.Reason != "Phiếu đề nghị (đã ký)" || c.Office != "Công an phường Thủ Đức" || !c.At.Equal(at) || !s.Own(c) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestOneChangedByteBreaksTheSeal(t *testing.T) {
	s, _, _ := sealer(t)
	sealed := seal(t, s, draw(t, samples()["receipt"]))
	for _, at := range []int{12, len(sealed) / 3, bytes.LastIndex(sealed, []byte("/Reason <")) + 14, bytes.LastIndex(sealed, []byte("/M (D:")) + 9, len(sealed) - 8} {
		bad := bytes.Clone(sealed)
		bad[at] ^= 1
		if _, err := form.Check(bad); !errors.Is(err, form.ErrBroken) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	// Another program sees it too. The byte is one that leaves the file readable.
	bad := bytes.Clone(sealed)
	i := bytes.LastIndex(bad, []byte("/Reason <FEFF0050")) + len("/Reason <FEFF005")
	bad[i] = '1'
	if got := tool(t, bad, "pdfsig", "-nocert", "FILE"); strings.Contains(got, "Signature is Valid") || !strings.Contains(got, "Digest Mismatch") {
		t.Errorf("pdfsig says:\n%s", got)
	}
}

// The signature's own place is the only one that it does not cover. What is
// changed there is refused, or (a version number, say) says nothing else; the
// padding holds nothing.
func TestNothingElseIsSaidInTheSignaturesPlace(t *testing.T) {
	s, _, _ := sealer(t)
	sealed := seal(t, s, draw(t, samples()["refusal"]))
	want, err := form.Check(sealed)
	if err != nil {
		t.Fatal(err)
	}
	start := bytes.LastIndex(sealed, []byte("/Contents <")) + len("/Contents <")
	end := start + bytes.IndexByte(sealed[start:], '>')
	padding := start + len(bytes.TrimRight(sealed[start:end], "0")) + 2
	refused, loose := 0, 0
	for i := start; i < end; i++ {
		bad := bytes.Clone(sealed)
		if bad[i] = '0'; sealed[i] == '0' {
			bad[i] = '3'
		}
		got, err := form.Check(bad)
		switch {
		case err != nil:
			refused++
		case i >= padding || !s.Own(got) || got.Reason != want.Reason || got.Office != want.Office || !got.At.Equal(want.At):
			t.Fatalf("digit %d can be changed", i-start)
		default:
			loose++
		}
	}
	if refused < 50*loose {
		t.Errorf("%d refused, %d loose", refused, loose)
	}
}

// Shadow attacks and their kin: something stands in the file that the
// signature does not cover.
func TestNothingHidesBesideTheSeal(t *testing.T) {
	s, _, _ := sealer(t)
	plain := draw(t, samples()["receipt"])
	sealed := seal(t, s, plain)
	again := bytes.TrimSuffix(sealed, []byte("\n"))
	start := bytes.LastIndex(sealed, []byte("/Contents <")) + len("/Contents ")
	end := start + bytes.IndexByte(sealed[start:], '>') + 1
	ranged := func(a, b, c, d int) []byte {
		i := bytes.LastIndex(sealed, []byte("/ByteRange ["))
		j := i + bytes.IndexByte(sealed[i:], ']') + 1
		return bytes.Replace(sealed, sealed[i:j], []byte(fmt.Sprintf("/ByteRange [%d %010d %010d %010d]", a, b, c, d)), 1)
	}
	for name, bad := range map[string][]byte{
		"something is appended":         append(bytes.Clone(sealed), "\n1 0 obj\n<<>>\nendobj\n"...),
		"the end is cut":                again[:len(again)-3],
		"another update is appended":    append(bytes.Clone(sealed), sealed[len(plain):]...),
		"the gap is wider":              ranged(0, start-40, end, len(sealed)-end),
		"the gap is narrower":           ranged(0, start+2, end, len(sealed)-end),
		"the range begins later":        ranged(9, start-9, end, len(sealed)-end),
		"the range ends earlier":        ranged(0, start, end, len(sealed)-end-9),
		"the range ends behind the end": ranged(0, start, end, len(sealed)-end+9),
		"the range is backwards":        ranged(0, end, start, len(sealed)-start),
	} {
		if _, err := form.Check(bad); !errors.Is(err, form.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, none := range map[string][]byte{"unsealed": plain, "empty": nil, "a picture": portrait()} {
		if _, err := form.Check(none); !errors.Is(err, form.ErrUnsealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A forger seals with a key of her own under our name: the seal is whole, and
// it is not ours.
func TestASealUnderABorrowedNameIsNotOurs(t *testing.T) {
	ours, _, _ := sealer(t)
	hers, _, _ := sealer(t)
	c, err := form.Check(seal(t, hers, draw(t, samples()["receipt"])))
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "Danh, dữ liệu mẫu" || ours.Own(c) || !hers.Own(c) {
		t.Errorf("%+v", c)
	}
}

func TestOnlyOwnDrawingsAreSealed(t *testing.T) {
	s, _, _ := sealer(t)
	plain := draw(t, samples()["receipt"])
	for name, bad := range map[string][]byte{"sealed already": seal(t, s, plain), "empty": nil, "cut": plain[:len(plain)-30], "no PDF": portrait(),
		"a broken table": bytes.Replace(plain, []byte("0000000000 65535 f"), []byte("00000000 65535 f"), 1)} {
		if _, err := s.Seal(bad, "", "", at); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Seal(plain, "", "", at.AddDate(20, 0, 0)); err == nil {
		t.Error("sealed at a time when the certificate holds no more")
	}
}

func TestTheCertificateIsTheSameAfterAStart(t *testing.T) {
	s, k, dir := sealer(t)
	first, err := s.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	later := clock.NewFake(at.AddDate(0, 3, 0))
	k2, err := keys.Open(keys.Config{Dir: dir, Clock: later})
	if err != nil {
		t.Fatal(err)
	}
	s2, err := form.NewSealer(k2, "Danh, dữ liệu mẫu")
	if err != nil {
		t.Fatal(err)
	}
	if second, err := s2.Certificate(); err != nil || !bytes.Equal(first, second) {
		t.Errorf("another certificate after a start: %v", err)
	}
	block, _ := pem.Decode(first)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil || c.IsCA || c.KeyUsage&x509.KeyUsageCertSign != 0 || c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
		t.Errorf("%+v, %v", c, err)
	}
	// A rotated key is taken without a start, and what the former one sealed holds.
	old := seal(t, s, draw(t, samples()["receipt"]))
	if _, err := k.Rotate(keys.FormSeal, 0); err != nil {
		t.Fatal(err)
	}
	next, err := form.Check(seal(t, s, draw(t, samples()["receipt"])))
	if err != nil || !s.Own(next) {
		t.Error(err)
	}
	// So does what it sealed years ago, after another start.
	k3, err := keys.Open(keys.Config{Dir: dir, Clock: clock.NewFake(at.AddDate(3, 0, 0))})
	if err != nil {
		t.Fatal(err)
	}
	s3, err := form.NewSealer(k3, "Danh, dữ liệu mẫu")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*form.Sealer{s, s3} {
		if c, err := form.Check(old); err != nil || !x.Own(c) {
			t.Error("the former seal", err)
		}
	}
	if c, err := form.Check(old); err != nil || s3.Own(form.Checked{Certificate: c.Certificate, At: at.AddDate(1, 0, 0)}) {
		t.Error("the former key sealed after its time", err)
	}
}

// What somebody types into a reason cannot leave its string.
func TestAReasonCannotForgeASeal(t *testing.T) {
	s, _, _ := sealer(t)
	out, err := s.Seal(draw(t, samples()["receipt"]), ") /ByteRange [0 1 2 3] /Contents <00> >> endobj", strings.Repeat("ế", 4000), at.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := form.Check(out); err != nil || !strings.HasPrefix(c.Reason, ") /ByteRange") {
		t.Error(c.Reason, err)
	}
}

// small is the least file that can be sealed.
func small() []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.3\n")
	var at []int
	for i, o := range []string{"<</Type /Pages\n/Kids [3 0 R ]\n/Count 1>>", "<<>>", "<</Type /Page /Parent 1 0 R /MediaBox [0 0 9 9]>>", "<<>>", "<<\n/Type /Catalog\n/Pages 1 0 R\n>>"} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 6\n0000000000 65535 f \n")
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<<\n/Size 6\n/Root 5 0 R\n/Info 4 0 R\n>>\nstartxref\n%d\n%%%%EOF\n", start)
	return b.Bytes()
}

func FuzzCheck(f *testing.F) {
	s, _, _ := sealer(f)
	sealed := seal(f, s, small())
	if _, err := form.Check(sealed); err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(small())
	f.Add([]byte("%PDF-1.3 /ByteRange [0 39 43 0]/Contents <00>"))
	gap := bytes.LastIndex(sealed, []byte("/Contents <"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := form.Check(b); err == nil && s.Own(c) && (len(b) != len(sealed) || !bytes.Equal(b[:gap], sealed[:gap])) {
			t.Error("another file under our seal")
		}
		if out, err := s.Seal(b, "r", "o", at); err == nil {
			if _, err := form.Check(out); err != nil {
				t.Error(err)
			}
		}
	})
}
