// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/alecthomas/kong"

// help prints a command's help; a command without words of its own shows
// those of the group it belongs to, so that each has an example.
func help(o kong.HelpOptions, ctx *kong.Context) error {
	if n := ctx.Selected(); n != nil && n.Detail == "" {
		for p := n.Parent; p != nil; p = p.Parent {
			if p.Detail != "" {
				n.Detail = p.Detail
				break
			}
		}
	}
	return kong.DefaultHelpPrinter(o, ctx)
}
