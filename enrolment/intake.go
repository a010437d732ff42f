// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"context"
	"io"

	"danh/audit"
	"danh/biometric"
	"danh/internal/clock"
	"danh/internal/id"
	"danh/registry/population"
)

// Opening says for what a dossier is opened.
type Opening struct {
	Visit          string // the key of an open visit of this officer
	Kind           Kind
	Cause          string // of a card kind: age, change, lost, damaged, boundary; "" by the kind's row
	Relation       string // of a child or ward: what the person of RepVisit is to her
	Representative string // the key of the representative's own open visit
	Language       string
}

// Open opens a dossier in a visit.
func (o *Office) Open(ctx context.Context, by audit.Actor, w Opening) (Dossier, error) { panic("x") }

// Find finds a dossier: for its intake officer, its drawn second one, and for
// handing over at its office. The look is recorded.
func (o *Office) Find(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) { panic("x") }

// List lists the queue of the officer's office.
func (o *Office) List(ctx context.Context, by audit.Actor, f Filter) (Queue, error) { panic("x") }

// SaveApplicant keeps what was typed and compares it with the registry. A
// version that is not the latest is a Conflict that loses nothing: the page
// shows both.
func (o *Office) SaveApplicant(ctx context.Context, by audit.Actor, d DossierID, version int, a Applicant) (Dossier, error) {
	panic("x")
}

// Resolve settles a difference: keep is "registered" or "declared"; declared
// needs a paper that was seen.
func (o *Office) Resolve(ctx context.Context, by audit.Actor, d DossierID, field, keep string, p PaperID, words string) (Dossier, error) {
	panic("x")
}

// SendCode sends a one-time code to the phone that was typed and asks the
// carrier whose it is; ConfirmPhone takes the code that she read out.
func (o *Office) SendCode(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	panic("x")
}

// ConfirmPhone checks the code.
func (o *Office) ConfirmPhone(ctx context.Context, by audit.Actor, d DossierID, code string) (Dossier, error) {
	panic("x")
}

// AddPaper adds a paper with its photo (JPEG or PNG, may be nil). The
// household book is refused whatever it is called (C36).
func (o *Office) AddPaper(ctx context.Context, by audit.Actor, d DossierID, p Paper, photo io.Reader) (Dossier, error) {
	panic("x")
}

// SeePaper records that the original was seen and compared.
func (o *Office) SeePaper(ctx context.Context, by audit.Actor, d DossierID, p PaperID) (Dossier, error) {
	panic("x")
}

// RemovePaper takes a paper back while the dossier is a draft.
func (o *Office) RemovePaper(ctx context.Context, by audit.Actor, d DossierID, p PaperID) (Dossier, error) {
	panic("x")
}

// PaperPhoto reads a paper's photo; the look is recorded.
func (o *Office) PaperPhoto(ctx context.Context, by audit.Actor, d DossierID, p PaperID) ([]byte, error) {
	panic("x")
}

// AddDependant adds a dependant; number, name and birth date are compared with
// the registry, and a registered relation is its own proof.
func (o *Office) AddDependant(ctx context.Context, by audit.Actor, d DossierID, x Dependant) (Dossier, error) {
	panic("x")
}

// RemoveDependant takes the nth dependant back.
func (o *Office) RemoveDependant(ctx context.Context, by audit.Actor, d DossierID, n int) (Dossier, error) {
	panic("x")
}

// PutPortrait keeps the portrait (JPEG or PNG). A picture with quality hints is
// kept with them and can be retaken; eyes says that the officer saw them on the
// line.
func (o *Office) PutPortrait(ctx context.Context, by audit.Actor, d DossierID, image io.Reader, eyes bool) (Dossier, error) {
	panic("x")
}

// PutFinger keeps one impression (PGM or PNG, 500 dpi); later tries of the same
// finger are fused. source is "upload" or "reader:<counter>".
func (o *Office) PutFinger(ctx context.Context, by audit.Actor, d DossierID, position int, image io.Reader, source string) (Dossier, error) {
	panic("x")
}

// MissFinger records why a finger cannot be taken; RetakeFinger forgets its tries.
func (o *Office) MissFinger(ctx context.Context, by audit.Actor, d DossierID, position int, why biometric.Missing) (Dossier, error) {
	panic("x")
}

// RetakeFinger forgets what was taken of a finger.
func (o *Office) RetakeFinger(ctx context.Context, by audit.Actor, d DossierID, position int) (Dossier, error) {
	panic("x")
}

// Match compares the fingers one to one with what the card, population or
// immigration registry holds of her, and searches the stated gallery for
// somebody else with them. It makes evidence; a match alone decides nothing.
func (o *Office) Match(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	panic("x")
}

// Faces are the two portraits for an officer's comparison. Registered is nil
// when no registry holds one.
type Faces struct {
	Captured, Registered []byte
	RegisteredOn         clock.Date
	Source               string
}

// ShowFaces reads both portraits; the look is recorded.
func (o *Office) ShowFaces(ctx context.Context, by audit.Actor, d DossierID) (Faces, error) {
	panic("x")
}

// ConcludeFace records what the intake officer saw side by side.
func (o *Office) ConcludeFace(ctx context.Context, by audit.Actor, d DossierID, f biometric.Finding) (Dossier, error) {
	panic("x")
}

// Preview draws a form ("enrolment", "capture") as PDF from the present data,
// for the screen turned to her.
func (o *Office) Preview(ctx context.Context, by audit.Actor, d DossierID, form string) ([]byte, error) {
	panic("x")
}

// Reviewed records that she read the data on the screen and found it right.
func (o *Office) Reviewed(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	panic("x")
}

// Sign records a signature on a form: drawn on the screen (PNG), or on paper
// with its scan (PDF, JPEG or PNG).
func (o *Office) Sign(ctx context.Context, by audit.Actor, d DossierID, form, role, how string, image io.Reader) (Dossier, error) {
	panic("x")
}

// SetCard records what became of the old card, and fee or exemption.
func (o *Office) SetCard(ctx context.Context, by audit.Actor, d DossierID, oldCard, exemption, receiptNo string) (Dossier, error) {
	panic("x")
}

// HandIn hands a complete dossier in: forms are sealed, the receipt is made,
// the clock starts and the second officer is drawn.
func (o *Office) HandIn(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	panic("x")
}

// Withdraw ends a dossier at her wish.
func (o *Office) Withdraw(ctx context.Context, by audit.Actor, d DossierID) (Dossier, error) {
	panic("x")
}

// Document reads one of the dossier's papers as PDF: enrolment, capture,
// receipt, supplement, refusal. The look is recorded.
func (o *Office) Document(ctx context.Context, by audit.Actor, d DossierID, name string) ([]byte, error) {
	panic("x")
}

// Tracked is a dossier as its applicant sees it.
type Tracked struct {
	ID                          DossierID
	Code                        string
	Kind                        Kind
	State                       State
	OfficeName                  string
	Name                        string
	OpenedAt, CompleteAt, DueAt clock.Date
	Stopped, Late               bool
	Asked                       []string
	RefusedReason, RefusedWords string
	Events                      []Event
	Documents                   []string // names for OwnDocument
	Card                        *CardPart
}

// ListOwn lists the dossiers about her and about those whom she represents.
func (o *Office) ListOwn(ctx context.Context, by audit.Actor) ([]Tracked, error) { panic("x") }

// FindOwn finds one of them by its code.
func (o *Office) FindOwn(ctx context.Context, by audit.Actor, code string) (Tracked, error) {
	panic("x")
}

// OwnDocument reads one of its papers.
func (o *Office) OwnDocument(ctx context.Context, by audit.Actor, code, name string) ([]byte, error) {
	panic("x")
}

// Track finds a dossier for somebody without an account, by its code and her
// birth date; tries are limited, and an unknown code is answered alike.
func (o *Office) Track(ctx context.Context, code string, birth clock.Date, address string) (Tracked, error) {
	panic("x")
}

var _ = population.Number("")
var _ id.Person
