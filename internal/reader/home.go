// SPDX-License-Identifier: Apache-2.0

package reader

import "time"

// What the program danh reader card and the citizen's door say to each other: at
// home there is no counter and nothing is signed by a reader, because the chip
// proves itself.

// HomeAsk asks for a challenge for the request that a code stands for.
type HomeAsk struct {
	Code string `json:"code"`
}

// HomeChallenge says what the reading would be for, so that whoever holds the
// card can refuse, and what the chip signs.
type HomeChallenge struct {
	Purpose   string    `json:"purpose"`
	Browser   string    `json:"browser"`
	Begun     time.Time `json:"begun"`
	Challenge string    `json:"challenge"`
	Nonce     []byte    `json:"nonce"`
}

// HomeChip is what was read: the security object, data groups by number, and the
// chip's answer.
type HomeChip struct {
	Code      string         `json:"code"`
	Challenge string         `json:"challenge"`
	Security  []byte         `json:"security"`
	Files     map[int][]byte `json:"files"`
	Answer    []byte         `json:"answer"`
}

// HomeRefusal is a problem document (RFC 9457).
type HomeRefusal struct {
	Type  string `json:"type,omitempty"`
	Title string `json:"title"`
}
