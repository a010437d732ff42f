// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"danh/partner/ground"
)

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)

func (c *checker) purposes() {
	if len(c.d.Purposes) == 0 {
		c.add(Error, "purpose.none", "purposes")
	}
	if len(c.d.Purposes) > 20 {
		c.add(Error, "purpose.many", "purposes")
	}
	seen := map[string]bool{}
	for i, p := range c.d.Purposes {
		path := "purposes." + strconv.Itoa(i)
		if !codeForm.MatchString(p.Code) || seen[p.Code] {
			c.add(Error, "purpose.code", path+".code")
		}
		seen[p.Code] = true
		if p.Text.VI == "" || p.Text.EN == "" || len(p.Text.VI) > 400 || len(p.Text.EN) > 400 {
			c.add(Error, "purpose.text", path+".text")
		}
		if len(p.Fields) == 0 {
			c.add(Error, "purpose.empty", path)
		}
		if len(p.Attachments) > 0 {
			c.add(Error, "attachments", path+".attachments")
		}
	}
}

func (c *checker) grounds() {
	for i, p := range c.d.Purposes {
		path := fmt.Sprintf("purposes.%d", i)
		g, ok := ground.Find(p.Ground, c.o.At)
		if !ok {
			c.add(Error, "ground", path+".ground")
			continue
		}
		if p.Away && g.Code == ground.Consent {
			c.add(Warning, "away.consent", path+".while_away")
		}
	}
}

// fields refuses what the purpose's ground does not carry: asking for more than
// the law of the purpose gives is over-asking, whoever would agree to it.
func (c *checker) fields() {
	for i, p := range c.d.Purposes {
		g, known := ground.Find(p.Ground, c.o.At)
		for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
			path, mode := fmt.Sprintf("purposes.%d.fields.%s", i, name), p.Fields[name]
			f, ok := ground.FindField(name)
			switch {
			case !ok:
				c.add(Error, "field.unknown", path)
			case f.Scope == "":
				c.add(Error, "field.none", path, "field", both(f.Text), "purpose", both(p.Text))
			case !slices.Contains(f.Modes, mode):
				c.add(Error, "field.mode", path, "field", both(f.Text))
			case !known: // said already
			case g.Fields[name] == "":
				c.add(Error, "field.over", path, "field", both(f.Text), "purpose", both(p.Text), "ground", both(g.Name()))
			case !g.Allows(name, mode):
				c.add(Error, "field.more", path, "field", both(f.Text), "ground", both(g.Name()))
			}
		}
	}
}

func (c *checker) keep() {
	for i, p := range c.d.Purposes {
		path := fmt.Sprintf("purposes.%d.keep", i)
		days, ok := Life(p.Keep)
		if !ok {
			c.add(Error, "keep.form", path)
			continue
		}
		if lasts, ok := Life(p.Lasts); !ok || p.Lasts != "" && lasts == 0 {
			c.add(Error, "keep.form", fmt.Sprintf("purposes.%d.consent_lasts", i))
		}
		for _, t := range p.Recipients {
			if t.VI == "" || t.EN == "" || len(p.Recipients) > 20 {
				c.add(Error, "purpose.text", fmt.Sprintf("purposes.%d.recipients", i))
				break
			}
		}
		reads := slices.Contains(slices.Collect(maps.Values(p.Fields)), ground.Read)
		g, known := ground.Find(p.Ground, c.o.At)
		if most, _ := Life(g.Keep); known && days > most {
			c.add(Error, "keep.long", path, "most", cmp.Or(g.Keep, "0"), "ground", both(g.Name()))
		}
		if reads && days == 0 {
			c.add(Warning, "keep.none", path)
		}
	}
}

// least points to what would do with less.
func (c *checker) least() {
	for i, p := range c.d.Purposes {
		if p.Fields["birthdate"] == ground.Read && p.Fields["personal_number"] == "" && len(p.Fields) == 1 {
			c.add(Warning, "least.age", fmt.Sprintf("purposes.%d.fields.birthdate", i))
		}
	}
}
