// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"
)

// qrCode draws a QR symbol (ISO/IEC 18004, level M) as one SVG path, black on
// white in both themes with the quiet zone of four modules.
func qrCode(text, label string) (template.HTML, error) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("qr: %w", err)
	}
	var d strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; {
			if !c.Black(x, y) {
				x++
				continue
			}
			n := 1
			for c.Black(x+n, y) && x+n < c.Size {
				n++
			}
			fmt.Fprintf(&d, "M%d %dh%dv1h-%dz", x+4, y+4, n, n)
			x += n
		}
	}
	size := c.Size + 8
	return template.HTML(fmt.Sprintf(`<span class="qr"><svg viewBox="0 0 %d %d" role="img" aria-label="%s"><rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="%s"/></svg></span>`,
		size, size, template.HTMLEscapeString(label), size, size, d.String())), nil
}
