// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"html/template"
	"time"
)

// Step is one line of a task list, a rail of steps or a state machine.
type Step struct {
	State string // done, now, todo, later, blocked
	Text  any
	Sub   any
	Href  string
}

// Event is one entry of a timeline. Line is the grammar of clocks: solid for
// running, dashed for stopped, dotted for not yet.
type Event struct {
	Line string // solid, dashed, dotted
	Icon string
	Text any
	Sub  any
	At   time.Time
	Bad  bool
}

func (k *kit) steps(w *words, part string, v []any) (template.HTML, error) {
	list, err := flatten[Step](v)
	if err != nil {
		return "", fmt.Errorf("%s: %w", part, err)
	}
	type line struct {
		N                             int
		State, Text, Href, Word, Icon string
		Sub                           template.HTML
	}
	var lines []line
	for i, s := range list {
		switch s.State {
		case "done", "now", "todo", "later", "blocked":
		default:
			return "", fmt.Errorf("%s: no state %q", part, s.State)
		}
		lines = append(lines, line{N: i + 1, State: s.State, Text: w.say(s.Text, nil), Sub: w.rich(s.Sub, nil), Href: s.Href, Word: w.say("step."+s.State, nil), Icon: stepIcon[s.State]})
	}
	return k.draw(part, map[string]any{"lines": lines, "label": w.say("step.label", nil)})
}

var stepIcon = map[string]string{"done": "check", "now": "right", "todo": "circle", "later": "circle-dashed", "blocked": "lock"}

func (k *kit) timeline(w *words, v []any) (template.HTML, error) {
	list, err := flatten[Event](v)
	if err != nil {
		return "", fmt.Errorf("timeline: %w", err)
	}
	type line struct {
		Line, Icon, Text, At string
		Sub                  template.HTML
		Bad                  bool
	}
	var lines []line
	for _, e := range list {
		ic := e.Icon
		switch e.Line {
		case "solid":
			if ic == "" {
				ic = "check"
			}
		case "dashed":
			if ic == "" {
				ic = "pause-bars"
			}
		case "dotted":
		default:
			return "", fmt.Errorf("timeline: no line %q", e.Line)
		}
		lines = append(lines, line{Line: e.Line, Icon: ic, Text: w.say(e.Text, nil), Sub: w.rich(e.Sub, nil), At: moment(e.At), Bad: e.Bad})
	}
	return k.draw("timeline", map[string]any{"lines": lines})
}

// countdown shows how long something is still good, as drawn by the server;
// the script only lets it tick. "total" is the whole span for the bar.
func (k *kit) countdown(w *words, until time.Time, o options) (template.HTML, error) {
	left := until.Sub(k.site.conf.Clock.Now()).Truncate(time.Second)
	if left < 0 {
		left = 0
	}
	share := -1
	if total, ok := o["total"].(time.Duration); ok && total > 0 {
		share = int(min(100, 100*left/total))
	}
	text := w.say(o["label"], o.args())
	return k.draw("countdown", map[string]any{
		"label": text, "left": clockFace(left), "share": share, "seconds": int(left / time.Second), "bare": o.on("bare"),
		"aria": text + " " + wait(left, w.language), "over": w.say("countdown.over", nil),
	})
}

// clockFace is 2:41, or 41:24:05 from an hour on.
func clockFace(d time.Duration) string {
	s := int(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
