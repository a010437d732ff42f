// SPDX-License-Identifier: Apache-2.0

package procedure

// NewCode lets tests make many codes.
var NewCode = newCode
