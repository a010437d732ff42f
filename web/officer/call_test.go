// SPDX-License-Identifier: Apache-2.0

package officer_test

import (
	"net/http"
	"testing"

	"danh/account/accounttest"
	"danh/office"
)

// The officer of a dossier announces a call: she gets two digits to say, and
// without an account that would show them there is no call.
func TestOfficerAnnouncesACall(t *testing.T) {
	enrolling(t, func(t *testing.T, c *counters) {
		c.appoint(t, c.lan, office.Approver)
		intake := c.colleague(t, office.IntakeOfficer)
		d := c.handedIn(t, intake)
		path := "/dossiers/" + d.ID.String() + "/call"
		p := c.signIn(t, path).Want(200, "Báo trước một cuộc gọi", "Không xin mã")
		p.Submit("Báo trước").Want(422, "Hãy chọn một lý do")
		p.Submit("Báo trước", "reason", "missing").Want(http.StatusConflict, "không có tài khoản")
		minh := c.Person(accounttest.Minh)
		c.Carrier.Says("0987654321", minh.Declared.Number, "yes")
		_, s := c.Open(t, minh, "0987654321")
		p.Submit("Báo trước", "reason", "missing").Want(200, "Bây giờ hãy gọi", "Nói trước hai chữ số", d.Code)
		if n, err := c.rooms.Office.CountCalls(t.Context(), s.Actor()); err != nil || n != 1 {
			t.Error(n, err)
		}
	})
}
