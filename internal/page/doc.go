// SPDX-License-Identifier: Apache-2.0

// Package page owns the look and the frame of every page: layouts, components,
// tokens, fonts, icons, the terrace drawing, the two languages, the security
// headers and how a fault is told to a person.
//
// A door makes one Site; each journey folder hands its templates and texts to
// Site.Journey, which panics at start when a template is broken or a text is
// missing in either language, so that no reader ever finds out first.
//
// It refuses to know what any page is about: no room is imported, and nothing
// is stored but two small preference cookies and one notice key. Everything is
// read-only after start and safe for concurrent use.
package page
