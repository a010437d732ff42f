// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"encoding/json"

	"danh/account"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/partner"
	"danh/partner/ground"
	"danh/provider"
)

// adult is the age below which nothing is said about anybody who is not there:
// a child's representative is asked instead.
const adult = 14

// Outcome is the answer about one of several people.
type Outcome struct {
	Claims map[string]string `json:"claims,omitempty"`
	Error  string            `json:"error,omitempty"` // "limited"
}

// Standing answers an agency about people who are not there to agree, for a
// purpose whose legal ground allows that. Each is named by the personal number
// and at least two more fields; unless the number and two of those are right,
// everything is answered no, as for a number that nobody bears.
func (d *Desk) Standing(ctx context.Context, c partner.Client, purpose string, people []byte) ([]Outcome, error) {
	narrow, ok := c.For(purpose)
	if !ok || purpose == "" {
		return nil, malformed("purpose must be one that the client is approved for")
	}
	if !ground.Stands(narrow.Only.Ground, clock.DateOf(d.c.Clock.Now())) {
		return nil, &provider.Error{Code: "unauthorized_client", Description: "the ground of the purpose does not allow to ask without the person: ask her to agree"}
	}
	var list []struct {
		Claims map[string]json.RawMessage `json:"claims"`
	}
	if json.Unmarshal(people, &list) != nil || len(list) == 0 || len(list) > maxMany {
		return nil, malformed("people must be a JSON list of 1 to 50 objects with claims")
	}
	said := make([]stated, len(list))
	for i, one := range list { // before anybody is answered about
		var err error
		if said[i], err = read(one.Claims); err != nil {
			return nil, err
		}
		if err := within(narrow, said[i]); err != nil {
			return nil, err
		}
		if said[i].phone != "" {
			// It is no register's: an answer would tell who has an account.
			return nil, malformed("phone_number is compared only with the person")
		}
		if said[i].declared.Number == "" || len(said[i].fields()) < 3 {
			return nil, malformed("each of people needs personal_number and claims of at least two other fields")
		}
	}
	out := make([]Outcome, len(said))
	for i, s := range said {
		q := question{client: narrow, purpose: purpose, ground: narrow.Only.Ground, said: s, absent: true,
			// Wrong values are counted by the number, whether somebody bears it or not.
			subject: d.digest("number", s.declared.Number.Reveal())[:16]}
		answers, err := d.answer(ctx, q)
		switch {
		case fault.Is(err, fault.TooMany) && len(said) == 1:
			return nil, err
		case fault.Is(err, fault.TooMany):
			out[i].Error = "limited"
		case err != nil:
			return nil, err
		}
		out[i].Claims = answers
	}
	return out, nil
}

// whoseTx finds of whom a number is, as far as anything may be said about him.
func (d *Desk) whoseTx(ctx context.Context, tx *db.Tx, q *question) error {
	person, age, err := d.c.Population.BearerTx(ctx, tx, q.said.declared.Number, clock.DateOf(d.c.Clock.Now()))
	if err != nil {
		return err
	}
	if q.person = person; age < adult {
		q.person = id.Person{}
	}
	if !q.client.Trial || q.person.IsZero() {
		return nil
	}
	// No officer approved a trial: for it there are synthetic people alone.
	may, err := d.c.Provider.Admits(ctx, q.client, account.Session{Person: person, Status: account.Active})
	if err == nil && !may {
		q.person = id.Person{}
	}
	return err
}
