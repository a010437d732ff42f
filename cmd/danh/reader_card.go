// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"danh/internal/clock"
	"danh/internal/reader"
	"danh/internal/reader/agent"
	"danh/internal/reader/pcsc"
	"danh/internal/reader/replay"
)

type readerCardCommand struct {
	At       string        `help:"The citizen's door, as the browser shows it." required:"" placeholder:"URL"`
	Code     string        `help:"The code that the page of your request shows." required:"" placeholder:"CODE"`
	Document string        `help:"The last nine digits of your card's number; asked for when it is not given." placeholder:"DIGITS"`
	Birth    string        `help:"Your birth date, YYMMDD; asked for when it is not given." placeholder:"YYMMDD"`
	Expiry   string        `help:"Until when the card is valid, YYMMDD; 991231 when it has no end." placeholder:"YYMMDD"`
	Yes      bool          `help:"Answer the question beforehand."`
	Wait     time.Duration `help:"How long to wait for the card." default:"90s"`
	Replay   string        `help:"Play a folder back instead of reading; test builds alone." placeholder:"FOLDER"`
}

// Help implements kong.HelpProvider.
func (readerCardCommand) Help() string {
	return `Reads the chip of your identity card at home, to get your account back. Nothing
is paired: the chip proves itself by answering a challenge. It says first what the
reading is for; answer yes only when it is your own request. Your portrait is not
sent. It needs a card reader and a program that was built with PC/SC.

Example:
  danh reader card --at https://danh.example --code ABCDE-23456`
}

func (c *readerCardCommand) Run(w *world) error {
	base, err := url.Parse(strings.TrimRight(c.At, "/"))
	if err != nil || base.Host == "" || base.Scheme != "https" && !(base.Scheme == "http" && loopbackName(base.Hostname())) {
		return errors.New("--at is an https address, or one of this machine")
	}
	var d agent.Device
	if c.Replay != "" {
		all, err := replay.Open(c.Replay)
		if err != nil {
			return err
		}
		d = all[0]
	} else if d, err = pcsc.Open(); err != nil {
		return err
	}
	in := bufio.NewReader(os.Stdin)
	for _, q := range []struct {
		into *string
		ask  string
	}{{&c.Document, "last nine digits of the card's number: "}, {&c.Birth, "birth date, YYMMDD: "}, {&c.Expiry, "card valid until, YYMMDD (991231 without end): "}} {
		if *q.into == "" {
			if *q.into, err = asked(w, in, q.ask); err != nil {
				return err
			}
		}
	}
	access := reader.Access{Document: c.Document, Birth: c.Birth, Expiry: c.Expiry}
	if err := access.Check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(w.ctx, c.Wait+30*time.Second)
	defer cancel()
	door := homeDoor{base.String(), &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	// 1. What for: whoever holds the card decides, not whoever gave her the code.
	var ask reader.HomeChallenge
	if err := door.post(ctx, "/recover/chip/challenge", reader.HomeAsk{Code: c.Code}, &ask); err != nil {
		return err
	}
	fmt.Fprintf(w.out, "for:  %s\nfrom: %s, %s\n", ask.Purpose, ask.Browser, ask.Begun.In(clock.Vietnam).Format("15:04 02/01/2006"))
	if !c.Yes {
		said, err := asked(w, in, "is this your own request? Nobody else may tell you to do this. yes/no: ")
		if err != nil {
			return err
		}
		if said != "yes" {
			return errors.New("not read")
		}
	}
	// 2. The reading. A challenge lives shortly, so it is asked for once she is ready.
	if err := door.post(ctx, "/recover/chip/challenge", reader.HomeAsk{Code: c.Code}, &ask); err != nil {
		return err
	}
	fmt.Fprintf(w.out, "lay the card on %s\n", d.Device().Name)
	waiting, stop := context.WithTimeout(ctx, c.Wait)
	got, err := d.Read(waiting, reader.Ask{Want: reader.Want{Kind: reader.Chip}, Challenge: ask.Nonce, Access: access})
	stop()
	if err != nil {
		return err
	}
	// 3. What proves her and no more: the portrait stays on the card.
	out := reader.HomeChip{Code: c.Code, Challenge: ask.Challenge, Security: got.Files["sod"], Files: map[int][]byte{}, Answer: got.Answer}
	for _, n := range []int{1, 14, 15} {
		if b := got.Files[fmt.Sprintf("dg%d", n)]; b != nil {
			out.Files[n] = b
		}
	}
	if err := door.post(ctx, "/recover/chip", out, nil); err != nil {
		return err
	}
	fmt.Fprintln(w.out, "the chip proved itself; go on in your browser")
	return nil
}

func asked(w *world, in *bufio.Reader, question string) (string, error) {
	fmt.Fprint(w.out, question)
	line, err := in.ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", errors.Join(errors.New("nothing was typed"), err)
	}
	return line, nil
}

// homeDoor is the citizen's door as the reader at home knows it.
type homeDoor struct {
	base string
	http *http.Client
}

func (d homeDoor) post(ctx context.Context, path string, body, into any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.base+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept-Language", "en")
	w, err := d.http.Do(r)
	if err != nil {
		return errors.New("the citizen's door does not answer")
	}
	defer w.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(w.Body, 64<<10))
	if err != nil {
		return errors.New("the citizen's door does not answer")
	}
	if w.StatusCode >= 300 {
		var why reader.HomeRefusal
		if json.Unmarshal(raw, &why) != nil || why.Title == "" {
			return fmt.Errorf("the citizen's door refused: %d", w.StatusCode)
		}
		return fmt.Errorf("the citizen's door refused: %s", why.Title)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}
