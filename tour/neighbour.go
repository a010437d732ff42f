// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// person is somebody the sandbox lets the tour be.
type person struct {
	Ref       string   `json:"ref"`
	Number    string   `json:"number"`
	OldNumber string   `json:"old_number"`
	Name      string   `json:"name"`
	BirthDate string   `json:"birth_date"`
	Sex       string   `json:"sex"`
	Age       int      `json:"age"`
	Phones    []string `json:"phones"`
	Address   string   `json:"address"`
	Father    string   `json:"father"` // refs
	Mother    string   `json:"mother"`

	Cards  []carried `json:"cards"`
	Prints bool      `json:"prints"` // on record
}

// born is the birth date as people write it.
func (p person) born() string {
	parts := strings.Split(p.BirthDate, "-")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, "/")
}

var errNobody = errors.New("the sandbox hands out nobody")

// take asks the sandbox for a person that nobody has been yet.
func (w *walk) take(ctx context.Context, wish string) (person, error) {
	p, err := w.client().PostForm(ctx, w.env.Sandbox+"/people/take?"+wish, url.Values{})
	if err != nil {
		return person{}, err
	}
	if p.Status == 404 && strings.Contains(string(p.Body), "nobody of that kind is left") {
		return person{}, fmt.Errorf("%w: %s", errNobody, strings.TrimSpace(string(p.Body)))
	}
	if err := p.Want(200); err != nil {
		return person{}, fmt.Errorf("the sandbox hands out nobody: %s", strings.TrimSpace(string(p.Body)))
	}
	var got person
	if err := p.JSON(&got); err != nil {
		return person{}, err
	}
	if len(got.Number) != 12 || got.Name == "" || got.BirthDate == "" || got.Age < 0 || strings.Contains(wish, "phone=own") && len(got.Phones) == 0 {
		return person{}, fmt.Errorf("the sandbox handed out half a person")
	}
	return got, nil
}

// sms is a message that arrived at a phone.
type sms struct {
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

func (w *walk) messages(ctx context.Context, phone string) ([]sms, error) {
	p, err := w.client().Open(ctx, w.env.Sandbox+"/sms.json?to="+url.QueryEscape(phone))
	if err != nil {
		return nil, err
	}
	if err := p.Want(200); err != nil {
		return nil, err
	}
	var out struct {
		Messages *[]sms `json:"messages"`
	}
	if err := p.JSON(&out); err != nil {
		return nil, err
	}
	if out.Messages == nil { // an answer about something else is no empty list
		return nil, fmt.Errorf("the sandbox's answer holds no list of messages")
	}
	return *out.Messages, nil
}

// message waits for a message to a phone that meets a condition.
func (w *walk) message(ctx context.Context, phone, what string, after time.Time, is func(text string) bool) (string, error) {
	var text string
	err := eventually(ctx, 15*time.Second, what, func() (bool, error) {
		all, err := w.messages(ctx, phone)
		if err != nil {
			return false, err
		}
		for _, m := range all {
			if !m.At.Before(after.Truncate(time.Second)) && is(m.Text) {
				text = m.Text
				return true, nil
			}
		}
		return false, nil
	})
	return text, err
}

var codeForm = regexp.MustCompile(`(?m)^@\S+ #(\d{6})$`)

// code waits for a one-time code and checks what its message must say.
func (w *walk) code(ctx context.Context, phone string, after time.Time) (string, error) {
	text, err := w.message(ctx, phone, "the message with the code", after, codeForm.MatchString)
	if err != nil {
		return "", err
	}
	code := codeForm.FindStringSubmatch(text)[1]
	if strings.Count(text, code) < 2 {
		return "", fmt.Errorf("the message does not show its code in words")
	}
	if !strings.Contains(strings.ToLower(text), "không") && !strings.Contains(strings.ToLower(text), "khong") {
		return "", fmt.Errorf("the message with the code carries no warning against fraud")
	}
	return code, nil
}
