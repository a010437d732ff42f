// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"embed"

	"danh/internal/db"
)

//go:embed schema/*.sql
var schemaFS embed.FS

// Schema is the tables of the room and of the packages beneath it.
var Schema = db.Schema{Room: "enrolment", FS: schemaFS}
