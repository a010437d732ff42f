// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"danh/internal/browse"
)

// OpenParty signs a legal representative in at the partner door, begins with one
// of her organisations where nobody has yet, and gives the path of its pages.
func OpenParty(ctx context.Context, env Env, c *browse.Client, head *Officer, organisation string) (string, error) {
	p, err := SignInStaff(ctx, env, c, env.Partner, "/clients", head)
	if err != nil {
		return "", err
	}
	if err := at(p, "/clients", 200); err != nil {
		return "", err
	}
	for _, a := range p.All(`main a[href^="/parties/"]`) {
		if strings.Contains(browse.TextOf(a), organisation) {
			return browse.Attr(a, "href"), nil
		}
	}
	begin := slices.DeleteFunc(p.Forms(), func(f *browse.Form) bool { return !f.Offers("organisation") })
	for i, b := range p.All(`form[action="/parties"] button`) {
		if i >= len(begin) || !strings.HasSuffix(browse.Attr(b, "aria-label"), organisation) {
			continue
		}
		if p, err = begin[i].Submit(ctx, ""); err != nil {
			return "", err
		}
		return strings.TrimSuffix(p.URL.Path, "/profile"), p.Want(200)
	}
	return "", fmt.Errorf("the organisation %s, which she represents by law, is not offered", organisation)
}
