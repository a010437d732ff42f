// SPDX-License-Identifier: Apache-2.0

package procedure_test

import (
	"testing"

	"danh/internal/fault"
	"danh/procedure/proceduretest"
)

func TestSearchFindsWhatPeopleType(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		for asked, want := range map[string]string{
			"thông báo lưu trú":  "thong-bao-luu-tru",
			"thong bao luu tru":  "thong-bao-luu-tru",
			"thong bao luu tr":   "thong-bao-luu-tru", // still typing
			"khach ngu lai":      "thong-bao-luu-tru",
			"KHÁCH NGỦ LẠI":      "thong-bao-luu-tru",
			"guest":              "thong-bao-luu-tru",
			"o tro":              "dang-ky-tam-tru",
			"thuê trọ":           "dang-ky-tam-tru",
			"nhap khau":          "dang-ky-thuong-tru",
			"so ho khau":         "dang-ky-thuong-tru",
			"mat cccd":           "cap-lai-the-can-cuoc",
			"het han can cuoc":   "doi-the-can-cuoc",
			"tach ho":            "tach-ho",
			"ct07":               "xac-nhan-cu-tru",
			"di lam xa":          "khai-bao-tam-vang",
			"muc do 2":           "nang-muc-2",
			"dang ky tai khoan":  "mo-tai-khoan-muc-1",
			"lost id":            "cap-lai-the-can-cuoc",
			"khong co noi cu tr": "khai-bao-cu-tru",
		} {
			list, err := h.Desk.Search(t.Context(), asked)
			if err != nil || len(list) == 0 || list[0].Code != want {
				first := ""
				if len(list) > 0 {
					first = list[0].Code
				}
				t.Errorf("%q finds %q first, want %q (%v)", asked, first, want, err)
			}
		}
		for _, none := range []string{"", "   ", "xyzzy", "hộ chiếu ngoại giao đặc biệt", "%", "' OR 1=1"} {
			if list, err := h.Desk.Search(t.Context(), none); err != nil || len(list) != 0 {
				t.Errorf("%q finds %d procedures: %v", none, len(list), err)
			}
		}
	})
}

func TestCatalogueIsCompleteAndHonest(t *testing.T) {
	proceduretest.Run(t, func(t *testing.T, h *proceduretest.House) {
		list, err := h.Desk.Catalogue(t.Context())
		if err != nil || len(list) < 8 {
			t.Fatalf("%d procedures: %v", len(list), err)
		}
		features := map[string]bool{}
		all, err := h.Keeper.ListFeatures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			features[f.Name] = true
		}
		for _, p := range list {
			for what, ok := range map[string]bool{
				"both names": p.Name.VI != "" && p.Name.EN != "", "a summary": p.Short.VI != "" && p.Short.EN != "", "a time": p.Limit.VI != "" && p.Limit.EN != "",
				"who may": len(p.Who) > 0, "what to bring": len(p.Bring) > 0, "steps": len(p.Steps) > 0, "a source": p.Source != "", "a life event": len(p.Life) > 0,
				"a known feature": features[p.Feature], "no claim to be verified": !p.Verified,
			} {
				if !ok {
					t.Errorf("%s lacks %s", p.Code, what)
				}
			}
			if p.Open && p.Code != "thong-bao-luu-tru" && p.Code != "mo-tai-khoan-muc-1" {
				t.Errorf("%s says that it works here", p.Code)
			}
		}
		if _, err := h.Desk.FindProcedure(t.Context(), "dang-ky-bay-len-mat-trang"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a procedure that does not exist: %v", err)
		}
	})
}
