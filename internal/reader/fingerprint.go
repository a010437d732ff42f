// SPDX-License-Identifier: Apache-2.0

package reader

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

// Fingerprint is what people compare of a counter's key: 80 bits of its digest
// in four groups, on the machine that holds the key and on the console's page.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(append([]byte("danh/reader/key\x00"), key...))
	s := crockford.EncodeToString(sum[:10])
	return strings.Join([]string{s[:4], s[4:8], s[8:12], s[12:]}, "-")
}
