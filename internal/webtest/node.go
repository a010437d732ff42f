// SPDX-License-Identifier: Apache-2.0

package webtest

import (
	"strings"

	"golang.org/x/net/html"
)

// Words is an element's visible text with single spaces.
func Words(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			return
		}
		if n.Type == html.ElementNode {
			switch n.Data {
			case "script", "style", "svg", "head", "template":
				return
			case "br", "p", "div", "li", "dt", "dd", "h1", "h2", "h3", "td", "th", "option", "label", "section", "button", "small":
				b.WriteByte(' ')
				defer b.WriteByte(' ')
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func raw(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func within(n, outer *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n == outer {
			return true
		}
	}
	return false
}

// named reports whether an element has these words, as text, label or value.
func named(n *html.Node, words string) bool {
	return Words(n) == words || attr(n, "aria-label") == words || n.Data == "input" && attr(n, "value") == words
}
