// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"danh/registry/unit"
)

// twins are letters and digits that look like the ones of the barred words.
var twins = strings.NewReplacer("0", "o", "1", "i", "а", "a", "е", "e", "о", "o", "с", "c", "х", "x", "у", "u", "к", "k", "һ", "h", "ѕ", "s", "ο", "o", "κ", "k", "υ", "u", "α", "a",
	"_", " ", "-", " ", ".", " ", "\u00ad", "", "\u200b", "", "\u200c", "", "\u200d", "", "\u2060", "", "\ufeff", "")

// joined are the barred words written as one, and apart those that need their
// borders: "cho khẩu phần" names no book.
var (
	joined = []string{"sohokhau", "sotamtru", "householdbook", "householdregist", "familybook", "familyregister", "hukou"}
	apart  = []string{"ho khau", "hokhau", "shk", "so gia dinh", "household book", "residence book", "book of household"}
)

// Book reports whether a text names the household book or the book of temporary
// residence, however it is spelt: nobody may ask for either, because where
// somebody lives is read in the residence registry (Luật Cư trú 68/2020/QH14,
// Điều 38; capability "no household book").
func Book(text string) bool {
	folded := unit.Fold(twins.Replace(strings.ToLower(text)))
	whole := strings.ReplaceAll(folded, " ", "")
	for _, w := range joined {
		if strings.Contains(whole, w) {
			return true
		}
	}
	padded := " " + folded + " "
	for _, w := range apart {
		if strings.Contains(padded, " "+w+" ") {
			return true
		}
	}
	// One letter at a time: "h ộ k h ẩ u".
	single := true
	for _, w := range strings.Fields(folded) {
		single = single && len(w) <= 2
	}
	return single && strings.Contains(whole, "hokhau")
}

// book refuses whatever asks for the household book, in every text there is.
func (c *checker) book() {
	look := func(path string, texts ...string) {
		for _, s := range texts {
			if Book(s) {
				c.add(Error, "book", path)
				return
			}
		}
	}
	look("client_name", c.d.Name.VI, c.d.Name.EN)
	look("about", c.d.About.VI, c.d.About.EN)
	for i, p := range c.d.Purposes {
		path := "purposes." + strconv.Itoa(i)
		look(path+".code", p.Code)
		look(path+".text", p.Text.VI, p.Text.EN)
		for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
			look(path+".fields."+name, name)
		}
		for n, a := range p.Attachments {
			look(path+".attachments."+strconv.Itoa(n), a)
		}
	}
	for i, s := range c.d.DetailTypes {
		look("authorization_details_types."+strconv.Itoa(i), s)
	}
}
