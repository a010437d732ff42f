// SPDX-License-Identifier: Apache-2.0

package enrolmenttest

import (
	"testing"

	"danh/audit"
	"danh/internal/id"
	"danh/office"
)

// Entries counts the log's entries about somebody.
func (h *House) Entries(t testing.TB, action, outcome string, about id.Person) (n int) {
	t.Helper()
	check(t, h.DB.Read().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE action = $1 AND outcome = $2 AND subject = $3`, action, outcome, about[:]).Scan(&n))
	return n
}

// Also makes an officer an approver too, or an approver an intake officer.
func (h *House) Also(t testing.TB, a audit.Actor, at office.Office, role office.Role) {
	t.Helper()
	_, err := h.Roster.Appoint(t.Context(), audit.System("test"), office.Appointment{Account: a.Account, Person: a.Person, Role: role, Office: at.ID})
	check(t, err)
}
