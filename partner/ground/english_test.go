// SPDX-License-Identifier: Apache-2.0

package ground_test

import (
	"strings"
	"testing"

	"danh/partner/ground"
)

// A reader of English is not left with a Vietnamese law, nor told that its
// English name is official.
func TestEveryGroundHasAnEnglishName(t *testing.T) {
	for _, g := range ground.Grounds {
		n := g.Name()
		if n.VI != g.Law {
			t.Errorf("%s: %q", g.Code, n.VI)
		}
		if !strings.HasSuffix(n.EN, ground.Unofficial) || strings.Contains(n.EN, "Luật") || strings.Contains(n.EN, "Điều") || !strings.Contains(n.EN, "article") {
			t.Errorf("%s: %q", g.Code, n.EN)
		}
	}
	for law, want := range map[string]string{
		"Luật Phòng, chống rửa tiền 14/2022/QH15, Điều 11 và Điều 12": "Law on Anti-Money Laundering 14/2022/QH15, article 11 and article 12" + ground.Unofficial,
		"Nghị định 69/2024/NĐ-CP, Điều 10":                            "Decree 69/2024/NĐ-CP, article 10" + ground.Unofficial,
		"NĐ 69/2024, Điều 14":                                         "Decree 69/2024, article 14" + ground.Unofficial,
		"Luật Căn cước 26/2023/QH15, Điều 24, 25":                     "Law on Identification 26/2023/QH15, article 24, 25" + ground.Unofficial,
		"Luật Không có 1/2020/QH14, Điều 3":                           "Luật Không có 1/2020/QH14, Điều 3", // not half in English
		"contract": "contract",
		"":         "",
	} {
		if got := ground.Name(law); got.EN != want || got.VI != law {
			t.Errorf("%q: %+v", law, got)
		}
	}
}
