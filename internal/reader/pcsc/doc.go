// SPDX-License-Identifier: Apache-2.0

// Package pcsc owns the way to chip readers on this machine: PC/SC, through the
// system's own library, in programs that were built with the tag pcsc. Others
// say that they have none.
//
// It keeps no card open between two readings and refuses nothing by itself:
// the conversation with the chip is emrtd's.
package pcsc
