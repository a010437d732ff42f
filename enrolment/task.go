// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"danh/biometric"
	"danh/internal/clock"
)

// digest is what she reads and signs: typed data, settled differences, papers,
// dependants, portrait and fingers. A change of any of them makes another
// digest, so no review and no signature outlives what it was given for.
func (f *file) digest() string {
	portrait := ""
	if f.Portrait != nil {
		portrait = f.Portrait.SHA256
	}
	rep := Representative{}
	if f.content.Representative != nil {
		rep = *f.content.Representative
	}
	packed := f.pack()
	b, err := json.Marshal([]any{packed.Applicant, packed.Numbers, packed.Differences, packed.Papers, packed.Dependants, rep, portrait, packed.Fingers})
	if err != nil {
		panic("enrolment: a dossier is plain data: " + err.Error())
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// forms are the papers that a dossier has signed.
func (f *file) forms() []string {
	var out []string
	if f.need.level > 0 {
		out = append(out, "enrolment")
	}
	if f.MakesCard {
		out = append(out, "capture")
	}
	return out
}

// signers are those who sign each form.
func (f *file) signers() []string {
	if f.Online != nil {
		return []string{"applicant"}
	}
	if f.need.representative {
		return []string{"representative", "intake"}
	}
	return []string{"applicant", "intake"}
}

// signed reports whether a form bears a signature of what stands in it.
func (f *file) signed(form, role string) bool {
	d := f.digest()
	return slices.ContainsFunc(f.Signatures, func(s signature) bool { return s.Form == form && s.Role == role && s.Digest == d })
}

// tasks say what is done and what is missing; a task that is not needed is done
// and says why.
func (f *file) tasks() []Task {
	if f.Online != nil {
		return f.onlineTasks()
	}
	out := []Task{f.applicantTask(), f.contactTask(), f.papersTask()}
	if f.need.biometrics {
		out = append(out, f.portraitTask(), f.fingersTask(), f.matchTask(), f.faceTask())
	} else {
		for _, name := range []string{"portrait", "fingerprints", "match", "face"} {
			out = append(out, Task{name, true, "enrolment.task.no_biometrics"})
		}
	}
	out = append(out, todo("review", f.Reviewed != "" && f.Reviewed == f.digest(), "enrolment.task.review"))
	missing := false
	for _, form := range f.forms() {
		for _, role := range f.signers() {
			missing = missing || !f.signed(form, role)
		}
	}
	out = append(out, todo("signatures", !missing, "enrolment.task.signatures"))
	if f.MakesCard {
		c := f.content.Card
		out = append(out, todo("old_card", c.OldCard != "", "enrolment.task.old_card"))
		out = append(out, todo("fee", c.Fee == 0 || c.Exemption != "" || c.ReceiptNo != "", "enrolment.task.fee"))
	}
	if f.state == Supplement {
		out = append(out, todo("supplement", f.AskedOf != f.supplied() || f.Answer != "", "enrolment.task.supplement"))
	}
	return out
}

// supplied tells one content from another where a supplement was asked for: a
// picture that was taken anew is another one even when it looks the same.
func (f *file) supplied() string {
	var taken time.Time
	if f.Portrait != nil {
		taken = f.Portrait.At
	}
	old, exemption, receipt := "", "", ""
	if c := f.content.Card; c != nil {
		old, exemption, receipt = c.OldCard, c.Exemption, c.ReceiptNo
	}
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d %q %q %q %q", f.digest(), clock.Micros(taken), f.PhoneState, old, exemption, receipt))
	return hex.EncodeToString(h[:])
}

func todo(name string, done bool, why string) Task {
	if done {
		return Task{Name: name, Done: true}
	}
	return Task{Name: name, Why: why}
}

func (f *file) applicantTask() Task {
	switch {
	case f.version == 0:
		return Task{"applicant", false, "enrolment.task.applicant"}
	case slices.ContainsFunc(f.Differences, func(d Difference) bool { return d.Keep == "" }):
		return Task{"applicant", false, "enrolment.task.differences"}
	}
	return Task{Name: "applicant", Done: true}
}

// contactTask: an account is activated by what is sent to the phone. A card
// alone can be collected without one.
func (f *file) contactTask() Task {
	switch {
	case f.PhoneState == "confirmed":
		return Task{Name: "contact", Done: true}
	case f.need.level == 0 && f.Applicant.Phone == "":
		return Task{"contact", true, "enrolment.task.no_account"}
	}
	return Task{"contact", false, "enrolment.task.contact"}
}

func (f *file) papersTask() Task {
	for _, p := range f.Papers {
		if !p.Seen {
			return Task{"papers", false, "enrolment.task.original"}
		}
	}
	for _, kind := range f.need.papers {
		if !slices.ContainsFunc(f.Papers, func(p Paper) bool { return p.Kind == kind }) {
			return Task{"papers", false, "enrolment.task.paper_needed"}
		}
	}
	if r := f.content.Representative; r != nil && r.Proof == "" {
		return Task{"papers", false, "enrolment.task.relation"}
	}
	for _, d := range f.Dependants {
		if d.Proof != "registry" && !slices.ContainsFunc(f.Papers, func(p Paper) bool { return p.ID == d.Paper && p.Seen }) {
			return Task{"papers", false, "enrolment.task.dependant"}
		}
	}
	return Task{Name: "papers", Done: true}
}

func (f *file) portraitTask() Task {
	switch {
	case f.Portrait == nil:
		return Task{"portrait", false, "enrolment.task.portrait"}
	case !f.Portrait.Eyes:
		return Task{"portrait", false, "enrolment.task.eyes"}
	}
	return Task{Name: "portrait", Done: true}
}

func (f *file) fingersTask() Task {
	return todo("fingerprints", len(f.Fingers) == 10, "enrolment.task.fingerprints")
}

func (f *file) matchTask() Task {
	switch {
	case f.Match == nil:
		return Task{"match", false, "enrolment.task.match"}
	case f.Match.Hit: // before that nothing is held of her: somebody else who is alike decides where it goes
		return Task{"match", true, "enrolment.task.hit"}
	case f.Match.Unread:
		return Task{"match", true, "enrolment.task.unread"}
	case !f.Match.Held:
		return Task{"match", true, "enrolment.task.nothing_held"}
	case f.Match.Band == biometric.NoMatch:
		return Task{"match", true, "enrolment.task.no_match"}
	}
	return Task{Name: "match", Done: true}
}

func (f *file) faceTask() Task {
	return todo("face", f.Match != nil && f.Match.Finding != "", "enrolment.task.face")
}

func (f *file) countMissing() int {
	n := 0
	for _, t := range f.tasks() {
		if !t.Done {
			n++
		}
	}
	return n
}

// late: the deadline passed before it was decided.
func (f *file) late(now time.Time) bool {
	end := now
	if !f.decidedAt.IsZero() {
		end = f.decidedAt
	}
	return !f.dueAt.IsZero() && end.After(f.dueAt)
}
