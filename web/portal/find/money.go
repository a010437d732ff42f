// SPDX-License-Identifier: Apache-2.0

package find

import (
	"strconv"

	"danh/internal/page"
)

// money is an amount of đồng as people write it: 15.000 đ.
func money(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "." + s[i:]
	}
	return s + " đ"
}

// fee is a fee in words; empty when it is not settled.
func fee(n *int64) page.Text {
	switch {
	case n == nil:
		return page.Text{}
	case *n == 0:
		return page.Text{VI: "không mất phí", EN: "free"}
	}
	return page.Text{VI: money(*n), EN: money(*n)}
}
