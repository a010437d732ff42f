// SPDX-License-Identifier: Apache-2.0

package provider

import "time"

// Error is an OAuth 2.0 error answer. Its description is a fixed text and never
// repeats what was sent.
type Error struct {
	Code        string // RFC 6749, sections 4.1.2.1 and 5.2; RFC 6750, section 3.1; RFC 9126, section 2.3
	Description string

	ACR    []string      // with InsufficientAuth: the classes of which one would do
	MaxAge time.Duration // with InsufficientAuth: the age that would do; 0: any
}

// Error implements error.
func (e *Error) Error() string { return "oauth: " + e.Code + ": " + e.Description }

func refuse(code, description string) *Error { return &Error{Code: code, Description: description} }

// Errors that a door answers alike whatever the cause.
var (
	errClient = refuse("invalid_client", "client authentication failed")
	errGrant  = refuse("invalid_grant", "the code or token is invalid, expired, used or revoked")
	errToken  = refuse("invalid_token", "the access token is invalid, expired or revoked")
)

// Codes of errors that the HTTP door must treat apart.
const (
	InvalidClient = "invalid_client"
	InvalidToken  = "invalid_token"

	InvalidProof = "invalid_dpop_proof" // RFC 9449, section 12.2
	UseNonce     = "use_dpop_nonce"     // RFC 9449, section 8

	InsufficientAuth = "insufficient_user_authentication" // RFC 9470, section 3
)
