// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"danh/enrolment/form"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/office"
	"danh/registry/population"
)

func party(a Applicant) form.Party {
	return form.Party{Name: a.Name, Number: a.Number.Reveal(), BirthDate: a.BirthDate.String(), Sex: string(a.Sex), Nationality: a.Nationality, Ethnicity: a.Ethnicity,
		Religion: a.Religion, Origin: a.Origin, Residence: a.Residence, Phone: a.Phone, Email: a.Email}
}

func relative(r Relative) *form.Relative {
	if r.Name == "" && r.Number.IsZero() {
		return nil
	}
	x := &form.Relative{Name: r.Name, Nationality: r.Nationality}
	if r.Number.Kind() == population.OldID {
		x.OldNumber = r.Number.Reveal()
	} else {
		x.Number = r.Number.Reveal()
	}
	return x
}

// signaturesOf are the signatures under a form, in the form's order. A form that
// was signed on paper has no picture here: its scan lies beside it.
func (o *Office) signaturesOf(ctx context.Context, q db.Q, f *file, name string) ([]form.Signature, error) {
	var out []form.Signature
	roles := f.signers()
	if f.Online != nil && slices.ContainsFunc(f.Signatures, func(s signature) bool { return s.Form == name && s.Role == "intake" }) {
		roles = append(roles, "intake") // who checked it
	}
	for _, role := range roles {
		s := form.Signature{Role: role, Name: f.signer(role)}
		for _, x := range f.Signatures {
			if x.Form != name || x.Role != role || x.Digest != f.digest() {
				continue
			}
			s.Name, s.At, s.Online = x.By, x.At, x.How == "online"
			if x.How == "screen" {
				b, err := o.readFile(ctx, q, f, x.File)
				if err != nil {
					return nil, err
				}
				s.Image = b
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// draw draws a form from the dossier.
func (o *Office) draw(ctx context.Context, q db.Q, f *file, name string, signs []form.Signature) ([]byte, error) {
	on := o.today()
	if !f.ReviewedAt.IsZero() {
		on = clock.DateOf(f.ReviewedAt)
	}
	a := f.stated()
	if name == "enrolment" {
		x := form.Enrolment{Code: f.code, Office: f.officeName, Kind: string(f.kind), Applicant: party(a), Level: f.need.level, On: on, Signatures: signs}
		if f.foreigner {
			x.Document = string(a.Document.Kind) + " " + a.Document.Country + " " + a.Document.Number
		}
		if r := f.content.Representative; r != nil {
			x.Representative, x.Relation = &form.Party{Name: r.Name, Number: f.RepNumber, Phone: a.Phone, Email: a.Email}, r.Relation
		}
		for _, d := range f.Dependants {
			x.Dependants = append(x.Dependants, form.Dependant{Name: d.Name, Number: d.Number.Reveal(), BirthDate: d.Birth.String(), Relation: d.Relation, Proof: d.Proof})
		}
		for _, p := range f.Papers {
			x.Papers = append(x.Papers, form.Paper{Kind: p.Kind, Number: p.Number, Issued: p.Issued.String(), Seen: p.Seen, SeenBy: p.SeenBy})
		}
		return x.PDF()
	}
	x := form.Capture{Code: f.code, Office: f.officeName, Kind: string(f.kind), Applicant: party(a), Father: relative(a.Father), Mother: relative(a.Mother),
		Spouse: relative(a.Spouse), Guardian: relative(a.Guardian), OldNumber: a.OldNumber.Reveal(), Marks: a.Marks, On: on, Signatures: signs}
	if f.content.Card != nil {
		x.Cause = string(f.content.Card.Cause)
	}
	if f.Portrait != nil {
		b, err := o.readFile(ctx, q, f, filePortrait)
		if err != nil {
			return nil, err
		}
		x.Portrait = b
	}
	for _, t := range f.Fingers {
		x.Fingers = append(x.Fingers, form.FingerNote{Position: t.Position, Quality: t.Quality, Tries: t.Tries, Missing: string(t.Missing)})
	}
	return x.PDF()
}

// where is the office as papers name it.
func (o *Office) where(ctx context.Context, f *file) (office.Office, error) {
	return o.c.Offices.Find(ctx, f.office)
}

// sealed draws and seals in one.
func (o *Office) sealed(pdf []byte, err error, reason string, f *file, at time.Time) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	b, err := o.c.Forms.Seal(pdf, reason, f.officeName, at)
	if err != nil {
		return nil, fmt.Errorf("seal a form: %w", err)
	}
	return b, nil
}

// drawReceipt draws the receipt that she is given when the dossier is complete.
func (o *Office) drawReceipt(ctx context.Context, f *file) ([]byte, error) {
	at, err := o.where(ctx, f)
	if err != nil {
		return nil, err
	}
	x := form.Receipt{Code: f.code, Office: f.officeName, Address: at.Address, Hotline: at.Phone, Kind: string(f.kind), Applicant: party(f.stated()), On: o.today(),
		Due: clock.DateOf(f.dueAt.Add(-time.Second)), Track: o.c.Track}
	for _, name := range f.forms() {
		x.Received = append(x.Received, map[string]string{"enrolment": "Phiếu đăng ký tài khoản định danh", "capture": "Phiếu thu nhận thông tin căn cước"}[name])
	}
	if f.Portrait != nil {
		x.Received = append(x.Received, "Ảnh chân dung và vân tay")
	}
	if n := len(f.Papers); n > 0 {
		x.Received = append(x.Received, fmt.Sprintf("%d giấy tờ gốc: đã xem, đối chiếu và trả lại ngay", n))
	}
	if c := f.content.Card; c != nil {
		if c.OldCard == "collected" {
			x.Received = append(x.Received, "Thẻ cũ")
		}
		x.Fee, x.FeeReceipt, x.Appointment = c.Fee, c.ReceiptNo, c.Appointment
		if c.Exemption != "" {
			x.Fee, x.Exemption = 0, c.Exemption
		}
	}
	return x.PDF()
}
