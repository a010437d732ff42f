// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"

	"danh/audit"
	"danh/biometric/portrait"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
)

// chipPortrait is the most that a chip holds of a portrait.
const chipPortrait = 64 << 10

// PutPortrait keeps the portrait (JPEG or PNG). A picture with quality hints is
// kept with them and can be retaken; eyes says that the officer saw them on the
// line.
func (o *Office) PutPortrait(ctx context.Context, by audit.Actor, d DossierID, r io.Reader, eyes bool) (Dossier, error) {
	if _, _, err := o.peek(ctx, by, d, actEdit); err != nil { // before the work of reading it
		return Dossier{}, err
	}
	img, err := decodePicture(r)
	if err != nil {
		return Dossier{}, err
	}
	report := portrait.Check(img)
	kept, err := encode(img, 1200, 90)
	if err != nil {
		return Dossier{}, err
	}
	small, err := forChip(img)
	if err != nil {
		return Dossier{}, err
	}
	return o.change(ctx, by, d, step{act: actEdit, action: "portrait.taken", fields: []string{"portrait"}, present: true, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		if !f.need.biometrics {
			return fault.New(fault.Conflict, "enrolment.biometrics.none")
		}
		f.Portrait = &portraitNote{SHA256: digest(kept), Hints: report.Hints, Eyes: eyes, At: clock.FromMicros(clock.Micros(o.c.Clock.Now()))}
		f.Match = nil
		if err := o.putFileTx(ctx, tx, f, fileCard, "image/jpeg", small); err != nil {
			return err
		}
		return o.putFileTx(ctx, tx, f, filePortrait, "image/jpeg", kept)
	}})
}

// forChip writes a portrait so small that a chip holds it: 480 by 640 pixels,
// at the best quality that fits.
func forChip(img image.Image) ([]byte, error) {
	small, err := encode(img, 640, 95)
	if err != nil {
		return nil, err
	}
	again, err := jpeg.Decode(bytes.NewReader(small))
	if err != nil {
		return nil, fmt.Errorf("write a portrait: %w", err)
	}
	for quality := 90; quality >= 30; quality -= 10 {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, again, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("write a portrait: %w", err)
		}
		if b.Len() <= chipPortrait {
			return b.Bytes(), nil
		}
	}
	return nil, pictureFault("enrolment.photo.noisy")
}
