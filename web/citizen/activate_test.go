// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"danh/account"
	. "danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/feed"
	"danh/internal/id"
	"danh/internal/webtest"
)

var atCounter = audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Kim Liên")

// issue opens an account as a counter does, for a representative when there is one.
func issue(t *testing.T, h *House, who Person, phone string, representative id.Person) (a account.ID) {
	t.Helper()
	err := h.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
		if a, err = h.Keeper.OpenProofedTx(t.Context(), tx, atCounter, account.Proofed{Person: who.ID, Number: who.Declared.Number, Name: who.Declared.Name, BirthDate: who.Declared.BirthDate, Sex: who.Declared.Sex,
			Phone: phone, Level: 2, Carrier: account.Yes, Representative: representative, Evidence: account.Evidence{Dossier: "HS-26-0001", What: "fingerprint"}}); err != nil || representative.IsZero() {
			return err
		}
		return h.Keeper.RepresentTx(t.Context(), tx, atCounter, account.Representation{Representative: representative, Person: who.ID, Relation: "mother", Proof: "birth_certificate"})
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var eightDigits = regexp.MustCompile(`\b[0-9]{8}\b`)

func invited(t *testing.T, h *House, phone string) string {
	t.Helper()
	h.Deliver(t)
	for _, text := range slices.Backward(h.Post.To(phone)) {
		if c := eightDigits.FindString(text); c != "" {
			return c
		}
	}
	t.Fatal("no code was sent")
	return ""
}

func TestSheActivatesWhatTheCounterIssued(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		issue(t, h, lan, phone, id.Person{})
		c := serve(t, h)
		code := invited(t, h, phone)
		wrong := "00000000"
		if code == wrong {
			wrong = "11111111"
		}
		p := c.Get("/activate").Want(200, "Kích hoạt tài khoản", "Không đọc mã này cho ai")
		p = p.Submit("Tiếp tục", "number", "", "code", "").Want(422, "Hãy điền")
		p = p.Submit("Tiếp tục", "number", lan.Declared.Number.Reveal(), "code", wrong).Want(422, "không khớp nhau")
		p.Lacks(wrong)
		c.Get("/activate/password").At("/activate") // no step is skipped
		p = p.Submit("Tiếp tục", "number", lan.Declared.Number.Reveal(), "code", code[:4]+" "+code[4:]).At("/activate/password")
		p.Lacks(code)
		p = p.Submit("Kích hoạt", "password", "Lan12345", "again", "Lan12345").Want(422, "ký tự đặc biệt")
		p.Submit("Kích hoạt", "password", string(Password), "again", string(Password)).At("/activate/done").Want(200, "mức 2")
		c.Get("/").Want(200, "Nguyễn Thị Phương Lan", "Mức 2").Lacks("tạm thời")
		// What does not exist yet is never said to be hers to use.
		rows := strings.Join(c.Get("/account").Want(200, "Mức 2").Lacks("Bạn tự khai").Texts(".rows .row"), "|")
		for feature, says := range map[string]string{"Đề nghị cấp, đổi thẻ căn cước": "Tài khoản của bạn dùng được", "Ví giấy tờ": "Sẽ có sau", "Chuyển tiền": "Sẽ có sau",
			"Thanh toán hóa đơn": "Sẽ có sau", "Đóng bảo hiểm": "Sẽ có sau", "Thông báo lưu trú": "Tài khoản của bạn dùng được"} {
			if !strings.Contains(rows, feature+" "+says) {
				t.Errorf("%s is not said to be %q: %s", feature, says, rows)
			}
		}
		// The same code once more, from another browser: as if it were wrong.
		other := webtest.New(t, c.Base)
		other.Get("/activate").Submit("Tiếp tục", "number", lan.Declared.Number.Reveal(), "code", code).Want(422, "không khớp nhau")
		c.English()
		c.Get("/dependants").Want(200, "Dependants", "Nobody yet")
		c.Get("/looked?k=changes").Want(200)
	})
}

func TestACodeThatCameTooLate(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		issue(t, h, lan, phone, id.Person{})
		code := invited(t, h, phone)
		h.Clock.Advance(8 * 24 * time.Hour)
		c := serve(t, h)
		c.Get("/activate").Submit("Tiếp tục", "number", lan.Declared.Number.Reveal(), "code", code).Want(409, "đã hết hạn", "đường dây nóng")
	})
}

func TestTheMotherConfirmsHerChildsSignIn(t *testing.T) {
	Run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		an := h.Register(t, feed.Person{Ref: "an", Name: "Trần Ngọc An", BirthDate: clock.Date{Year: 2016, Month: 12, Day: 3}, Sex: "female", Nationality: "VNM", Ethnicity: "Kinh", Numbers: []feed.Number{{Number: "001316005678"}}})
		issue(t, h, lan, phone, id.Person{})
		mother := serve(t, h)
		activate := func(c *webtest.Client, who Person) *webtest.Page {
			return c.Get("/activate").Submit("Tiếp tục", "number", who.Declared.Number.Reveal(), "code", invited(t, h, phone)).At("/activate/password").
				Submit("Kích hoạt", "password", string(Password), "again", string(Password))
		}
		activate(mother, lan).At("/activate/done")
		issue(t, h, an, phone, lan.ID)
		child := webtest.New(t, mother.Base)
		activate(child, an).At("/waiting").Want(200, "Đang chờ người đại diện xác nhận")
		child.Get("/").At("/waiting")
		child.Get("/security").At("/waiting").Lacks("Máy này")
		child.Get("/authorize?request=abc").At("/waiting")

		// A stranger's account sees nothing of it, and its answer counts for nothing.
		p := mother.Get("/dependants").Want(200, "Đăng nhập tài khoản của Trần Ngọc An", "Giấy khai sinh", "Mẹ", "02/12/2030", "Công an phường Kim Liên")
		form := url.Values{"account": {p.Value("account")}, "use": {p.Value("use")}, "answer": {"yes"}}
		stranger := webtest.New(t, mother.Base)
		minh := h.Register(t, Minh)
		h.Open(t, minh, "0987654321")
		stranger.Get("/signin").Submit("Đăng nhập", "number", minh.Declared.Number.Reveal(), "password", string(Password))
		stranger.Get("/dependants").Want(200, "Chưa có ai").Lacks("Trần Ngọc An")
		stranger.Post("/dependants/use", form).Want(404, "Không có lần đăng nhập nào chờ bạn")
		// Nor does the waiting browser's own.
		child.Post("/dependants/use", form)
		child.Get("/").At("/waiting")
		// Nor one that another site makes her browser send.
		mother.PostFrom("https://evil.example", "/dependants/use", form)
		child.Get("/").At("/waiting")

		p.Submit("Đồng ý").At("/dependants").Want(200, "đã xác nhận")
		child.Get("/waiting?return=/dependants").At("/dependants").Want(200, "Người đại diện cho tôi", "Nguyễn Thị Phương Lan")
		child.Get("/").Want(200, "Trần Ngọc An")

		// The next one is refused, and the page says so.
		again := webtest.New(t, mother.Base)
		again.Get("/signin").Submit("Đăng nhập", "number", an.Declared.Number.Reveal(), "password", string(Password)).At("/waiting")
		mother.Get("/dependants").Submit("Từ chối").At("/dependants").Want(200, "đã từ chối")
		again.Get("/waiting").Want(200, "Người đại diện đã từ chối")
		again.Get("/security").At("/signin")
		// And one that nobody answers is over.
		late := webtest.New(t, mother.Base)
		late.Get("/signin").Submit("Đăng nhập", "number", an.Declared.Number.Reveal(), "password", string(Password)).At("/waiting")
		h.Clock.Advance(11 * time.Minute)
		late.Get("/waiting").Want(200, "Hết giờ chờ")
	})
}
