// SPDX-License-Identifier: Apache-2.0

// Package biometric owns the comparison of fingers and portraits: the engine's
// port, the fusion of several fingers and tries into one decision, the sealed
// templates of people, and the evidence of what was compared, by which engine,
// with which scores, and who decided.
//
// It refuses to claim more than was measured: what the engine cannot carry is
// for an officer to compare and for a second one to confirm, a search answers
// for the gallery that it names and never for a nation, and a face gets no
// score unless the operator brings an engine for it. An outside engine sees
// reference ids, never a name or a number.
//
// A template or a piece of evidence and its audit entry are one commit. What a
// crash leaves between a comparison and its evidence is nothing: the comparison
// is done again.
package biometric

import (
	"embed"

	"danh/biometric/raster"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/fmr"
	"danh/internal/id"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the room's tables.
var Schema = db.Schema{Room: "biometric", FS: schemaFS}

type referenceKind struct{}

// Reference stands for a person towards an engine. It is random, so that it
// says nothing, and a person's key is never derived from it.
type Reference = id.ID[referenceKind]

// ParseReference reads the text form.
func ParseReference(s string) (Reference, error) { return id.Parse[referenceKind](s) }

// Kind is what of a person is compared.
type Kind string

// The kinds.
const (
	Finger Kind = "finger"
	Face   Kind = "face"
)

// Missing is why a finger cannot be taken (ISO/IEC 19794-2 has no such field;
// the words are those of OSIA's MissingType and one for the counter).
type Missing string

// The reasons.
const (
	Amputated Missing = "amputated"
	Bandaged  Missing = "bandaged"
	Damaged   Missing = "damaged" // worn or scarred beyond use
)

// Valid reports whether the reason is known.
func (m Missing) Valid() bool { return m == Amputated || m == Bandaged || m == Damaged }

// Sample is one impression of one finger, or one portrait, as it was taken.
// Several samples of one finger are tries.
type Sample struct {
	Kind     Kind
	Position fmr.Position // of a finger
	Missing  Missing      // set instead of everything below
	Template *Template    // of a finger
	Image    raster.Image // of a finger; may be empty when there is a template
	Portrait []byte       // of a face: JPEG or PNG
}

// Fingers are the ten in the order of the form.
var Fingers = []fmr.Position{
	fmr.RightThumb, fmr.RightIndex, fmr.RightMiddle, fmr.RightRing, fmr.RightLittle,
	fmr.LeftThumb, fmr.LeftIndex, fmr.LeftMiddle, fmr.LeftRing, fmr.LeftLittle,
}

// checkSamples refuses samples that no engine could make sense of.
func checkSamples(samples []Sample) error {
	if len(samples) == 0 {
		return fault.New(fault.Invalid, "biometric.samples.none")
	}
	if len(samples) > maxSamples {
		return fault.New(fault.Invalid, "biometric.samples.too_many")
	}
	present := map[fmr.Position]bool{}
	for _, s := range samples {
		switch {
		case s.Kind == Face:
			if len(s.Portrait) == 0 || s.Missing != "" {
				return fault.New(fault.Invalid, "biometric.samples.empty")
			}
			continue
		case s.Kind != Finger || s.Position < fmr.RightThumb || s.Position > fmr.LeftLittle:
			return fault.New(fault.Invalid, "biometric.samples.which")
		case s.Missing != "" && (!s.Missing.Valid() || s.Template != nil || s.Image.Gray != nil):
			return fault.New(fault.Invalid, "biometric.samples.missing")
		case s.Missing == "" && s.Template == nil && s.Image.Gray == nil:
			return fault.New(fault.Invalid, "biometric.samples.empty")
		}
		there := s.Missing == ""
		if was, seen := present[s.Position]; seen && (was != there || !there) {
			return fault.New(fault.Invalid, "biometric.samples.missing")
		}
		present[s.Position] = there
	}
	return nil
}

// maxSamples is ten fingers with five tries each and a portrait.
const maxSamples = 51
