// SPDX-License-Identifier: Apache-2.0

package page

import "context"

type referenceKey struct{}

// Reference is the short id of a request that a person can read out on the
// telephone; the same id stands in the log line. It is "" outside Wrap.
func Reference(ctx context.Context) string {
	s, _ := ctx.Value(referenceKey{}).(string)
	return s
}
