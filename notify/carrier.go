// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Parcel is one message on its way to one address.
type Parcel struct {
	ID       MessageID // the same at every attempt
	To       string
	Language string // "vi" or "en"
	Subject  string
	Text     string
	HTML     string    // a marked-up twin of Text, for carriers that can show it
	Expires  time.Time // the carrier should drop it after this; zero: no matter
	Now      time.Time
	Urgent   bool
}

// Carrier takes parcels to people. Send returns the carrier's reference of
// each part it took. Its errors wrap one of the three below, or are taken for
// temporary.
type Carrier interface {
	Send(ctx context.Context, p Parcel) (refs []string, err error)
}

// Receipts is a carrier that later tells what became of a part. The function
// returns an error when the receipt could not be kept: the carrier should tell again.
type Receipts interface {
	OnReceipt(func(ctx context.Context, r Receipt) error)
}

// Receipt is what became of a part.
type Receipt struct {
	Ref       string
	Delivered bool
	Final     bool   // no other receipt follows
	Code      string // the network's reason, never an address
}

// ErrRefused says that the carrier will never take this parcel.
var ErrRefused = errors.New("notify: the carrier refused the message")

// ErrDoubtful says that the carrier may or may not have taken the parcel.
var ErrDoubtful = errors.New("notify: the carrier did not answer")

// Refused is a refusal with the carrier's code.
func Refused(code string) error { return failure{code: code, kind: ErrRefused} }

// Doubtful is a send without an answer.
func Doubtful(code string) error { return failure{code: code, kind: ErrDoubtful} }

// Later is a failure that another attempt may mend.
func Later(code string) error { return failure{code: code} }

// LaterAfter is such a failure with the time that the far end asks to be left
// alone, an hour at most.
func LaterAfter(code string, pause time.Duration) error {
	return failure{code: code, pause: min(max(pause, time.Second), time.Hour)}
}

type failure struct {
	code  string
	kind  error
	pause time.Duration
}

func pauseOf(err error) time.Duration {
	var f failure
	errors.As(err, &f)
	return f.pause
}

func (f failure) Error() string { return fmt.Sprintf("notify: not sent: %s", f.code) }
func (f failure) Unwrap() error { return f.kind }

// codeOf is the part of an error that may be stored and shown to operators.
func codeOf(err error) string {
	var f failure
	if errors.As(err, &f) {
		return f.code
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "timeout"
	}
	return "carrier"
}
