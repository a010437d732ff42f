// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"danh/internal/id"
)

// Sample is a person with what somebody states about her, as the endpoint takes
// it.
type Sample struct {
	Person id.Person
	Body   []byte
}

// Bench repeats the comparison alone for a while, on one core: the body is read,
// the registries' records are found and compared. Nothing is counted, recorded
// or handed to anybody; every answer must be yes.
func (d *Desk) Bench(ctx context.Context, people []Sample, during time.Duration) (n int, err error) {
	if len(people) == 0 {
		return 0, errors.New("verify: nobody to measure with")
	}
	for end := time.Now().Add(during); time.Now().Before(end); n++ {
		p := people[n%len(people)]
		said, err := parse(p.Body)
		if err != nil {
			return n, err
		}
		out, err := d.compare(ctx, d.c.DB.Read(), question{said: said, person: p.Person})
		if err != nil {
			return n, err
		}
		for name, v := range out {
			if v != Yes {
				return n, fmt.Errorf("verify: %s is %s of what the registry itself holds", name, v)
			}
		}
	}
	return n, nil
}
