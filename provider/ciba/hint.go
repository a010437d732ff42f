// SPDX-License-Identifier: Apache-2.0

package ciba

import (
	"context"
	"net/url"
	"strings"

	"danh/account"
	"danh/account/contact"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/partner"
	"danh/provider/claim"
	"danh/registry/population"
)

// hint is by what a client says whom it means.
type hint struct {
	by    string // "subject", "number", "phone"
	value string
}

// String is what attempts at the same person are counted under.
func (h hint) String() string { return h.by + ":" + h.value }

// Prefixes of a login_hint that is not a pairwise subject.
const (
	byNumber = "personal_number:"
	byPhone  = "phone:"
)

// readHint reads exactly one hint (CIBA Core 1.0, section 7.1). What it names is
// not looked for here, so that its errors depend on the text alone. as is the
// client as far as its purpose goes: the number and the phone are for those who
// may have them.
func (d *Desk) readHint(ctx context.Context, c, as partner.Client, v url.Values) (hint, error) {
	n := 0
	for _, k := range []string{"login_hint", "login_hint_token", "id_token_hint"} {
		if v.Get(k) != "" {
			n++
		}
	}
	if n != 1 {
		return hint{}, refuse("invalid_request", "exactly one of login_hint, login_hint_token and id_token_hint is required")
	}
	if s := v.Get("id_token_hint"); s != "" {
		sub, err := d.c.Provider.HintedSubject(s, c)
		return hint{"subject", sub}, err
	}
	if s := v.Get("login_hint_token"); s != "" {
		sub, err := d.c.Provider.HintToken(ctx, s, c)
		return hint{"subject", sub}, err
	}
	s := v.Get("login_hint")
	may := func(f claim.Field) bool { _, ok := as.Ask(claim.ScopeOf(f)); return ok }
	if text, ok := strings.CutPrefix(s, byNumber); ok {
		number, err := population.ParseNumber(text)
		switch {
		case !may(claim.Number):
			return hint{}, refuse("invalid_request", "the client may not name people by their number")
		case err != nil:
			return hint{}, refuse("invalid_request", "login_hint holds no number")
		}
		return hint{"number", number.Reveal()}, nil
	}
	if text, ok := strings.CutPrefix(s, byPhone); ok {
		phone, err := contact.ParsePhone(text)
		switch {
		case !may(claim.Phone):
			return hint{}, refuse("invalid_request", "the client may not name people by their phone")
		case err != nil:
			return hint{}, refuse("invalid_request", "login_hint holds no phone")
		}
		return hint{"phone", phone}, nil
	}
	if len(s) > 200 {
		return hint{}, refuse("invalid_request", "login_hint is too long")
	}
	return hint{"subject", s}, nil
}

// findTx finds whose account a hint names; the zero key when nobody's.
func (d *Desk) findTx(ctx context.Context, tx *db.Tx, c partner.Client, h hint) (account.ID, error) {
	switch h.by {
	case "number":
		a, err := d.c.Accounts.FindByNumberTx(ctx, tx, population.Number(h.value))
		if fault.Is(err, fault.NotFound) {
			return account.ID{}, nil
		}
		return a.ID, err
	case "phone":
		return d.c.Accounts.FindByPhoneTx(ctx, tx, h.value)
	}
	return d.c.Provider.FindSubjectTx(ctx, tx, c, h.value)
}
