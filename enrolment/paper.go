// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // reads PNG
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/draw"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
	"danh/registry/population"
)

// What a photo or a scan may be.
const (
	maxUpload = 10 << 20
	maxPixels = 40_000_000
	keepSide  = 2000
)

// PaperKind is a kind of paper that may be presented today.
type PaperKind struct {
	Kind                           string
	Integrate, Evidence, Dependant bool
}

// PaperKinds lists the papers that may be presented today.
func (o *Office) PaperKinds(ctx context.Context) ([]PaperKind, error) {
	rows, err := o.c.DB.Read().QueryContext(ctx, `SELECT kind, integrate, evidence, dependant FROM enrolment_paper_kind
		WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY kind`, o.today().String())
	if err != nil {
		return nil, fmt.Errorf("list kinds of papers: %w", err)
	}
	defer rows.Close()
	var out []PaperKind
	for rows.Next() {
		var k PaperKind
		if err := rows.Scan(&k.Kind, &k.Integrate, &k.Evidence, &k.Dependant); err != nil {
			return nil, fmt.Errorf("list kinds of papers: %w", err)
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// fits says what is wrong with a paper's kind for its use.
func (o *Office) fits(ctx context.Context, q db.Q, kind, use string) error {
	if err := o.notBarred(ctx, q, "kind", kind); err != nil {
		return err
	}
	var k PaperKind
	err := q.QueryRowContext(ctx, `SELECT integrate, evidence, dependant FROM enrolment_paper_kind WHERE kind = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)`,
		kind, o.today().String()).Scan(&k.Integrate, &k.Evidence, &k.Dependant)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Invalid, "enrolment.paper.kind").With("kind", "enrolment.paper.kind")
	}
	if err != nil {
		return fmt.Errorf("find a kind of paper: %w", err)
	}
	if use == "integrate" && !k.Integrate || use == "evidence" && !k.Evidence || use == "dependant" && !k.Dependant || !slices.Contains([]string{"integrate", "evidence", "dependant"}, use) {
		return fault.New(fault.Invalid, "enrolment.paper.use").With("for", "enrolment.paper.use")
	}
	return nil
}

// notBarred refuses words that name a paper which must not be asked for: the
// household book, by whatever name. Where somebody lives is read in the
// residence registry.
func (o *Office) notBarred(ctx context.Context, q db.Q, field string, words ...string) error {
	rows, err := q.QueryContext(ctx, `SELECT words, ground FROM enrolment_paper_barred WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY words`, o.today().String())
	if err != nil {
		return fmt.Errorf("list barred papers: %w", err)
	}
	defer rows.Close()
	barred := map[string]string{}
	for rows.Next() {
		var w, ground string
		if err := rows.Scan(&w, &ground); err != nil {
			return fmt.Errorf("list barred papers: %w", err)
		}
		barred[w] = ground
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list barred papers: %w", err)
	}
	for _, w := range words {
		folded := " " + population.FoldName(strings.NewReplacer("_", " ", "-", " ", ".", " ").Replace(w)) + " "
		for b, ground := range barred {
			if strings.Contains(folded, " "+b+" ") {
				return fault.New(fault.Invalid, "enrolment.paper.household_book").With(field, "enrolment.paper.household_book").Arg("ground", ground)
			}
		}
	}
	return nil
}

// AddPaper adds a paper with its photo (JPEG or PNG, may be nil). The
// household book is refused whatever it is called (C36).
func (o *Office) AddPaper(ctx context.Context, by audit.Actor, d DossierID, p Paper, photo io.Reader) (Dossier, error) {
	if err := o.fits(ctx, o.c.DB.Read(), p.Kind, p.For); err != nil {
		return Dossier{}, err
	}
	p.Number = strings.Join(strings.Fields(p.Number), " ")
	bad := fault.New(fault.Invalid, "enrolment.paper.invalid")
	if p.Number == "" || utf8.RuneCountInString(p.Number) > 40 {
		bad.With("number", "enrolment.paper.number")
	}
	if !p.Issued.IsZero() && o.today().Before(p.Issued) {
		bad.With("issued", "enrolment.paper.issued")
	}
	if p.Expires.Exact() && p.Expires.Before(o.today()) {
		bad.With("expires", "enrolment.paper.expired")
	}
	if len(bad.Fields) > 0 {
		return Dossier{}, bad
	}
	var picture []byte
	if photo != nil {
		var err error
		if picture, err = readPicture(photo); err != nil {
			return Dossier{}, err
		}
	}
	p.ID, p.HasPhoto, p.Seen, p.SeenBy = id.New[paperKind](), picture != nil, false, ""
	return o.change(ctx, by, d, step{act: actEdit, action: "paper.added", fields: []string{"papers"}, do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		most, err := rule(ctx, tx, "paper.most", o.today())
		if err != nil {
			return err
		}
		if len(f.Papers) >= most {
			return fault.New(fault.Conflict, "enrolment.paper.most")
		}
		f.Papers = append(f.Papers, p)
		if picture == nil {
			return nil
		}
		return o.putFileTx(ctx, tx, f, "paper/"+p.ID.String(), "image/jpeg", picture)
	}})
}

// readPicture reads a photo and writes it anew: what is kept is the picture and
// nothing else that the file held.
func readPicture(r io.Reader) ([]byte, error) {
	img, err := decodePicture(r)
	if err != nil {
		return nil, err
	}
	return encode(img, keepSide, 85)
}

func pictureFault(key string) error { return fault.New(fault.Invalid, key).With("photo", key) }

func decodePicture(r io.Reader) (image.Image, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxUpload+1))
	if err != nil || len(b) == 0 {
		return nil, pictureFault("enrolment.photo.unreadable")
	}
	if len(b) > maxUpload {
		return nil, pictureFault("enrolment.photo.large")
	}
	c, kind, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || kind != "jpeg" && kind != "png" {
		return nil, pictureFault("enrolment.photo.kind")
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels/c.Height {
		return nil, pictureFault("enrolment.photo.large")
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, pictureFault("enrolment.photo.unreadable")
	}
	return img, nil
}

// encode writes a picture as JPEG, its longer side at most so many pixels.
func encode(src image.Image, side, quality int) ([]byte, error) {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	if m := max(w, h); m > side {
		w, h = max(w*side/m, 1), max(h*side/m, 1)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	if w == b.Dx() && h == b.Dy() {
		draw.Draw(dst, dst.Bounds(), src, b.Min, draw.Over)
	} else {
		draw.CatmullRom.Scale(dst, dst.Bounds(), src, b, draw.Over, nil)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, dst, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("write a picture: %w", err)
	}
	return out.Bytes(), nil
}

// paper is a paper of the dossier.
func (f *file) paper(p PaperID) (*Paper, error) {
	k := slices.IndexFunc(f.Papers, func(x Paper) bool { return x.ID == p })
	if k < 0 {
		return nil, fault.New(fault.NotFound, "enrolment.paper.not_found")
	}
	return &f.Papers[k], nil
}

// SeePaper records that the original was seen and compared.
func (o *Office) SeePaper(ctx context.Context, by audit.Actor, d DossierID, p PaperID) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actEdit, action: "paper.seen", present: true, do: func(_ *db.Tx, f *file, _ part, _ office.Staff) error {
		x, err := f.paper(p)
		if err != nil || x.Seen {
			return err
		}
		if x.Original {
			f.Events = append(f.Events, Event{At: o.c.Clock.Now(), Name: "original_seen", By: f.officeName})
		}
		x.Seen, x.SeenBy, x.SeenAt = true, f.officeName, clock.FromMicros(clock.Micros(o.c.Clock.Now()))
		if r := f.content.Representative; r != nil && r.Proof == "" && slices.Contains(proofs[r.Relation], x.Kind) {
			r.Proof = x.Kind
		}
		if f.Online != nil { // what she confirmed stands: an officer saw its original
			f.signOnline(f.ReviewedAt)
		}
		return nil
	}})
}

// proofs are the papers that prove what a representative is to her.
var proofs = map[string][]string{
	"father": {"birth_certificate", "adoption_decision"}, "mother": {"birth_certificate", "adoption_decision"},
	"guardian": {"guardianship_decision", "guardianship_record"},
}

// RemovePaper takes a paper back while the dossier is a draft. What it proved
// is open again.
func (o *Office) RemovePaper(ctx context.Context, by audit.Actor, d DossierID, p PaperID) (Dossier, error) {
	return o.change(ctx, by, d, step{act: actEdit, action: "paper.removed", do: func(tx *db.Tx, f *file, _ part, _ office.Staff) error {
		x, err := f.paper(p)
		if err != nil {
			return err
		}
		kind := x.Kind
		f.Papers = slices.DeleteFunc(f.Papers, func(x Paper) bool { return x.ID == p })
		for i := range f.Differences {
			if f.Differences[i].Paper == p {
				f.Differences[i].Keep, f.Differences[i].Paper = "", PaperID{}
			}
		}
		for i := range f.Dependants {
			if f.Dependants[i].Paper == p {
				f.Dependants[i].Paper = PaperID{}
			}
		}
		if r := f.content.Representative; r != nil && r.Proof == kind {
			r.Proof = ""
			for _, y := range f.Papers {
				if y.Seen && slices.Contains(proofs[r.Relation], y.Kind) {
					r.Proof = y.Kind
				}
			}
		}
		return o.dropFileTx(ctx, tx, f, "paper/"+p.String())
	}})
}

// PaperPhoto reads a paper's photo; the look is recorded.
func (o *Office) PaperPhoto(ctx context.Context, by audit.Actor, d DossierID, p PaperID) ([]byte, error) {
	return o.see(ctx, by, d, "paper/"+p.String(), "papers")
}

// see reads a file of a dossier after the entry about the look.
func (o *Office) see(ctx context.Context, by audit.Actor, d DossierID, name, field string) ([]byte, error) {
	var b []byte
	var f *file
	err := o.c.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if f, err = o.find(ctx, tx, d); err != nil {
			return err
		}
		if _, _, err = o.standTx(ctx, tx, by, f, actView); err != nil {
			return err
		}
		if b, err = o.readFile(ctx, tx, f, name); err != nil {
			return err
		}
		return o.c.Audit.RecordTx(ctx, tx, f.entry(by, "file.read", field))
	})
	if err != nil {
		return nil, errors.Join(err, o.noteRefused(ctx, by, f, "file.read", err))
	}
	return b, nil
}
