// SPDX-License-Identifier: Apache-2.0

package place_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"danh/account/place"
	"danh/sandbox"
)

const head = "network,place_vi,place_en,lat,lon\n"

func TestPlaceOfAnAddress(t *testing.T) {
	b, err := place.Parse(strings.NewReader(head + "127.0.0.0/16,Miền Bắc,The north,21.03,105.85\n127.0.2.0/24,Đà Nẵng,Da Nang,16.0544,108.2022\n2001:db8::/32,Huế,Hue,16.46,107.59\n"))
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"127.0.2.9": "Đà Nẵng", "127.0.3.9": "Miền Bắc", "::ffff:127.0.2.9": "Đà Nẵng", "2001:db8::7": "Huế", "fe80::1%eth0": "", "::1": "", "10.0.0.1": "", "nowhere": "", "": "",
	} {
		p, ok := b.Place(address)
		if p.VI != want || ok != (want != "") || p.Known() != ok {
			t.Errorf("%q is at %q", address, p.VI)
		}
	}
	if p, _ := b.Place("127.0.2.9"); p.Lat != 16.1 || p.Lon != 108.2 || p.In("en") != "Da Nang" || p.In("vi") != "Đà Nẵng" {
		t.Errorf("%+v: the place is finer than a tenth of a degree, or misnamed", p)
	}
}

// A list with one bad line is refused whole, and the line is named.
func TestDoubtfulListIsRefused(t *testing.T) {
	const good = "127.0.1.0/24,Hà Nội,Hanoi,21.0,105.8\n"
	for bad, says := range map[string]string{
		"":                                        "empty",
		"a,b,c\n":                                 "wrong number of fields",
		"net,vi,en,lat,lon\n":                     "first line must be",
		head:                                      "names no network",
		head + good + good:                        "line 3: 127.0.1.0/24 stands twice",
		head + "127.0.1.7/24,A,A,1,1\n":           "line 2: 127.0.1.7/24 has bits",
		head + "127.0.1.0,A,A,1,1\n":              "line 2: \"127.0.1.0\" is no network",
		head + "0.0.0.0/0,A,A,1,1\n":              "everywhere",
		head + "::ffff:10.0.0.0/104,A,A,1,1\n":    "written as IPv6",
		head + "10.0.0.0/8,,A,1,1\n":              "no name of a place",
		head + "10.0.0.0/8,A,<b>,1,1\n":           "no name of a place",
		head + "10.0.0.0/8,A,\" A\",1,1\n":        "no name of a place",
		head + "10.0.0.0/8,{x},A,1,1\n":           "no name of a place",
		head + "10.0.0.0/8,A,A,91,1\n":            "lat: \"91\"",
		head + "10.0.0.0/8,A,A,1,-180.5\n":        "lon: \"-180.5\"",
		head + "10.0.0.0/8,A,A,NaN,1\n":           "lat: \"NaN\"",
		head + "10.0.0.0/8,A,A,1\n":               "wrong number of fields",
		head + good + "10.0.0.0/8,A,A,1,1,2\n":    "line 3",
		head + strings.Repeat("A", 70) + ",,,,\n": "line 2",
	} {
		if _, err := place.Parse(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60q: %v, wanted %q", bad, err, says)
		}
	}
}

func TestSpeed(t *testing.T) {
	hanoi, saigon := place.Place{VI: "Hà Nội", Lat: 21.0, Lon: 105.8}, place.Place{VI: "TP.HCM", Lat: 10.8, Lon: 106.7}
	if d := place.Distance(hanoi, saigon); d < 1120 || d > 1160 {
		t.Errorf("Hà Nội to TP.HCM is %.0f km", d)
	}
	if d := place.Distance(place.Place{Lat: 0, Lon: 179.9}, place.Place{Lat: 0, Lon: -179.9}); d > 25 {
		t.Errorf("across the date line: %.0f km", d)
	}
	if d := place.Distance(place.Place{Lat: 90}, place.Place{Lat: -90, Lon: 77}); math.Abs(d-math.Pi*6371) > 1 {
		t.Errorf("pole to pole: %.0f km", d)
	}
	if _, v := place.Speed(hanoi, saigon, 2*time.Hour, 100); v < 560 || v > 580 {
		t.Errorf("%.0f km/h", v)
	}
	if _, v := place.Speed(hanoi, saigon, 0, 100); !math.IsInf(v, 1) {
		t.Errorf("in no time: %g km/h", v)
	}
	if _, v := place.Speed(hanoi, hanoi, 0, 100); v != 0 {
		t.Errorf("at one place: %g km/h", v)
	}
}

// TestSandboxPlaces: the sample list is one that the server takes.
func TestSandboxPlaces(t *testing.T) {
	b, err := place.Parse(strings.NewReader(string(sandbox.Places)))
	if err != nil || b.Len() < 6 {
		t.Fatal(b, err)
	}
	if p, ok := b.Place("127.0.2.5"); !ok || p.VI != "Đà Nẵng" {
		t.Errorf("%+v", p)
	}
	if _, ok := b.Place("127.0.0.1"); ok {
		t.Error("the tester's own address is at a place: nobody would see what an unknown one looks like")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(head + "127.0.2.0/24,Đà Nẵng,Da Nang,16.1,108.2\n")
	f.Add(string(sandbox.Places))
	f.Fuzz(func(t *testing.T, s string) {
		b, err := place.Parse(strings.NewReader(s))
		if err != nil {
			return
		}
		if p, ok := b.Place("127.0.2.5"); ok && (!p.Known() || p.Lat < -90 || p.Lat > 90 || p.Lon < -180 || p.Lon > 180) {
			t.Errorf("%+v", p)
		}
	})
}
