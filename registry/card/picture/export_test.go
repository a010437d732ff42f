// SPDX-License-Identifier: Apache-2.0

package picture

// CountStripes counts the paths of a ground by kind.
func CountStripes(seed uint32) (lines, waters, crosses int) {
	for _, s := range stripes(seed) {
		switch s.class {
		case "w":
			waters++
		case "x":
			crosses++
		default:
			lines++
		}
	}
	return lines, waters, crosses
}

// Front paints the front alone.
func Front(c Card) ([]byte, error) { return paint(c, (*canvas).front) }
