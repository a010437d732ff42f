// SPDX-License-Identifier: Apache-2.0

// Package operation owns the operator's board: what runs, what waits, what has
// failed, and how far the audit log is sealed; and sets failed work going again.
//
// It shows no one's data: jobs carry keys, deliveries neither address nor text.
// It refuses to act itself; the office room does, under the operator's role.
// The board answers even when a part of it cannot be read, and says which.
package operation

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"strconv"
	"time"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/job"
	"danh/internal/page"
	"danh/notify"
	"danh/office"
	"danh/web/officer/session"
)

//go:embed *.html *.text.json
var files embed.FS

// Config is what the board reads and acts through.
type Config struct {
	Operations *office.Operations
	Jobs       *job.Queue
	Notify     *notify.Sender
	Audit      *audit.Log
	Clock      clock.Clock
}

type board struct {
	Config
	journey *page.Journey
	site    *page.Site
}

// Mount puts the journey on the door.
func Mount(mux *http.ServeMux, site *page.Site, guard *session.Guard, c Config) {
	b := &board{Config: c, journey: site.Journey(files), site: site}
	mux.HandleFunc("GET /operations", guard.Require(office.Operator, b.show))
	mux.HandleFunc("GET /operations/jobs/{id}", guard.Require(office.Operator, b.askRevive))
	mux.HandleFunc("POST /operations/jobs/{id}", guard.Require(office.Operator, b.revive))
	mux.HandleFunc("POST /operations/messages", guard.Require(office.Operator, b.retry))
}

const (
	most      = 50
	lateJob   = time.Minute            // a due job older than this needs a look
	lateSeal  = 30 * time.Second       // entries that wait longer than this to be sealed
	sealPause = 600 * time.Millisecond // more than two turns of the sealer
	every     = 30                     // seconds between two drawings of the board, when asked for
)

// channel is one line of the deliveries' table.
type channel struct {
	Name                          string
	Done, Waiting, Over, Bad, All int64
	Share                         int64 // done in hundredths of all
}

// deadJob and trouble are rows in words.
type deadJob struct {
	job.Dead
	What string
}

type trouble struct {
	notify.Trouble
	What    string
	OneTime bool // carries a code: cannot be sent again
}

func (b *board) show(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	ctx, lang := r.Context(), page.Language(r)
	var broken []string
	part := func(name string, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			broken = append(broken, "operation.part."+name)
		}
	}
	stats, err := b.Jobs.Stats(ctx)
	part("jobs", err)
	list, err := b.Jobs.ListDead(ctx, most)
	part("jobs", err)
	counts, err := b.Notify.CountStates(ctx)
	part("messages", err)
	failed, err := b.Notify.ListFailed(ctx, time.Time{}, most)
	part("messages", err)
	head, err := b.Audit.Head(ctx)
	part("log", err)

	dead := make([]deadJob, len(list))
	for i, d := range list {
		dead[i] = deadJob{d, b.word(lang, "operation.job."+d.Kind, d.Kind)}
	}
	troubles := make([]trouble, len(failed))
	for i, t := range failed {
		troubles[i] = trouble{t, b.word(lang, "operation.message."+t.Template, t.Template), t.Template == "otp" || t.Template == "counter_code"}
	}
	channels, bad := sum(counts)
	sealLate := b.sealLate(ctx, head)
	jobsLate := stats.Due > 0 && stats.OldestDue > lateJob
	look := 0
	for _, wrong := range []bool{stats.Dead > 0, jobsLate, bad > 0, sealLate, len(broken) > 0} {
		if wrong {
			look++
		}
	}
	title, args := "operation.fine", map[string]string{}
	if look > 0 {
		title, args["n"] = "operation.look", strconv.Itoa(look)
	}
	auto := r.URL.Query().Get("auto") == "1"
	if auto {
		// The browser's own clock draws the board anew: no script, and the
		// operator may switch it off (WCAG 2.2, 2.2.2).
		w.Header().Set("Refresh", strconv.Itoa(every)+"; url=/operations?auto=1")
	}
	b.journey.Render(w, r, http.StatusOK, "board", page.View{Layout: page.Desk, Wide: true, Title: title, Args: args, Nav: "operations", Data: map[string]any{
		"Stats": stats, "Dead": dead, "Channels": channels, "Bad": bad, "Troubles": troubles, "Head": head, "SealLate": sealLate, "JobsLate": jobsLate,
		"Broken": broken, "Auto": auto, "Share": share(int64(head.Size), int64(head.Size)+head.Waiting),
	}})
}

// sealLate reports whether entries wait while nothing seals them. The newest
// seal is old in a quiet hour too, so an old one is looked at twice: a sealer
// that works takes what waits within the pause.
func (b *board) sealLate(ctx context.Context, h audit.Head) bool {
	if h.Waiting == 0 || h.Published.IsZero() || b.Clock.Now().Sub(h.Published) <= lateSeal {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(sealPause):
	}
	again, err := b.Audit.Head(ctx)
	return err == nil && again.Waiting > 0 && again.Size == h.Size
}

// word says a known word, and an unknown one as it is.
func (b *board) word(lang, key, plain string) string {
	if s := b.journey.Say(lang, key, nil); s != key {
		return s
	}
	return plain
}

// sum adds up deliveries by channel; bad is how many an operator should look at.
func sum(counts []notify.Count) (out []channel, bad int64) {
	for _, c := range counts {
		if n := len(out); n == 0 || out[n-1].Name != string(c.Channel) {
			out = append(out, channel{Name: string(c.Channel)})
		}
		l := &out[len(out)-1]
		l.All += c.N
		switch c.State {
		case notify.Sent, notify.Delivered:
			l.Done += c.N
		case notify.Queued, notify.Sending:
			l.Waiting += c.N
		case notify.Expired:
			l.Over += c.N
		default:
			l.Bad += c.N
			bad += c.N
		}
	}
	for i := range out {
		out[i].Share = share(out[i].Done, out[i].All)
	}
	return out, bad
}

func share(part, all int64) int64 {
	if all == 0 {
		return 100
	}
	return 100 * part / all
}

// find finds a dead job among the listed ones.
func (b *board) find(r *http.Request) (deadJob, error) {
	var which job.ID
	gone := fault.New(fault.NotFound, "operation.job_gone")
	if err := which.UnmarshalText([]byte(r.PathValue("id"))); err != nil || which.IsZero() {
		return deadJob{}, gone
	}
	list, err := b.Jobs.ListDead(r.Context(), 10*most)
	if err != nil {
		return deadJob{}, err
	}
	for _, d := range list {
		if d.ID == which {
			return deadJob{d, b.word(page.Language(r), "operation.job."+d.Kind, d.Kind)}, nil
		}
	}
	return deadJob{}, gone
}

func (b *board) askRevive(w http.ResponseWriter, r *http.Request, _ audit.Actor) {
	d, err := b.find(r)
	if err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	b.journey.Render(w, r, http.StatusOK, "revive", page.View{Layout: page.Desk, Task: "operation.task", Title: "operation.revive", Lede: "operation.revive.lede",
		Back: "/operations", BackTo: "operation.back", Nav: "operations", Data: d})
}

func (b *board) revive(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	if page.FormFrom(r).Value("answer") != "yes" {
		http.Redirect(w, r, "/operations", http.StatusSeeOther)
		return
	}
	var which job.ID
	if err := which.UnmarshalText([]byte(r.PathValue("id"))); err != nil {
		b.journey.Fail(w, r, fault.New(fault.NotFound, "operation.job_gone"))
		return
	}
	if err := b.Operations.ReviveJob(r.Context(), by, which); err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	b.site.Flash(w, "ok", "operation.revived")
	http.Redirect(w, r, "/operations", http.StatusSeeOther)
}

func (b *board) retry(w http.ResponseWriter, r *http.Request, by audit.Actor) {
	f := page.FormFrom(r)
	t := notify.Trouble{Channel: notify.Channel(f.Value("channel"))}
	err := errors.Join(t.Owner.UnmarshalText([]byte(f.Value("owner"))), t.Message.UnmarshalText([]byte(f.Value("message"))))
	if err != nil || t.Owner.IsZero() || t.Message.IsZero() {
		b.journey.Fail(w, r, fault.New(fault.Invalid, "operation.message_form"))
		return
	}
	if err := b.Operations.RetryMessage(r.Context(), by, t); err != nil {
		b.journey.Fail(w, r, err)
		return
	}
	b.site.Flash(w, "ok", "operation.retried")
	http.Redirect(w, r, "/operations", http.StatusSeeOther)
}
