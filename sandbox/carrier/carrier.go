// SPDX-License-Identifier: Apache-2.0

// Package carrier is the sandbox's mobile carrier: an SMSC that takes messages
// over SMPP and shows them on a page instead of delivering them to phones, and
// the carrier's register of who owns which SIM, asked over HTTP.
//
// It is a neighbour, not a part of the product: it has its own data, its own
// look and its own troubles, which a tester can switch on for a number. What
// it received it keeps in memory, the latest messages only; a restart forgets
// them, as a phone that was reset.
package carrier

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"danh/internal/clock"
	"danh/internal/smpp"
)

// Config is what the carrier stands on.
type Config struct {
	Clock   clock.Clock
	Log     *slog.Logger
	Systems map[string]string // who may bind, with passwords; danh/sandbox without it
	Keep    int               // how many messages are kept; 5000 without it
	Receipt time.Duration     // how long after taking a message its receipt leaves; 100 ms without it
}

// Carrier is the SMSC and the register of subscribers.
type Carrier struct {
	c Config

	mu       sync.Mutex
	messages []*Message // oldest first
	open     map[string]*Message
	seen     map[string]seen // what was taken lately, so that a repeat is not delivered twice
	trouble  map[string]Trouble
	receipts map[string]chan receipt // by system id
	peers    map[*smpp.Peer]bool
	next     int64
	repeats  int64

	register register
}

// Message is a text that arrived at a phone.
type Message struct {
	ID     int64     `json:"id"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
	Parts  int       `json:"parts"`
	Coding string    `json:"coding"` // "GSM 7-bit" or "UCS-2"
	State  string    `json:"state"`  // DELIVRD, UNDELIV, EXPIRED, or "" while parts are missing

	parts map[int]string
}

type seen struct {
	id string
	at time.Time
}

// Trouble is what a number, or "*" for all, does to messages.
type Trouble string

// The troubles.
const (
	None          Trouble = ""
	Refuse        Trouble = "refuse"        // the SMSC refuses the number for good
	Throttle      Trouble = "throttle"      // the SMSC says: slow down
	Slow          Trouble = "slow"          // the SMSC answers after three seconds
	Down          Trouble = "down"          // the line breaks after the message was taken, before the answer
	Undeliverable Trouble = "undeliverable" // taken, but the receipt says it never arrived
	Silent        Trouble = "silent"        // taken and delivered, but no receipt comes
)

// Troubles lists them for the page.
var Troubles = []Trouble{Refuse, Throttle, Slow, Down, Undeliverable, Silent}

type receipt struct {
	message *smpp.Message
	tries   int
}

// New makes a carrier.
func New(c Config) *Carrier {
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Systems == nil {
		c.Systems = map[string]string{"danh": "sandbox"}
	}
	if c.Keep <= 0 {
		c.Keep = 5000
	}
	if c.Receipt <= 0 {
		c.Receipt = 100 * time.Millisecond
	}
	v := &Carrier{c: c, open: map[string]*Message{}, seen: map[string]seen{}, trouble: map[string]Trouble{},
		receipts: map[string]chan receipt{}, peers: map[*smpp.Peer]bool{}}
	for system := range c.Systems {
		v.receipts[system] = make(chan receipt, 10_000)
	}
	v.register.sims = map[string]sim{}
	return v
}

// ServeSMPP takes sessions on a listener until ctx ends. It may run on several listeners at once.
func (v *Carrier) ServeSMPP(ctx context.Context, l net.Listener) error {
	server := smpp.NewServer(smpp.ServerConfig{
		Bind: func(system, password string) smpp.Status {
			if want, ok := v.c.Systems[system]; !ok {
				return smpp.InvalidSystemID
			} else if want != password {
				return smpp.InvalidPassword
			}
			return smpp.OK
		},
		Submit: v.submit,
		Bound:  func(p *smpp.Peer) { v.mu.Lock(); v.peers[p] = true; v.mu.Unlock() },
		Gone:   func(p *smpp.Peer) { v.mu.Lock(); delete(v.peers, p); v.mu.Unlock() },
		Limits: smpp.Limits{Window: 50},
		Log:    v.c.Log,
	})
	var workers sync.WaitGroup
	defer workers.Wait()
	for system := range v.c.Systems {
		workers.Go(func() { v.sendReceipts(ctx, system) })
	}
	return server.Serve(ctx, l)
}

// SetTrouble switches a trouble on or off for a number, or "*" for all.
func (v *Carrier) SetTrouble(number string, t Trouble) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if number != "*" {
		number = canonical(number)
	}
	if t == None {
		delete(v.trouble, number)
	} else {
		v.trouble[number] = t
	}
}

// Messages lists what arrived at a number ("" for all) in full, latest first.
func (v *Carrier) Messages(to string, limit int) []Message {
	v.mu.Lock()
	defer v.mu.Unlock()
	if to != "" {
		to = canonical(to)
	}
	var out []Message
	for i := len(v.messages) - 1; i >= 0 && len(out) < limit; i-- {
		if m := v.messages[i]; m.State != "" && (to == "" || strings.Contains(m.To, to)) {
			c := *m
			c.parts = nil
			out = append(out, c)
		}
	}
	return out
}

// Repeats counts submissions that were taken for repeats of one before.
func (v *Carrier) Repeats() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.repeats
}

// repeatWindow is how long a submission with the same sender, number,
// reference and content counts as a repeat.
const repeatWindow = 10 * time.Minute

func (v *Carrier) submit(_ context.Context, from *smpp.Peer, m smpp.Message) (string, smpp.Status) {
	to := canonical(m.Dest.Number)
	if to == "" {
		return "", smpp.InvalidDest
	}
	v.mu.Lock()
	trouble := v.trouble[to]
	if trouble == None {
		trouble = v.trouble["*"]
	}
	v.mu.Unlock()
	switch trouble {
	case Refuse:
		return "", smpp.InvalidDest
	case Throttle:
		return "", smpp.Throttled
	case Slow:
		time.Sleep(3 * time.Second)
	}
	text, part, err := m.Text()
	if err != nil {
		return "", smpp.SystemError
	}
	id, fresh := v.take(from.SystemID(), to, text, part, m, trouble)
	if fresh && m.RegisteredDelivery&3 == 1 && trouble != Silent {
		state := smpp.Delivered
		if trouble == Undeliverable {
			state = smpp.Undeliverable
		}
		now := v.c.Clock.Now().In(clock.Vietnam)
		v.queueReceipt(from.SystemID(), receipt{message: smpp.NewReceipt(m, smpp.Receipt{MessageID: id, State: state, Code: "000"}, now, now)}, v.c.Receipt)
	}
	if trouble == Down { // it was taken, and its receipt will say so to whoever binds next
		from.Hang()
	}
	return id, smpp.OK
}

// take keeps a part and puts it together with its others. fresh is false for a repeat.
func (v *Carrier) take(system, to, text string, part smpp.Part, m smpp.Message, trouble Trouble) (id string, fresh bool) {
	now := v.c.Clock.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	mark := ""
	if ref, ok := m.Param(smpp.TagUserMessageReference); ok {
		sum := fnv.New64a()
		_, _ = sum.Write(m.Short)
		mark = fmt.Sprintf("%s/%s/%x/%x", system, to, ref, sum.Sum64())
		if s, ok := v.seen[mark]; ok && now.Sub(s.at) < repeatWindow {
			v.repeats++
			return s.id, false
		}
	}
	v.next++
	id = fmt.Sprintf("%016x", v.next)
	if mark != "" {
		if len(v.seen) > 4*v.c.Keep {
			for k, s := range v.seen {
				if now.Sub(s.at) >= repeatWindow {
					delete(v.seen, k)
				}
			}
		}
		v.seen[mark] = seen{id: id, at: now}
	}
	state := smpp.Delivered.String()
	if trouble == Undeliverable {
		state = smpp.Undeliverable.String()
	}
	coding := "GSM 7-bit"
	if m.DataCoding == smpp.CodingUCS2 {
		coding = "UCS-2"
	}
	if part.Count <= 1 || part.Number < 1 || part.Number > part.Count {
		v.keep(&Message{ID: v.next, From: m.Source.Number, To: to, Text: text, At: now, Parts: 1, Coding: coding, State: state})
		return id, true
	}
	key := fmt.Sprintf("%s/%s/%d/%d", m.Source.Number, to, part.Reference, part.Count)
	whole := v.open[key]
	if whole == nil || len(whole.parts[part.Number]) > 0 && whole.parts[part.Number] != text { // the reference came round again
		whole = &Message{ID: v.next, From: m.Source.Number, To: to, At: now, Parts: part.Count, Coding: coding, parts: map[int]string{}}
		v.open[key] = whole
		v.keep(whole)
	}
	whole.parts[part.Number] = text
	if len(whole.parts) == part.Count {
		var b strings.Builder
		for n := 1; n <= part.Count; n++ {
			b.WriteString(whole.parts[n])
		}
		whole.Text, whole.State, whole.At = b.String(), state, now
		delete(v.open, key)
	}
	return id, true
}

func (v *Carrier) keep(m *Message) {
	v.messages = append(v.messages, m)
	if over := len(v.messages) - v.c.Keep; over > 0 {
		clear(v.messages[:over])
		v.messages = v.messages[over:]
		if len(v.open) > 1000 {
			clear(v.open)
		}
	}
}

// queueReceipt sends a receipt after a while; a full queue drops it, as the network may.
func (v *Carrier) queueReceipt(system string, r receipt, after time.Duration) {
	v.mu.Lock()
	queue := v.receipts[system]
	v.mu.Unlock()
	time.AfterFunc(after, func() {
		select {
		case queue <- r:
		default:
		}
	})
}

// receiptTries is how often a receipt is offered before it is dropped.
const receiptTries = 8

func (v *Carrier) sendReceipts(ctx context.Context, system string) {
	for {
		var r receipt
		select {
		case <-ctx.Done():
			return
		case r = <-v.receipts[system]:
		}
		err := fmt.Errorf("nobody is bound")
		v.mu.Lock()
		var to *smpp.Peer
		for p := range v.peers {
			if p.SystemID() == system && p.Receives() {
				to = p
			}
		}
		v.mu.Unlock()
		if to != nil {
			err = to.Deliver(ctx, r.message)
		}
		if err != nil && r.tries < receiptTries {
			r.tries++
			v.queueReceipt(system, r, min(v.c.Receipt<<r.tries, time.Minute))
		}
	}
}

// canonical is a Vietnamese number as 84 and nine digits; other digits stay as they are.
func canonical(number string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
	if strings.HasPrefix(digits, "0") && len(digits) == 10 {
		return "84" + digits[1:]
	}
	return digits
}

// national is the number as people write it.
func national(canonical string) string {
	if strings.HasPrefix(canonical, "84") && len(canonical) == 11 {
		return "0" + canonical[2:]
	}
	return canonical
}
