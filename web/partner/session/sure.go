// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"embed"
	"net/http"
	"net/url"

	"danh/internal/page"
	"danh/provider"
)

//go:embed *.html
var pages embed.FS

// Change names what takes a passkey at this door in the table of what each
// journey demands.
const Change = "partner_change"

// Sure reports whether somebody signed in as well as such a change demands.
func (g *Guard) Sure(ctx context.Context, v Visitor) (bool, error) {
	demand, err := g.accounts.Demand(ctx, Change)
	if err != nil {
		return false, err
	}
	_, assurance, ok := provider.ACR(v.ACR)
	return ok && assurance >= demand.Assurance, nil
}

// SureAt is the sign-in that would do. It comes back to an address of this door.
func SureAt(back string) string { return "/signin?sure=yes&return=" + url.QueryEscape(back) }

// Unsure answers whoever tried such a change without: what it takes, and the way
// there and back. nav is the part of the door that it belongs to.
func (g *Guard) Unsure(w http.ResponseWriter, r *http.Request, back, nav string) {
	g.j.Render(w, r, http.StatusForbidden, "unsure", page.View{Layout: page.Desk, Title: "partner.sure", Lede: "partner.sure.body", Back: page.Local(back), Nav: nav,
		Data: map[string]any{"At": SureAt(back), "Keys": g.client.Issuer() + "/security/passkeys"}})
}
