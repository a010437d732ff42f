// SPDX-License-Identifier: Apache-2.0

package open

import (
	"io"
	"net/http"
)

// firstFile streams a file of a multipart form without keeping it on disk.
func firstFile(r *http.Request, name string) (io.Reader, error) {
	m, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	for {
		p, err := m.NextPart()
		if err != nil {
			return nil, err
		}
		if p.FormName() == name && p.FileName() != "" {
			return p, nil
		}
	}
}
