// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"net/http"
	"net/url"

	"danh/account"
	"danh/internal/fault"
)

// Meeter answers whether a session is enough for a journey; account.Keeper is one.
type Meeter interface {
	Meet(ctx context.Context, s account.Session, journey string) error
}

// Demand lets in whoever is signed in as surely as a journey demands; others
// are led through what is missing and back.
func (g *Guard) Demand(m Meeter, journey string, next http.Handler) http.Handler {
	return Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := From(r.Context())
		if err := m.Meet(r.Context(), s, journey); err != nil {
			g.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// StepUp leads to the page that raises a session when an error is a journey's
// demand, and afterwards back to where she was; false when it is another error.
// The door's frame calls it for every error that a page shows.
func StepUp(w http.ResponseWriter, r *http.Request, err error) bool {
	return StepUpTo(w, r, err, back(r))
}

// StepUpTo is StepUp with another way back: a page, where what was posted to
// cannot be asked for.
func StepUpTo(w http.ResponseWriter, r *http.Request, err error, to string) bool {
	f := fault.Of(err)
	if f == nil || f.Kind != fault.StepUp || f.Args["journey"] == "" {
		return false
	}
	http.Redirect(w, r, "/stepup?"+url.Values{"journey": {f.Args["journey"]}, "return": {to}}.Encode(), http.StatusSeeOther)
	return true
}
