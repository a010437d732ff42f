// SPDX-License-Identifier: Apache-2.0

package enrolment_test

import (
	"strings"
	"testing"

	"danh/enrolment"
	"danh/enrolment/enrolmenttest"
)

// said gives the messages that a phone has that hold some words.
func said(t *testing.T, h *enrolmenttest.House, phone string, words ...string) (out []string) {
	t.Helper()
	h.Deliver(t)
	for _, m := range h.Post.To(phone) {
		holds := true
		for _, w := range words {
			holds = holds && strings.Contains(m, w)
		}
		if holds {
			out = append(out, m)
		}
	}
	return out
}

// TestADossierWithoutAPhoneTellsHerAccounts: a card alone needs no phone in its
// dossier; whoever has an account is still told by SMS, and where to read on.
func TestADossierWithoutAPhoneTellsHerAccounts(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		ctx := t.Context()
		v, phone := h.Adult(t), enrolmenttest.Phone(enrolmenttest.Ha)
		d, err := h.Office.Open(ctx, h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Reissue, Cause: "lost"})
		check(t, err)
		d, err = h.Office.SaveApplicant(ctx, h.Intake, d.ID, 0, h.Applicant(t, enrolmenttest.Ha, ""))
		check(t, err)
		d = h.Capture(t, h.Intake, d, 30)
		d, err = h.Office.SetCard(ctx, h.Intake, d.ID, "lost", "", "BL-1")
		check(t, err)
		d, err = h.Office.HandIn(ctx, h.Intake, h.Signs(t, h.Intake, d).ID)
		check(t, err)
		if n := len(said(t, h, phone, d.Code, "đã đủ")); n != 1 {
			t.Fatalf("told %d times that it is complete", n)
		}
		_, err = h.Office.AskSupplement(ctx, h.Elsewhere, d.ID, "Ảnh chân dung cần chụp lại")
		check(t, err)
		if n := len(said(t, h, phone, d.Code, "cần bổ sung", "mục Hồ sơ tại quầy trong tài khoản của bạn")); n != 1 {
			t.Fatalf("told %d times what is missing", n)
		}
		if got := said(t, h, phone, d.Code, "/track"); len(got) != 0 {
			t.Fatalf("sent past her account: %q", got)
		}
	})
}

// TestAnApplicantWithoutAnAccountIsSentToTheTrackingPage: there is no page of
// her own for her to look at.
func TestAnApplicantWithoutAnAccountIsSentToTheTrackingPage(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		phone := enrolmenttest.Phone(enrolmenttest.Lam)
		d := h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		_, err := h.Office.AskSupplement(t.Context(), h.Second, d.ID, "Ảnh chân dung cần chụp lại")
		check(t, err)
		if n := len(said(t, h, phone, "cần bổ sung", "http://localhost:8080/track: nhập mã "+d.Code)); n != 1 {
			t.Fatalf("told %d times where to look: %q", n, h.Post.To(phone))
		}
		if got := said(t, h, phone, "cần bổ sung", "tài khoản"); len(got) != 0 {
			t.Fatalf("sent to an account that she does not have: %q", got)
		}
	})
}

// TestACodeForTheCounterNamesTheOffice: the officer before her asks for it, so
// it cannot say that officers never do; it says which office and not by phone.
func TestACodeForTheCounterNamesTheOffice(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		phone := enrolmenttest.Phone(enrolmenttest.Lam)
		h.HandedIn(t, h.Intake, enrolmenttest.Lam, enrolment.FirstCard, 20)
		got := said(t, h, phone, "mã xác nhận số điện thoại của bạn tại "+h.Here.Name, "Chỉ đọc mã cho cán bộ", "qua điện thoại")
		if len(got) != 1 || strings.Contains(got[0], "không bao giờ") || strings.Contains(got[0], "xác nhận để xác nhận") {
			t.Fatalf("%q", h.Post.To(phone))
		}
	})
}

// TestOnePageOfEvidenceIsOneLook: whoever reads who looked at her data does not
// find the same page many times over, and never finds it missing.
func TestOnePageOfEvidenceIsOneLook(t *testing.T) {
	run(t, func(t *testing.T, h *enrolmenttest.House) {
		v := h.Adult(t)
		d, err := h.Office.Open(t.Context(), h.Intake, enrolment.Opening{Visit: v.ID.String(), Kind: enrolment.Reissue, Cause: "lost"})
		check(t, err)
		d = h.Complete(t, h.Intake, d, enrolmenttest.Ha, 30)
		before := h.Entries(t, "biometric.evidence.read", "", d.Person)
		list, err := h.Office.ShowEvidence(t.Context(), h.Intake, d.ID)
		check(t, err)
		if len(list) < 2 {
			t.Fatalf("%d pieces of evidence", len(list))
		}
		if n := h.Entries(t, "biometric.evidence.read", "", d.Person) - before; n != 1 {
			t.Fatalf("%d entries for one look", n)
		}
	})
}
