// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

const operateFile = "../../docs/operate.md"

// TestSettingsTable holds the table of settings in docs/operate.md to the
// program's own flags; -update writes it anew.
func TestSettingsTable(t *testing.T) {
	p, err := kong.New(&cli{}, kong.Name("danh"), purposes)
	if err != nil {
		t.Fatal(err)
	}
	table := settings(p.Model)
	if n := strings.Count(table, "\n"); n < 60 {
		t.Fatalf("the table has only %d lines", n)
	}
	doc, err := os.ReadFile(operateFile)
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "<!-- settings: made by go test ./cmd/danh -run TestSettingsTable -update -->\n", "<!-- end of settings -->\n"
	head, rest, ok := strings.Cut(string(doc), from)
	was, foot, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", operateFile)
	}
	if *update {
		if err := os.WriteFile(operateFile, []byte(head+from+table+to+foot), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != table {
		t.Errorf("the table of settings in %s is not the program's; run go test ./cmd/danh -run TestSettingsTable -update", operateFile)
	}
}

// settings lists every flag once: the common ones first, then by command.
func settings(m *kong.Application) string {
	var b strings.Builder
	head := func(name string) {
		fmt.Fprintf(&b, "\n### %s\n\n| Flag | Environment | Without it | Meaning |\n|---|---|---|---|\n", name)
	}
	common := map[string]bool{}
	for _, leaf := range m.Leaves(true) {
		if leaf.Name == "migrate" {
			head("Every command that touches the data")
			for _, f := range leaf.Flags {
				common[f.Name] = true
				row(&b, f)
			}
		}
	}
	for _, leaf := range m.Leaves(true) {
		var own []*kong.Flag
		for _, f := range leaf.Flags {
			if !common[f.Name] || leaf.Name == "up" {
				own = append(own, f)
			}
		}
		if len(own)+len(leaf.Positional) == 0 {
			continue
		}
		head(strings.TrimPrefix(leaf.FullPath(), "danh "))
		for _, a := range leaf.Positional {
			fmt.Fprintf(&b, "| `%s` | | %s | %s |\n", a.Summary(), needed(a.Required, a.Default), cell(a.Help))
		}
		for _, f := range own {
			row(&b, f)
		}
	}
	return b.String() + "\n"
}

func row(b *strings.Builder, f *kong.Flag) {
	var env []string
	for _, e := range f.Envs {
		env = append(env, "`"+e+"`")
	}
	fmt.Fprintf(b, "| `--%s` | %s | %s | %s |\n", f.Name, strings.Join(env, ", "), needed(f.Required, f.Default), cell(f.Help))
}

func needed(required bool, def string) string {
	switch {
	case required:
		return "needed"
	case def == "":
		return "–"
	}
	return "`" + def + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
