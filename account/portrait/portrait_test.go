// SPDX-License-Identifier: Apache-2.0

package portrait_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"danh/account/portrait"
	"danh/internal/fault"
)

// halves is a picture whose left half is red and whose right half is blue.
func halves(w, h int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{200, 0, 0, 255}
			if x >= w/2 {
				c = color.RGBA{0, 0, 200, 255}
			}
			img.Set(x, y, c)
		}
	}
	return img
}

func asJPEG(img image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// withExif puts an Exif segment with an orientation and a telling text behind SOI.
func withExif(j []byte, turn uint16, order binary.AppendByteOrder, mark string) []byte {
	t := []byte(mark)
	t = order.AppendUint16(t, 42)
	t = order.AppendUint32(t, 8)
	t = order.AppendUint16(t, 1)
	t = order.AppendUint16(t, 0x0112)
	t = order.AppendUint16(t, 3)
	t = order.AppendUint32(t, 1)
	t = order.AppendUint16(t, turn)
	t = append(t, 0, 0, 0, 0, 0, 0)
	t = append(t, "GPS 21.0278N 105.8342E"...)
	seg := append([]byte("Exif\x00\x00"), t...)
	out := append([]byte{}, j[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(seg)+2))
	return append(append(out, seg...), j[2:]...)
}

func reddish(c color.Color) bool {
	r, _, b, _ := c.RGBA()
	return r > b
}

func TestPrepareDropsWhatIsHidden(t *testing.T) {
	out, err := portrait.NewStudio().Prepare(context.Background(), bytes.NewReader(withExif(asJPEG(halves(400, 500)), 1, binary.BigEndian, "MM")))
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"GPS", "Exif"} {
		if bytes.Contains(out, []byte(hidden)) {
			t.Errorf("%s is still there", hidden)
		}
	}
}

func TestPrepareTurnsUpright(t *testing.T) {
	// Where the red half lies once a picture of 640×480 is upright.
	for turn, where := range map[uint16]struct {
		w, h       int
		redX, redY int
	}{
		1: {640, 480, 100, 240}, 2: {640, 480, 540, 240}, 3: {640, 480, 540, 240}, 4: {640, 480, 100, 240},
		5: {480, 640, 240, 100}, 6: {480, 640, 240, 100}, 7: {480, 640, 240, 540}, 8: {480, 640, 240, 540},
	} {
		for mark, order := range map[string]binary.AppendByteOrder{"MM": binary.BigEndian, "II": binary.LittleEndian} {
			out, err := portrait.NewStudio().Prepare(context.Background(), bytes.NewReader(withExif(asJPEG(halves(640, 480)), turn, order, mark)))
			if err != nil {
				t.Fatal(err)
			}
			img, err := jpeg.Decode(bytes.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			if b := img.Bounds(); b.Dx() != where.w || b.Dy() != where.h || !reddish(img.At(where.redX, where.redY)) || reddish(img.At(where.w-1-where.redX, where.h-1-where.redY)) {
				t.Errorf("%s %d: %v", mark, turn, b)
			}
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	var small bytes.Buffer
	if err := png.Encode(&small, halves(100, 100)); err != nil {
		t.Fatal(err)
	}
	bomb := append([]byte{}, small.Bytes()...) // a header that promises 60,000 × 60,000 pixels
	binary.BigEndian.PutUint32(bomb[16:], 60000)
	binary.BigEndian.PutUint32(bomb[20:], 60000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	j := asJPEG(halves(400, 500))
	for name, c := range map[string]struct {
		in  []byte
		key string
	}{
		"nothing":   {nil, "account.portrait.missing"},
		"a paper":   {[]byte("%PDF-1.7 …"), "account.portrait.kind"},
		"a script":  {[]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), "account.portrait.kind"},
		"an icon":   {small.Bytes(), "account.portrait.too_small"},
		"a bomb":    {bomb, "account.portrait.too_large"},
		"a torn":    {j[:len(j)/2], "account.portrait.unreadable"},
		"too large": {make([]byte, portrait.MaxBytes+1), "account.portrait.too_large"},
	} {
		_, err := portrait.NewStudio().Prepare(context.Background(), bytes.NewReader(c.in))
		if f := fault.Of(err); f == nil || f.Key != c.key {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrepareScalesDown(t *testing.T) {
	out, err := portrait.NewStudio().Prepare(context.Background(), bytes.NewReader(asJPEG(halves(3000, 4000))))
	if err != nil {
		t.Fatal(err)
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(out))
	if err != nil || c.Width != 720 || c.Height != 960 {
		t.Errorf("%v %v", c, err)
	}
}

func FuzzPrepare(f *testing.F) {
	j := asJPEG(halves(300, 400))
	f.Add(j)
	f.Add(withExif(j, 6, binary.LittleEndian, "II"))
	f.Add(withExif(j, 9, binary.BigEndian, "MM")[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			t.Skip()
		}
		out, err := portrait.NewStudio().Prepare(context.Background(), bytes.NewReader(b))
		if err == nil {
			if _, err := jpeg.Decode(bytes.NewReader(out)); err != nil {
				t.Error("the outcome is no picture")
			}
		}
	})
}

// Small files that unfold into huge pictures come in by the dozen: the memory
// they take stays that of a few.
func TestManyHugePicturesAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes large pictures")
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 5000, 5000))); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 1<<20 {
		t.Fatalf("%d bytes", b.Len())
	}
	s := portrait.NewStudio()
	var most atomic.Uint64
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapInuse))
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			if _, err := s.Prepare(t.Context(), bytes.NewReader(b.Bytes())); err != nil && !fault.Is(err, fault.TooMany) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(stop)
	watch.Wait()
	t.Logf("at most %d MiB", most.Load()>>20)
	if most.Load() > 300<<20 {
		t.Errorf("took %d MiB", most.Load()>>20)
	}
}
