// SPDX-License-Identifier: Apache-2.0

// Package osia owns the messages of the OSIA ABIS interface, version 1.6.0
// (Secure Identity Alliance, abis.yaml), as far as enrolment, verification,
// search and tasks need them. Both sides of the wire use these types; neither
// adds a member, because the interface forbids additional properties.
//
// It refuses what the interface has and Danh must not send: there is no
// biographic, contextual or client data here, so that no name or number can
// reach an outside engine by mistake.
package osia

// Version is the version of the interface.
const Version = "1.6.0"

// MaxBody bounds a message: ten fingers and a portrait in base64.
const MaxBody = 32 << 20

// AllGalleries searches and verifies against all galleries.
const AllGalleries = "ALL"

// ErrorMediaType marks a callback that carries an Error.
const ErrorMediaType = "application/error+json"

// Values of the interface's enumerations.
const (
	TypeFinger = "FINGER"
	TypeFace   = "FACE"

	SubTypePortrait = "PORTRAIT"

	StatusActive = "ACTIVE"

	// FormatISO is ISO/IEC 19794-2:2005.
	FormatISO = "ISO_19794_2"

	PresenceAmputated = "AMPUTATED"
	PresenceBandaged  = "BANDAGED"
	PresenceDamaged   = "DAMAGED"

	TaskPending    = "PENDING"
	TaskScheduled  = "RESPONSE_SCHEDULED"
	TaskError      = "RESPONSE_ERROR"
	TaskRetry      = "RESPONSE_RETRY"
	TaskCompleted  = "COMPLETED"
	ImpressionLive = "LIVE_SCAN_PLAIN"
)

// SubTypes are the interface's names of the fingers 1 to 10 of ISO/IEC 19794-2, table 2.
var SubTypes = [...]string{"UNKNOWN", "RIGHT_THUMB", "RIGHT_INDEX", "RIGHT_MIDDLE", "RIGHT_RING", "RIGHT_LITTLE",
	"LEFT_THUMB", "LEFT_INDEX", "LEFT_MIDDLE", "LEFT_RING", "LEFT_LITTLE"}

// Encounter is one capture of one person.
type Encounter struct {
	EncounterID   string          `json:"encounterId,omitempty"` // read-only: the path says it
	Status        string          `json:"status"`
	EncounterType string          `json:"encounterType"`
	Galleries     []string        `json:"galleries"`
	BiometricData []BiometricData `json:"biometricData"`
}

// BiometricData is one sample. Buffers are base64.
type BiometricData struct {
	BiometricType    string    `json:"biometricType"`
	BiometricSubType string    `json:"biometricSubType,omitempty"`
	Instance         string    `json:"instance,omitempty"` // tells tries of one finger apart
	Image            []byte    `json:"image,omitempty"`
	ImpressionType   string    `json:"impressionType,omitempty"`
	Width            int       `json:"width,omitempty"`
	Height           int       `json:"height,omitempty"`
	BitDepth         int       `json:"bitdepth,omitempty"`
	MimeType         string    `json:"mimeType,omitempty"`
	Resolution       int       `json:"resolution,omitempty"` // dots per inch
	Compression      string    `json:"compression,omitempty"`
	Missing          []Missing `json:"missing,omitempty"`
	Template         []byte    `json:"template,omitempty"`
	TemplateFormat   string    `json:"templateFormat,omitempty"`
	Quality          int       `json:"quality,omitempty"`
	QualityFormat    string    `json:"qualityFormat,omitempty"`
	Algorithm        string    `json:"algorithm,omitempty"`
	Vendor           string    `json:"vendor,omitempty"`
}

// Missing says why a finger is not there.
type Missing struct {
	BiometricSubType string `json:"biometricSubType,omitempty"`
	Presence         string `json:"presence,omitempty"`
}

// IdentifyRequest is the body of POST /v1/identify/{galleryId}.
type IdentifyRequest struct {
	Filter        Filter          `json:"filter"`
	BiometricData []BiometricData `json:"biometricData"`
}

// Filter narrows a search; no filter on biographic data is ever sent.
type Filter struct {
	BiometricType []string `json:"biometricType,omitempty"`
}

// VerifyFromIDRequest is the body of POST /v1/verify/{galleryId}/{personId}.
type VerifyFromIDRequest struct {
	BiometricData []BiometricData `json:"biometricData"`
}

// VerifyFromBioRequest is the body of POST /v1/verify.
type VerifyFromBioRequest struct {
	BiometricData1 []BiometricData `json:"biometricData1"`
	BiometricData2 []BiometricData `json:"biometricData2"`
}

// VerifyResponse is the answer to both.
type VerifyResponse struct {
	Decision bool          `json:"decision"`
	Scores   []ScoreDetail `json:"scores,omitempty"`
}

// Candidate is a person that a search found.
type Candidate struct {
	PersonID string        `json:"personId"`
	Rank     int           `json:"rank"`
	Score    float64       `json:"score"`
	Scores   []ScoreDetail `json:"scores,omitempty"`
}

// ScoreDetail is the score of one sample.
type ScoreDetail struct {
	Score            float64  `json:"score"`
	EncounterID      string   `json:"encounterId,omitempty"`
	Galleries        []string `json:"galleries,omitempty"`
	BiometricType    string   `json:"biometricType,omitempty"`
	BiometricSubType string   `json:"biometricSubType,omitempty"`
	Instance         string   `json:"instance,omitempty"`
}

// PersonIDs is the answer to an enrolment.
type PersonIDs struct {
	PersonID    string `json:"personId"`
	EncounterID string `json:"encounterId"`
}

// TaskID is the answer to a request with a callback.
type TaskID struct {
	TaskID string `json:"taskId"`
}

// Error is why a request failed.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}
