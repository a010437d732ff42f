// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
)

// Logout is a checked wish to sign out (OpenID Connect RP-Initiated Logout 1.0).
type Logout struct {
	Client  *partner.Client // who sent her, when that is known
	Return  string          // where to go afterwards; "" is the page that says so
	Confirm bool            // she must be asked: nothing shows that the wish is hers
}

// EndSession checks a wish to sign out. Only an ID token of ours that was made
// for the person who is signed in spares her the question; anybody can make a
// link without one. An address that is not registered exactly is a fault.
func (p *Provider) EndSession(ctx context.Context, v url.Values, s *account.Session) (Logout, error) {
	out := Logout{Confirm: true}
	if bad := single(v); bad != nil {
		return out, fault.New(fault.Invalid, "provider.logout")
	}
	hint, client := v.Get("id_token_hint"), v.Get("client_id")
	var h idClaims
	if hint != "" {
		var err error
		if h, err = p.readHint(hint); err != nil {
			hint = "" // its key may have gone: it says nothing, and she is asked
		} else if client != "" && client != h.Audience {
			return out, fault.New(fault.Invalid, "provider.logout")
		} else {
			client = h.Audience
		}
	}
	if client != "" {
		c, err := p.findClient(ctx, partner.ID(client))
		if hint != "" && fault.Is(err, fault.NotFound) {
			// It was ended since she signed in there: she can sign out all the same.
			return Logout{Confirm: s != nil}, nil
		}
		if err != nil {
			return out, err
		}
		out.Client = &c
		out.Confirm = s != nil && (hint == "" || p.subject(c, s.Account) != h.Subject)
	}
	if to := v.Get("post_logout_redirect_uri"); to != "" {
		if out.Client == nil || !slices.Contains(out.Client.PostLogoutURIs, to) {
			return out, fault.New(fault.Invalid, "provider.logout")
		}
		out.Return = (Answer{RedirectURI: to, Values: stateOf(v)}).URL()
		if len(stateOf(v)) == 0 {
			out.Return = to
		}
	}
	if s == nil {
		out.Confirm = false
	}
	return out, nil
}

func stateOf(v url.Values) url.Values {
	out := url.Values{}
	if s := v.Get("state"); s != "" && len(s) <= maxOpaque {
		out.Set("state", s)
	}
	return out
}

// SignOut ends her session and the grants that live no longer than it.
func (p *Provider) SignOut(ctx context.Context, s account.Session) error {
	own := s.Holder()
	if err := p.c.Accounts.SignOut(ctx, citizen(own), own.ID); err != nil {
		return err
	}
	err := p.c.DB.Write(ctx, func(tx *db.Tx) error {
		for _, s := range []account.Session{s, own} {
			if _, err := tx.ExecContext(ctx, `UPDATE provider_grant SET revoked_at = $3, revoked_why = 'signed_out'
				WHERE account = $1 AND session = $2 AND offline = $4 AND revoked_at IS NULL`, s.Account, s.ID, clock.Micros(p.c.Clock.Now()), false); err != nil {
				return err
			}
			if own.ID == s.ID {
				break
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("end the session's grants: %w", err)
	}
	return nil
}
