// SPDX-License-Identifier: Apache-2.0

package benchclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Verify states facts about people again and again; bodies are by session, and
// right.
func (c *Client) Verify(ctx context.Context, bodies [][]byte, workers int, d time.Duration) (Result, error) {
	if len(bodies) != len(c.t.Sessions) || c.meta.Verify == "" {
		return Result{}, errors.New("a body for each session and a verification endpoint are needed")
	}
	return c.run(ctx, workers, d, func(ctx context.Context, worker int) (func(context.Context) error, error) {
		i := worker % len(bodies)
		t, err := c.SignIn(ctx, c.t.Sessions[i])
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.meta.Verify, bytes.NewReader(bodies[i]))
			if err != nil {
				return err
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+t.Access)
			var a struct {
				Claims map[string]string `json:"claims"`
			}
			if _, err := c.json(r, http.StatusOK, &a); err != nil {
				return err
			}
			for name, v := range a.Claims {
				if v != "yes" {
					return fmt.Errorf("%s is answered %s", name, v)
				}
			}
			if len(a.Claims) == 0 {
				return errors.New("nothing is answered")
			}
			return nil
		}, nil
	})
}
