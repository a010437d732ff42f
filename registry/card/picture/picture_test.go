// SPDX-License-Identifier: Apache-2.0

package picture_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"danh/registry/card/picture"
)

// face draws an invented head for the sample.
func face(t testing.TB) []byte {
	t.Helper()
	const w, h = 360, 480
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			col := color.RGBA{0xdf, 0xe8, 0xec, 255}
			in := func(cx, cy, rx, ry float64) bool {
				return math.Pow((float64(x)-cx)/rx, 2)+math.Pow((float64(y)-cy)/ry, 2) < 1
			}
			switch {
			case in(180, 560, 210, 190):
				col = color.RGBA{0x2c, 0x5d, 0x63, 255}
			case in(180, 220, 92, 122):
				col = color.RGBA{0xe6, 0xb8, 0x98, 255}
			case in(180, 180, 112, 126):
				col = color.RGBA{0x2a, 0x22, 0x20, 255}
			case in(180, 360, 46, 90):
				col = color.RGBA{0xd9, 0xa8, 0x88, 255}
			}
			m.Set(x, y, col)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 88}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sample(t testing.TB) picture.Card {
	return picture.Card{Seed: 20261121, Number: "079199000123", Name: "Nguyễn Thị Minh Hà", Birth: "03/02/1999", Sex: "Nữ", Nation: "Việt Nam", Origin: "Phường Điện Biên, Quận Ba Đình, Thành phố Hà Nội",
		Residence: "Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Thành phố Hà Nội", Issued: "21/11/2026", Expires: "03/02/2039", Portrait: face(t),
		QR:   "079199000123|012999901|Nguyễn Thị Minh Hà|03021999|Nữ|Số 12, ngõ 34, đường Trần Phú, Phường Ba Đình, Thành phố Hà Nội|21112026",
		Zone: [3]string{"IDVNM1990001239079199000123<<9", "9902037F3902035VNM<<<<<<<<<<<2", "NGUYEN<<THI<MINH<HA<<<<<<<<<<<"}}
}

func decode(t testing.TB, b []byte) image.Image {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFaces paints the sample; DANH_CARD_PICTURES names a folder to keep it in.
func TestFaces(t *testing.T) {
	front, back, err := picture.Draw(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("DANH_CARD_PICTURES"); dir != "" {
		for name, b := range map[string][]byte{"front.png": front, "back.png": back} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	f, b := decode(t, front), decode(t, back)
	for _, m := range []image.Image{f, b} {
		if m.Bounds() != image.Rect(0, 0, picture.Width, picture.Height) {
			t.Fatal(m.Bounds())
		}
		if _, _, _, a := m.At(0, 0).RGBA(); a != 0 {
			t.Error("the corner is not round")
		}
		if _, _, _, a := m.At(picture.Width/2, 3).RGBA(); a != 0xffff {
			t.Error("the card has a hole")
		}
	}
	again, err := picture.Front(sample(t))
	if err != nil || !bytes.Equal(again, front) {
		t.Error("the same card looks otherwise", err)
	}
	other := sample(t)
	other.Seed++
	if again, err = picture.Front(other); err != nil || bytes.Equal(again, front) {
		t.Error("two cards share their ground", err)
	}
	for name, change := range map[string]func(*picture.Card){"number": func(c *picture.Card) { c.Number = "079199000124" }, "name": func(c *picture.Card) { c.Name = "Nguyễn Thị Minh Hạ" },
		"expiry": func(c *picture.Card) { c.Expires = "04/02/2039" }} {
		c := sample(t)
		change(&c)
		if again, err = picture.Front(c); err != nil || bytes.Equal(again, front) {
			t.Errorf("%s is not on the face: %v", name, err)
		}
	}
}

// TestGroundIsThatOfThePages: the ground must not silently become plain when
// the pages change how they write it.
func TestGroundIsThatOfThePages(t *testing.T) {
	lines, waters, crosses := picture.CountStripes(7)
	if lines < 20 || waters != 4 || crosses != 12 {
		t.Fatalf("%d lines, %d waters, %d crossing lines", lines, waters, crosses)
	}
}

func TestLongAndMissingValues(t *testing.T) {
	c := sample(t)
	c.Name = "Công Tằng Tôn Nữ Hoàng Thị Phương Thảo Nguyên Anh Thư Quỳnh Như"
	c.Residence = strings.Repeat("Số 12, ngõ 34, đường Trần Phú, ", 12)
	c.Origin = ""
	if _, _, err := picture.Draw(c); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string][]byte{"none": nil, "no picture": []byte("GIF89a....")} {
		c := sample(t)
		c.Portrait = p
		if _, _, err := picture.Draw(c); !errors.Is(err, picture.ErrPortrait) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var row = regexp.MustCompile(`(?m)^\| (font/[a-z0-9.-]+) \| ([0-9a-f]{64}) \|$`)

func TestVendoredFontsAreThoseOfTheTable(t *testing.T) {
	text, err := os.ReadFile("VENDORED.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := row.FindAllStringSubmatch(string(text), -1)
	files, err := filepath.Glob("font/*.ttf")
	if err != nil || len(files) != 2 || len(rows) != 2 {
		t.Fatal(files, rows, err)
	}
	for _, r := range rows {
		b, err := os.ReadFile(r[1])
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha512.Sum512(b); hex.EncodeToString(sum[:32]) != r[2] {
			t.Errorf("%s is not the file of the table", r[1])
		}
	}
}
