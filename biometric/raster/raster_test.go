// SPDX-License-Identifier: Apache-2.0

package raster_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"danh/biometric/raster"
	"danh/internal/fault"
)

func noise(w, h int) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range g.Pix {
		g.Pix[i] = uint8(r.Uint32())
	}
	return g
}

func pgm(g *image.Gray, head string) []byte {
	return append(fmt.Appendf(nil, head, g.Rect.Dx(), g.Rect.Dy()), g.Pix...)
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// chunk puts a chunk behind a PNG's header.
func chunk(b []byte, kind string, data []byte) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	c = append(append(c, kind...), data...)
	c = binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
	return append(append(bytes.Clone(b[:33]), c...), b[33:]...)
}

func TestFormatsGiveTheSamePixels(t *testing.T) {
	g := noise(80, 70)
	turned := image.NewNRGBA(image.Rect(5, 5, 85, 75))
	for y := range 70 {
		for x := range 80 {
			turned.Set(x+5, y+5, g.GrayAt(x, y))
		}
	}
	raw, err := raster.Raw(g.Pix, 80, 70, 500)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"pgm": pgm(g, "P5\n%d %d\n255\n"), "pgm with comments": pgm(g, "P5 # of a scanner\n%d\t%d # size\n255 "),
		"png": pngOf(t, g), "png in colour": pngOf(t, turned),
	} {
		m, err := raster.Read(b, 0)
		if err != nil || m.DPI != 500 || !bytes.Equal(m.Pix, raw.Pix) {
			t.Errorf("%s: %v, dpi %d", name, err, m.DPI)
		}
	}
}

func TestTransparentIsWhite(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	m.Set(3, 3, color.NRGBA{0, 0, 0, 255})
	got, err := raster.Read(pngOf(t, m), 0)
	if err != nil || got.GrayAt(0, 0).Y != 255 || got.GrayAt(3, 3).Y != 0 {
		t.Fatalf("%v %v %v", err, got.GrayAt(0, 0), got.GrayAt(3, 3))
	}
}

func TestResolution(t *testing.T) {
	b := pngOf(t, noise(64, 64))
	phys := func(perMetre uint32) []byte {
		d := binary.BigEndian.AppendUint32(nil, perMetre)
		return chunk(b, "pHYs", append(binary.BigEndian.AppendUint32(d, perMetre), 1))
	}
	for _, c := range []struct {
		b        []byte
		said     int
		want     int
		refusing bool
	}{
		{b, 0, 500, false}, {phys(39370), 0, 1000, false}, {phys(19685), 300, 300, false},
		{phys(2835), 0, 500, false}, // 72 dpi is a screen's word, not a scanner's
		{b, 50, 0, true}, {b, 100_000, 0, true},
	} {
		m, err := raster.Read(c.b, c.said)
		if c.refusing != fault.Is(err, fault.Invalid) || err == nil && m.DPI != c.want {
			t.Errorf("said %d: got %d, %v; want %d", c.said, m.DPI, err, c.want)
		}
	}
}

func TestBombsAndDamageAreRefused(t *testing.T) {
	small := pngOf(t, noise(64, 64))
	bomb := bytes.Clone(small)
	binary.BigEndian.PutUint32(bomb[16:], 60_000)
	binary.BigEndian.PutUint32(bomb[20:], 60_000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	for name, c := range map[string]struct {
		b   []byte
		key string
	}{
		"empty":                        {nil, "format"},
		"a text":                       {[]byte("hello"), "format"},
		"a GIF":                        {[]byte("GIF89a"), "format"},
		"PNG of 3.6 gigapixels":        {bomb, "too_many_pixels"},
		"PGM of 3.6 gigapixels":        {[]byte("P5 60000 60000 255 x"), "too_many_pixels"},
		"PGM whose size overflows":     {[]byte("P5 99999999999999999999 9 255 x"), "too_many_pixels"},
		"nine megabytes":               {make([]byte, 9<<20), "too_many_bytes"},
		"truncated PNG":                {small[:len(small)/2], "damaged"},
		"PNG header alone":             {small[:30], "damaged"},
		"truncated PGM":                {pgm(noise(64, 64), "P5\n%d %d\n255\n")[:900], "truncated"},
		"PGM with a tail":              {append(pgm(noise(64, 64), "P5\n%d %d\n255\n"), 1), "damaged"},
		"PGM of 16 bits":               {pgm(noise(64, 64), "P5\n%d %d\n65535\n"), "damaged"},
		"PGM brighter than its white":  {pgm(noise(64, 64), "P5\n%d %d\n9\n"), "damaged"},
		"PGM without a size":           {[]byte("P5\n\n"), "damaged"},
		"an image of a few pixels":     {pngOf(t, noise(8, 8)), "too_small"},
		"PGM with a comment to nobody": {[]byte("P5 #"), "damaged"},
	} {
		_, err := raster.Read(c.b, 0)
		if f := fault.Of(err); f == nil || f.Key != "biometric.image."+c.key {
			t.Errorf("%s: %v, want %s", name, err, c.key)
		}
	}
	if _, err := raster.Raw(make([]byte, 100), 64, 64, 500); fault.Of(err) == nil {
		t.Error("raw pixels that are too few were taken")
	}
	if _, err := raster.Raw(nil, 1<<40, 1<<40, 500); fault.Of(err) == nil {
		t.Error("raw pixels of a size that overflows were taken")
	}
	if _, err := raster.Portrait(bomb); fault.Of(err) == nil {
		t.Error("a portrait of 3.6 gigapixels was taken")
	}
}

func TestPortraitReadsJPEG(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, noise(90, 120), nil); err != nil {
		t.Fatal(err)
	}
	m, err := raster.Portrait(b.Bytes())
	if err != nil || m.Bounds().Dy() != 120 {
		t.Fatal(err)
	}
	if _, err := raster.Portrait(b.Bytes()[:b.Len()/3]); err == nil {
		t.Fatal("half a JPEG was taken")
	}
}

func TestSamplesRead(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.pgm")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d sample images, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := raster.Read(b, 0); err != nil || m.Rect.Dx() != 416 || m.Rect.Dy() != 560 {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(pngOf(f, noise(64, 64)))
	f.Add(pgm(noise(64, 64), "P5\n%d %d\n255\n"))
	f.Add([]byte("P5 60000 60000 255 x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := raster.Read(b, 0)
		if err != nil {
			return
		}
		if len(m.Pix) < m.Rect.Dx()*m.Rect.Dy() || m.Rect.Dx()*m.Rect.Dy() > raster.MaxPixels {
			t.Fatalf("read %v with %d pixels", m.Rect, len(m.Pix))
		}
	})
}
