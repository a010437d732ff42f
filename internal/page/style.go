// SPDX-License-Identifier: Apache-2.0

package page

import "net/http"

func (s *Site) showStyle(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
