// SPDX-License-Identifier: Apache-2.0

package biometric

import (
	"context"

	"danh/audit"
	"danh/internal/id"
)

type encounterKind struct{}

// EncounterID is the key of one capture of one person.
type EncounterID = id.ID[encounterKind]

// NewEncounter returns a fresh key.
func NewEncounter() EncounterID { return id.New[encounterKind]() }

// Encounter is what was captured of one person at one time (OSIA's word).
type Encounter struct {
	ID        EncounterID
	Reference Reference
	Gallery   string
	Samples   []Sample
}

// Comparison is the result of one-to-one.
type Comparison struct {
	Engine Info          `json:"engine"`
	Scores []FingerScore `json:"scores,omitempty"`
	Fused  float64       `json:"fused"` // on the engine's scale; 0 for a face without an engine
	Band   Band          `json:"band"`
	Policy string        `json:"policy"`        // the rule that drew the band
	Why    string        `json:"why,omitempty"` // a text key, when the band has another reason than the score
}

// Reasons for an officer's comparison that no score gives.
const (
	WhyNoFaceEngine = "biometric.why.no_face_engine"
	WhyNoCommon     = "biometric.why.no_common_finger"
)

// Candidate is a person that a search found.
type Candidate struct {
	Reference Reference     `json:"reference"`
	Score     float64       `json:"score"`
	Scores    []FingerScore `json:"scores,omitempty"`
}

// Search is the result of a search in one gallery. It says nothing about
// anybody outside that gallery, and a candidate is for an officer to compare.
type Search struct {
	Engine     Info        `json:"engine"`
	Gallery    string      `json:"gallery"`
	Size       int         `json:"size"`     // persons looked through; -1 when the engine does not say
	Complete   bool        `json:"complete"` // false when the gallery is larger than the engine looks through
	Candidates []Candidate `json:"candidates"`
}

// Matcher is an engine with galleries: the built-in one, or one of the
// operator's over OSIA. It knows people by reference alone. The conformance
// suite in biometric/matchertest says what else holds.
type Matcher interface {
	Info() Info
	// Enrol puts an encounter into its gallery; Conflict when its key is known.
	Enrol(ctx context.Context, by audit.Actor, e Encounter) error
	// Remove forgets a reference everywhere; NotFound when it is unknown.
	Remove(ctx context.Context, by audit.Actor, r Reference) error
	// Verify compares samples with a reference; NotFound when the gallery does not hold it.
	Verify(ctx context.Context, gallery string, r Reference, probe []Sample) (Comparison, error)
	// VerifySamples compares two sets of samples that are enrolled nowhere.
	VerifySamples(ctx context.Context, probe, reference []Sample) (Comparison, error)
	// Identify searches a gallery for those who might be the probe's person, best first.
	Identify(ctx context.Context, gallery string, probe []Sample, limit int) (Search, error)
}
