// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/account/approval"
	"danh/internal/browse"
	"danh/internal/db"
	"danh/internal/webtest"
	"danh/web/citizen"
)

// approver is Lan with a passkey and a passcode at a door that takes approvals.
type approver struct {
	*House
	desk *approval.Desk
	c    *webtest.Client
	key  *browse.Passkey
}

func approvers(t *testing.T, body func(t *testing.T, x *approver)) {
	t.Helper()
	Run(t, func(t *testing.T, h *House) {
		desk := approval.New(approval.Config{DB: h.DB, Clock: h.Clock, Seal: h.Seal, Audit: h.Audit, Accounts: h.Keeper})
		c := webtest.Serve(t, citizen.Door(citizen.Config{Accounts: h.Keeper, Approvals: desk, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log, Portal: "http://localhost:8081"}))
		lan := h.Register(t, Lan)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		open(t, h, c, lan, phone, "/open")
		body(t, &approver{House: h, desk: desk, c: c})
	})
}

// arm gives her a passkey and a passcode.
func (x *approver) arm(t *testing.T) {
	t.Helper()
	x.key = x.Enlist(t, signed(t, x.House, x.c), Citizen)
	p := x.c.Get("/security/passcode").At("/stepup")
	p = p.Submit(byPasskey, "credential", answered(t, p, x.key)).At("/security/passcode")
	p.Submit("Lưu mã passcode", "passcode", "730418", "again", "730418").At("/security")
}

func transfer() approval.Document {
	return approval.Document{Journey: "transfer", Title: "approval.consent", Party: "Hộ kinh doanh <b>Tư Sáng</b>", Amount: "1250000",
		Fields: []approval.Field{{Label: "approval.purpose", Value: "Trả tiền <script>gạo</script>"}, {Label: "approval.field.personal_number", Value: "001190001234"}}}
}

func (x *approver) ask(t *testing.T) (approval.ID, string) {
	t.Helper()
	a, err := x.desk.Ask(t.Context(), signed(t, x.House, x.c), transfer(), "/security?from=here")
	if err != nil {
		t.Fatal(err)
	}
	return a, "/approve/" + a.String()
}

func TestSheApprovesOnThePage(t *testing.T) {
	approvers(t, func(t *testing.T, x *approver) {
		x.arm(t)
		a, path := x.ask(t)
		p := x.c.Get(path).Want(200, "Chia sẻ dữ liệu của tôi", "Hộ kinh doanh <b>Tư Sáng</b>", "1.250.000 đồng", "Trả tiền <script>gạo</script>", "Số định danh cá nhân", "001190001234", "Từ chối", "Còn lại để trả lời", "Không cán bộ, ngân hàng nào")
		p.Lacks("<script>gạo")
		p = p.Submit("Xác nhận", "passcode", "999111", "credential", answered(t, p, x.key)).Want(422, "Còn 9 lần thử").Lacks("999111")
		p = p.Submit("Xác nhận", "passcode", "", "credential", answered(t, p, x.key)).Want(422, "nhập mã passcode")
		p = p.Submit("Xác nhận", "passcode", "730418").Want(422, "chưa đủ mạnh")
		p = p.Submit("Xác nhận", "passcode", "730418", "credential", answered(t, p, x.key)).At("/security")
		if got := p.URL.Query(); got.Get("approval") != a.String() || got.Get("from") != "here" {
			t.Errorf("back at %s", p.URL)
		}
		err := x.DB.Write(t.Context(), func(tx *db.Tx) error {
			got, err := x.desk.ConsumeTx(t.Context(), tx, signed(t, x.House, x.c), a, transfer())
			if err == nil && got.Assurance != 4 {
				t.Errorf("%+v", got)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		x.c.Get(path).Want(409, "đã được trả lời")
	})
}

func TestSheRefusesOnThePage(t *testing.T) {
	approvers(t, func(t *testing.T, x *approver) {
		x.arm(t)
		a, path := x.ask(t)
		x.c.Get(path).Submit("Từ chối").Want(200, "Bạn đã từ chối", "Chưa có gì được làm", "Khóa tài khoản")
		if got, err := x.desk.Find(t.Context(), signed(t, x.House, x.c), a); err != nil || got.State != approval.Refused {
			t.Errorf("%+v %v", got, err)
		}
		_, path = x.ask(t)
		x.Clock.Advance(6 * time.Minute)
		x.c.Get(path).Want(409, "hết hạn")
		// Nobody else sees it.
		_, path = x.ask(t)
		stranger := webtest.New(t, x.c.Base)
		stranger.Get(path).At("/signin")
		stranger.Get("/signin").Submit("Đăng nhập", "number", x.Register(t, Lan).Declared.Number.Reveal(), "password", string(Password)).At("/")
		stranger.Get(path).Want(404, "Không có yêu cầu")
		x.c.Get("/approve/nonsense").Want(404)
	})
}

func TestWhoHasTooLittleIsToldWhatToDo(t *testing.T) {
	approvers(t, func(t *testing.T, x *approver) {
		key := x.Enlist(t, signed(t, x.House, x.c), Citizen)
		if key == nil {
			t.Fatal("no key")
		}
		_, path := x.ask(t)
		p := x.c.Get(path).Want(200, "chưa đủ để xác nhận", "Đặt mã passcode", "Từ chối")
		if p.Has(`form[data-proof]`) || strings.Contains(p.Text("body"), "Xác nhận bằng") {
			t.Error("a proof is asked for that cannot be enough")
		}
		p.Submit("Từ chối").Want(200, "Bạn đã từ chối")
	})
}
