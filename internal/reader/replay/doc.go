// SPDX-License-Identifier: Apache-2.0

// Package replay owns a device that plays back files instead of reading a card
// or a finger, in programs that were built with the tag replay. No other build
// holds it: a counter that could replay would prove nothing.
package replay
