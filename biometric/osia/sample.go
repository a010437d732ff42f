// SPDX-License-Identifier: Apache-2.0

package osia

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strconv"

	"danh/biometric"
	"danh/internal/fmr"
	wire "danh/internal/osia"
)

func position(i int) fmr.Position { return fmr.Position(i) }

// data turns samples into the interface's. Faces are left out when the engine
// does not compare them.
func (c *Client) data(ctx context.Context, samples []biometric.Sample) ([]wire.BiometricData, error) {
	samples, err := biometric.Extracted(ctx, c.c.Extract, samples)
	if err != nil {
		return nil, err
	}
	var out []wire.BiometricData
	tries := map[fmr.Position]int{}
	for _, s := range samples {
		if s.Kind == biometric.Face {
			if c.c.Faces {
				out = append(out, wire.BiometricData{BiometricType: wire.TypeFace, BiometricSubType: wire.SubTypePortrait,
					Image: s.Portrait, MimeType: http.DetectContentType(s.Portrait)})
			}
			continue
		}
		d := wire.BiometricData{BiometricType: wire.TypeFinger, BiometricSubType: wire.SubTypes[s.Position], Instance: strconv.Itoa(tries[s.Position])}
		tries[s.Position]++
		if s.Missing != "" {
			d.Missing = []wire.Missing{{BiometricSubType: d.BiometricSubType, Presence: presence[s.Missing]}}
			out = append(out, d)
			continue
		}
		if d.Template, err = s.Template.Record().Marshal(); err != nil {
			return nil, fmt.Errorf("write a template: %w", err)
		}
		d.TemplateFormat, d.ImpressionType = wire.FormatISO, wire.ImpressionLive
		d.Quality, d.QualityFormat = int(s.Template.Quality), s.Template.Engine.Name
		d.Algorithm, d.Vendor = s.Template.Engine.Version, s.Template.Engine.Name
		if c.c.Images && s.Image.Gray != nil {
			if d.Image, err = encode(s.Image.Gray); err != nil {
				return nil, err
			}
			d.MimeType, d.Compression, d.Resolution, d.BitDepth = "image/png", "PNG", s.Image.DPI, 8
			d.Width, d.Height = s.Image.Rect.Dx(), s.Image.Rect.Dy()
		}
		out = append(out, d)
	}
	return out, nil
}

var presence = map[biometric.Missing]string{
	biometric.Amputated: wire.PresenceAmputated, biometric.Bandaged: wire.PresenceBandaged, biometric.Damaged: wire.PresenceDamaged,
}

func encode(g *image.Gray) ([]byte, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, g); err != nil {
		return nil, fmt.Errorf("write an image: %w", err)
	}
	return b.Bytes(), nil
}
