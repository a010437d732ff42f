// SPDX-License-Identifier: Apache-2.0

package main

type benchClients struct{}

func benchSignIn(b *bench) error     { return nil }
func benchFlow(b *bench) error       { return nil }
func benchIntrospect(b *bench) error { return nil }
func benchRefresh(b *bench) error    { return nil }
