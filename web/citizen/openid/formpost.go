// SPDX-License-Identifier: Apache-2.0

package openid

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
)

var formPostHash = func() string {
	h := sha256.Sum256([]byte(formPostScript))
	return "sha256-" + base64.StdEncoding.EncodeToString(h[:])
}()

// Without JavaScript the button does what the script does.
var formPostPage = template.Must(template.New("form_post").Parse(`<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Danh</title></head>
<body><form method="post" action="{{.To}}">
{{range $name, $list := .Values}}{{range $list}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<noscript><p>Bấm nút để tiếp tục. Press the button to go on.</p><button>Tiếp tục / Continue</button></noscript>
</form><script>` + formPostScript + `</script></body></html>
`))
