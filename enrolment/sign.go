// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"slices"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/office"
)

// Reviewed records that she read the data on the screen and found it right.
func (o *Office) Reviewed(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actEdit, action: "reviewed", present: true, do: func(_ *db.Tx, f *file, _ part, _ office.Staff) error {
		for _, t := range f.tasks() {
			if !t.Done && slices.Contains([]string{"applicant", "papers", "portrait", "fingerprints"}, t.Name) {
				return fault.New(fault.Conflict, "enrolment.review.early")
			}
		}
		f.Reviewed, f.ReviewedAt = f.digest(), clock.FromMicros(clock.Micros(o.c.Clock.Now()))
		return nil
	}})
}

// Sign records a signature on a form: drawn on the screen (PNG), or on paper
// with its scan (PDF, JPEG or PNG). It is of the data as they stand: any change
// afterwards asks for another one.
func (o *Office) Sign(ctx context.Context, by audit.Actor, d DossierID, form, role, how string, r io.Reader) (Dossier, error) {
	if r == nil {
		return Dossier{}, pictureFault("enrolment.photo.unreadable")
	}
	kind, b, err := readSignature(how, r)
	if err != nil {
		return Dossier{}, err
	}
	return o.change(ctx, by, d, step{act: actEdit, action: "signed", fields: []string{"papers"}, present: true, do: func(tx *db.Tx, f *file, _ part, staff office.Staff) error {
		if !slices.Contains(f.forms(), form) {
			return fault.New(fault.Invalid, "enrolment.sign.form").With("form", "enrolment.sign.form")
		}
		if !slices.Contains(f.signers(), role) {
			return fault.New(fault.Invalid, "enrolment.sign.role").With("role", "enrolment.sign.role")
		}
		if f.Reviewed == "" || f.Reviewed != f.digest() {
			return fault.New(fault.Conflict, "enrolment.sign.unread")
		}
		s := signature{Signed: Signed{Form: form, Role: role, How: how, At: clock.FromMicros(clock.Micros(o.c.Clock.Now())), By: f.signer(role)}, Digest: f.digest(), File: "sign/" + form + "/" + role}
		f.Signatures = append(slices.DeleteFunc(f.Signatures, func(x signature) bool { return x.Form == form && x.Role == role }), s)
		return o.putFileTx(ctx, tx, f, s.File, kind, b)
	}})
}

// signer is the name under a signature; an officer signs for her office.
func (f *file) signer(role string) string {
	switch role {
	case "applicant":
		return f.stated().Name
	case "representative":
		return f.content.Representative.Name
	}
	return f.officeName
}

func readSignature(how string, r io.Reader) (kind string, b []byte, err error) {
	if how != "screen" && how != "paper" {
		return "", nil, fault.New(fault.Invalid, "enrolment.sign.how").With("how", "enrolment.sign.how")
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxUpload+1))
	if err != nil || len(raw) == 0 {
		return "", nil, pictureFault("enrolment.photo.unreadable")
	}
	if how == "paper" && bytes.HasPrefix(raw, []byte("%PDF-")) {
		if len(raw) > maxUpload {
			return "", nil, pictureFault("enrolment.photo.large")
		}
		return "application/pdf", raw, nil
	}
	img, err := decodePicture(bytes.NewReader(raw))
	if err != nil {
		return "", nil, err
	}
	if how == "paper" {
		b, err = encode(img, keepSide, 85)
		return "image/jpeg", b, err
	}
	if s := img.Bounds().Size(); s.X > 2000 || s.Y > 2000 {
		return "", nil, pictureFault("enrolment.photo.large")
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return "", nil, fmt.Errorf("write a signature: %w", err)
	}
	return "image/png", out.Bytes(), nil
}

// Preview draws a form ("enrolment", "capture") as PDF from the present data,
// for the screen turned to her.
func (o *Office) Preview(ctx context.Context, by audit.Actor, d DossierID, form string) ([]byte, error) {
	f, _, err := o.peek(ctx, by, d, actView)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(f.forms(), form) {
		return nil, fault.New(fault.NotFound, "enrolment.file.not_found")
	}
	if err := o.c.Audit.Record(ctx, f.entry(by, "file.read", "dossier")); err != nil {
		return nil, err
	}
	signs, err := o.signaturesOf(ctx, o.c.DB.Read(), f, form)
	if err != nil {
		return nil, err
	}
	return o.draw(ctx, o.c.DB.Read(), f, form, signs)
}

// Document reads one of the dossier's papers as PDF: enrolment, capture,
// receipt, supplement, refusal. The look is recorded.
func (o *Office) Document(ctx context.Context, by audit.Actor, d DossierID, name string) ([]byte, error) {
	if !slices.Contains(documents, name) {
		return nil, fault.New(fault.NotFound, "enrolment.file.not_found")
	}
	return o.see(ctx, by, d, "pdf/"+name, "papers")
}

// Scan reads the scan of a form that was signed on paper, or the drawing of a
// signature. The look is recorded.
func (o *Office) Scan(ctx context.Context, by audit.Actor, d DossierID, form, role string) ([]byte, error) {
	return o.see(ctx, by, d, "sign/"+form+"/"+role, "papers")
}

var documents = []string{"request", "enrolment", "capture", "receipt", "supplement", "refusal"}

// SetCard records what became of the old card, and fee or exemption.
func (o *Office) SetCard(ctx context.Context, by audit.Actor, d DossierID, oldCard, exemption, receiptNo string) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actEdit, action: "card.set", fields: []string{"old_card", "fee"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		return o.setCardTx(ctx, tx, f, oldCard, exemption, receiptNo)
	}})
}

func (o *Office) setCardTx(ctx context.Context, tx *db.Tx, f *file, oldCard, exemption, receiptNo string) error {
	if !f.MakesCard {
		return fault.New(fault.Conflict, "enrolment.card.none")
	}
	c := f.content.Card
	switch {
	case !slices.Contains([]string{"collected", "lost", "none"}, oldCard),
		f.Lose != "" && oldCard != "lost",
		f.need.cause == "first" && oldCard == "collected" && f.kind == FirstCard && f.Applicant.OldNumber.IsZero():
		return fault.New(fault.Invalid, "enrolment.card.old").With("old_card", "enrolment.card.old")
	}
	if err := o.exempts(ctx, tx, exemption); err != nil {
		return err
	}
	if len(receiptNo) > 40 {
		return fault.New(fault.Invalid, "enrolment.card.receipt").With("receipt", "enrolment.card.receipt")
	}
	c.OldCard, c.Exemption, c.ReceiptNo, c.Looked = oldCard, exemption, receiptNo, true
	return nil
}

// Exemptions lists the reasons for which no fee is paid today.
func (o *Office) Exemptions(ctx context.Context) ([]string, error) {
	rows, err := o.c.DB.Read().QueryContext(ctx, `SELECT reason FROM enrolment_exemption WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY reason`, o.today().String())
	if err != nil {
		return nil, fmt.Errorf("list exemptions: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("list exemptions: %w", err)
		}
		out = append(out, s)
	}
	return out, errors.Join(rows.Err(), rows.Close())
}
