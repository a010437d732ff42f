// SPDX-License-Identifier: Apache-2.0

package mrz_test

import (
	"errors"
	"strings"
	"testing"

	"danh/internal/clock"
	"danh/internal/mrz"
)

var today = clock.Date{Year: 2026, Month: 11, Day: 21}

func date(t testing.TB, s string) clock.Date {
	t.Helper()
	d, err := clock.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The first vector is synthetic, computed by hand; the others are the specimens
// of Doc 9303-5, appendix B (TD1) and 9303-4, appendix B (TD3), Utopia.
func TestVectors(t *testing.T) {
	doc, optional, err := mrz.NumberField("079199000123")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		text string
		want mrz.Zone
	}{
		{"IDVNM1990001239079199000123<<9\n9902037F3902035VNM<<<<<<<<<<<2\nNGUYEN<<THI<MINH<HA<<<<<<<<<<<", mrz.Zone{Document: "ID", Issuer: "VNM", Number: doc,
			Nationality: "VNM", Birth: date(t, "1999-02-03"), Sex: "F", Expiry: date(t, "2039-02-03"), Optional: optional, Primary: "NGUYEN", Secondary: "THI MINH HA"}},
		{"I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<", mrz.Zone{Document: "I", Issuer: "UTO", Number: "D23145890",
			Nationality: "UTO", Birth: date(t, "1974-08-12"), Sex: "F", Expiry: date(t, "2012-04-15"), Primary: "ERIKSSON", Secondary: "ANNA MARIA"}},
		{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10", mrz.Zone{Document: "P", Issuer: "UTO", Number: "L898902C3",
			Nationality: "UTO", Birth: date(t, "1974-08-12"), Sex: "F", Expiry: date(t, "2012-04-15"), Optional: "ZE184226B", Primary: "ERIKSSON", Secondary: "ANNA MARIA"}},
	} {
		got, err := mrz.Parse(v.text, today)
		if err != nil || got != v.want {
			t.Errorf("%+v, %v, want %+v", got, err, v.want)
		}
		var lines []string
		if strings.HasPrefix(v.text, "P") {
			l, werr := v.want.TD3()
			lines, err = l[:], werr
		} else {
			l, werr := v.want.TD1()
			lines, err = l[:], werr
		}
		if err != nil || strings.Join(lines, "\n") != v.text {
			t.Errorf("wrote %q, %v", lines, err)
		}
	}
	z, err := mrz.Parse("IDVNM1990001239079199000123<<9\n9902037F3902035VNM<<<<<<<<<<<2\nNGUYEN<<THI<MINH<HA<<<<<<<<<<<", today)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := z.ReadNumberField(); err != nil || n != "079199000123" {
		t.Fatal(n, err)
	}
}

// TestAnyDigitAltered: the attack changes one digit of a number or date.
func TestAnyDigitAltered(t *testing.T) {
	text := "IDVNM1990001239079199000123<<99902037F3902035VNM<<<<<<<<<<<2NGUYEN<<THI<MINH<HA<<<<<<<<<<<"
	n := 0
	for i := range text[:60] {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		n++
		altered := text[:i] + string('0'+(text[i]-'0'+1)%10) + text[i+1:]
		if _, err := mrz.Parse(altered, today); err == nil {
			t.Errorf("position %d altered went through", i)
		}
	}
	if n < 30 {
		t.Fatalf("only %d positions", n)
	}
}

// TestNumberPartsContradict: the attack puts another person's whole number
// beside a document number and computes every check digit.
func TestNumberPartsContradict(t *testing.T) {
	doc, _, _ := mrz.NumberField("079199000123")
	_, optional, _ := mrz.NumberField("001190999901")
	z := mrz.Zone{Document: "ID", Issuer: "VNM", Nationality: "VNM", Number: doc, Optional: optional, Birth: date(t, "1999-02-03"), Sex: "F", Primary: "NGUYEN"}
	l, err := z.TD1()
	if err != nil {
		t.Fatal(err)
	}
	got, err := mrz.Parse(strings.Join(l[:], ""), today)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := got.ReadNumberField(); !errors.Is(err, mrz.ErrCheck) {
		t.Fatal(err)
	}
}

func TestEdges(t *testing.T) {
	base := mrz.Zone{Document: "ID", Issuer: "VNM", Nationality: "VNM", Number: "199000123", Primary: "TRAN", Birth: clock.Date{Year: 1942}}
	l, err := base.TD1()
	if err != nil || !strings.HasPrefix(l[1], "42<<<<") || l[1][8:14] != "991231" {
		t.Fatal(l, err)
	}
	z, err := mrz.Parse(strings.Join(l[:], ""), today)
	if err != nil || z.Birth != base.Birth || !z.Expiry.IsZero() || z.Sex != "" {
		t.Fatal(z, err)
	}
	long := base
	long.Primary, long.Secondary = mrz.SplitVietnamese("Nguyễn Phước Vĩnh Thụy Hoàng Thị Đoan Trang")
	if l, err = long.TD1(); err != nil || len(l[2]) != 30 || !strings.HasPrefix(l[2], "NGUYEN<<PHUOC<") {
		t.Fatal(l, err)
	}
	if z, err = mrz.Parse(strings.Join(l[:], ""), today); err != nil || !z.Truncated {
		t.Fatal(z, err)
	}
	if got := mrz.Fold("Đặng Ngọc-Ánh O’Brien ß"); got != "DANG NGOC ANH OBRIEN SS" {
		t.Fatal(got)
	}
	for name, bad := range map[string]func(*mrz.Zone){
		"no birth":     func(z *mrz.Zone) { z.Birth = clock.Date{} },
		"number":       func(z *mrz.Zone) { z.Number = "1234567890" },
		"sex":          func(z *mrz.Zone) { z.Sex = "Q" },
		"name":         func(z *mrz.Zone) { z.Primary = "Trần" },
		"no name":      func(z *mrz.Zone) { z.Primary = "" },
		"year expiry":  func(z *mrz.Zone) { z.Expiry = clock.Date{Year: 2030} },
		"open filler":  func(z *mrz.Zone) { z.Optional = "12<" },
		"lower issuer": func(z *mrz.Zone) { z.Issuer = "vnm" },
	} {
		c := base
		bad(&c)
		if _, err := c.TD1(); err == nil {
			t.Errorf("%s went through", name)
		}
	}
}

// FuzzParse: whatever reads as a zone is written back the same, except for
// names that a field's end cut and fillers that say the same.
func FuzzParse(f *testing.F) {
	f.Add("IDVNM1990001239079199000123<<99902037F3902035VNM<<<<<<<<<<<2NGUYEN<<THI<MINH<HA<<<<<<<<<<<")
	f.Add("I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
	f.Add("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10")
	f.Fuzz(func(t *testing.T, text string) {
		z, err := mrz.Parse(text, today)
		if err != nil {
			return
		}
		var again string
		if l, err := z.TD1(); len(strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(text)) == 90 {
			if err != nil {
				t.Fatalf("read but not written: %v", err)
			}
			again = strings.Join(l[:], "")
		} else {
			if z.Expiry.IsZero() {
				return // a passport always expires; 99-12-31 is read as "never"
			}
			l, err := z.TD3()
			if err != nil {
				t.Fatalf("read but not written: %v", err)
			}
			again = strings.Join(l[:], "")
		}
		y, err := mrz.Parse(again, today)
		if err != nil || y != z {
			t.Fatalf("%+v came back as %+v, %v", z, y, err)
		}
	})
}
