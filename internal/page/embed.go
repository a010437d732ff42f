// SPDX-License-Identifier: Apache-2.0

package page

import (
	"embed"
	"sort"
)

//go:embed component layout asset text worker
var embedded embed.FS

func sorted(s []string) []string {
	sort.Strings(s)
	return s
}
