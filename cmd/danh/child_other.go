// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import "syscall"

// childAttributes put a server into a process group of its own.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
