// SPDX-License-Identifier: Apache-2.0

package fmr_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"danh/internal/fmr"
)

// published is a record of five minutiae set by hand, from the tests of a
// public templating tool (300×400 pixels at 197 per centimetre).
const published = "464D5200203230000000003C0000012C019000C500C5010000105B05" +
	"4087000B6600" + "80B5003B6700" + "407100176C00" + "407600346D00" + "80A0004BE200" + "0000"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPublishedRecord(t *testing.T) {
	raw := unhex(t, published)
	r, err := fmr.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := fmr.Record{Width: 300, Height: 400, XRes: 197, YRes: 197, Views: []fmr.View{{
		Position: fmr.Unknown, Number: 1, Quality: 91, Minutiae: []fmr.Minutia{
			{X: 135, Y: 11, Angle: 0x6600, Type: fmr.Ending}, {X: 181, Y: 59, Angle: 0x6700, Type: fmr.Bifurcation},
			{X: 113, Y: 23, Angle: 0x6c00, Type: fmr.Ending}, {X: 118, Y: 52, Angle: 0x6d00, Type: fmr.Ending},
			{X: 160, Y: 75, Angle: 0xe200, Type: fmr.Bifurcation},
		}}}}
	if !reflect.DeepEqual(r, want) {
		t.Fatalf("got %+v", r)
	}
	back, err := r.Marshal()
	if err != nil || !bytes.Equal(back, raw) {
		t.Fatalf("marshalled to %x, %v", back, err)
	}
}

// TestRecordWithTwoViewsAndExtendedData lays a record out by the clauses of the standard.
func TestRecordWithTwoViewsAndExtendedData(t *testing.T) {
	raw := unhex(t, "464d5200"+"20323000"+"00000048"+"8001"+"0100"+"0200"+"00c5"+"00c5"+"02"+"00"+
		"02"+"10"+"50"+"01"+"4010"+"0020"+"40"+"64"+"000a"+"0101"+"000a"+"010203040506"+
		"07"+"01"+"00"+"02"+"80ff"+"01ff"+"ff"+"01"+"0000"+"0000"+"00"+"00"+"0000")
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)))
	r, err := fmr.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Views) != 2 || r.Capture != 0x8001 || r.Views[0].Position != fmr.RightIndex || r.Views[0].Number != 1 ||
		len(r.Views[0].Extended) != 10 || r.Views[1].Position != fmr.LeftIndex || r.Views[1].Impression != 1 ||
		r.Views[1].Minutiae[0] != (fmr.Minutia{X: 255, Y: 511, Angle: 0xff00, Type: fmr.Bifurcation, Quality: 1}) {
		t.Fatalf("got %+v", r)
	}
	back, err := r.Marshal()
	if err != nil || !bytes.Equal(back, raw) {
		t.Fatalf("marshalled to %x, %v", back, err)
	}
}

func TestDamagedRecordsAreRefused(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":                   func(b []byte) []byte { return nil },
		"another format":          func(b []byte) []byte { copy(b, "FIR\x00"); return b },
		"version of 2011":         func(b []byte) []byte { copy(b[4:], "030\x00"); return b },
		"truncated":               func(b []byte) []byte { return b[:len(b)-3] },
		"truncated, length fixed": func(b []byte) []byte { b = b[:len(b)-8]; b[11] = byte(len(b)); return b },
		"appended bytes":          func(b []byte) []byte { b = append(b, 0); b[11]++; return b },
		"length beyond the end":   func(b []byte) []byte { b[8] = 0xff; return b },
		"more minutiae than data": func(b []byte) []byte { b[27] = 255; return b },
		"more views than data":    func(b []byte) []byte { b[22] = 200; return b },
		"minutia of type 3":       func(b []byte) []byte { b[28] |= 0xc0; return b },
		"reserved bits":           func(b []byte) []byte { b[30] |= 0x40; return b },
		"reserved byte":           func(b []byte) []byte { b[23] = 1; return b },
		"minutia off the image":   func(b []byte) []byte { b[28] = 0x7f; return b },
		"eleventh finger":         func(b []byte) []byte { b[24] = 11; return b },
		"extended data of 1 byte": func(b []byte) []byte { b = append(b, 0); b[11]++; b[len(b)-2] = 1; return b },
		"a bomb of zeroes":        func(b []byte) []byte { return append(b, make([]byte, fmr.Max)...) },
	} {
		if r, err := fmr.Parse(damage(unhex(t, published))); !errors.Is(err, fmr.ErrRecord) {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
	}
}

func TestCompactKeepsFineAngles(t *testing.T) {
	p := fmr.Print{Width: 400, Height: 500, DPI: 500, View: fmr.View{Position: fmr.LeftRing, Quality: 77,
		Minutiae: []fmr.Minutia{{X: 399, Y: 0, Angle: 0x1234, Type: fmr.Ending}, {X: 0, Y: 499, Angle: 0xffff, Type: fmr.Bifurcation}}}}
	b, err := p.MarshalCompact()
	if err != nil {
		t.Fatal(err)
	}
	back, err := fmr.ParseCompact(b)
	if err != nil || !reflect.DeepEqual(p, back) {
		t.Fatalf("got %+v, %v", back, err)
	}
	for n := range b {
		if _, err := fmr.ParseCompact(b[:n]); !errors.Is(err, fmr.ErrCompact) {
			t.Fatalf("the first %d bytes parsed", n)
		}
	}
	if _, err := fmr.ParseCompact(append(b, 0)); !errors.Is(err, fmr.ErrCompact) {
		t.Fatal("an appended byte parsed")
	}
}

func TestRecordAndPrintAgreeOnResolution(t *testing.T) {
	for _, dpi := range []uint16{250, 300, 500, 508, 1000} {
		p := fmr.Print{Width: 10, Height: 10, DPI: dpi}
		back, err := p.Record().Prints()
		if err != nil || len(back) != 1 || int(back[0].DPI)-int(dpi) > 1 || int(dpi)-int(back[0].DPI) > 1 {
			t.Errorf("%d dpi became %+v, %v", dpi, back, err)
		}
	}
	if _, err := (fmr.Record{XRes: 197, YRes: 98, Views: []fmr.View{{}}}).Prints(); err == nil {
		t.Error("a record with oblong pixels was accepted")
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(unhex(f, published))
	f.Add([]byte("FMR\x00 20\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := fmr.Parse(b)
		if err != nil {
			return
		}
		back, err := r.Marshal()
		if err != nil || !bytes.Equal(back, b) {
			t.Fatalf("parsed %x but marshalled %x, %v", b, back, err)
		}
	})
}

func FuzzCompact(f *testing.F) {
	b, err := fmr.Print{Width: 9, Height: 9, DPI: 500, View: fmr.View{Minutiae: []fmr.Minutia{{X: 1, Y: 2, Angle: 3, Type: fmr.Ending}}}}.MarshalCompact()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := fmr.ParseCompact(b)
		if err != nil {
			return
		}
		back, err := p.MarshalCompact()
		if err != nil || !bytes.Equal(back, b) {
			t.Fatalf("parsed %x but marshalled %x, %v", b, back, err)
		}
	})
}
