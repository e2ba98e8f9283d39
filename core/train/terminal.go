package train

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// frame is the shortest time between two pictures of a terminal.
const frame = 100 * time.Millisecond

// Terminal answers a sink that keeps one line a job on a terminal, redrawn in place: bar, loss, tokens a second, time
// left. size answers the terminal's columns and rows and is asked for every picture, so that a resize is followed.
func Terminal(w io.Writer, size func() (cols, rows int)) Sink {
	return &terminal{w: w, size: size}
}

type terminal struct {
	w     io.Writer
	size  func() (int, int)
	rows  []*row
	drawn int // lines on the screen that belong to the picture
	cols  int // columns when they were drawn
	at    time.Time
	now   int // the row at work
}

// row is one job's line.
type row struct {
	job        JobName
	state      string // "", "training", "evaluating", "finished", "stopped", "failed"
	what       string
	done, left float64
	loss       float64
	bpb        float64
	accuracy   float64
	speed      float64
}

// Event implements Sink.
func (t *terminal) Event(e Event) {
	if e.Kind == RunBegin {
		for _, j := range e.Jobs {
			t.rows = append(t.rows, &row{job: j})
		}
	}
	if r := t.find(e.job()); r != nil {
		r.update(e)
	}
	above := ""
	switch e.Kind {
	case Warning, Skip:
		above = plainLine(e)
	case End:
		if e.Status == "failed" {
			above = plainLine(e)
		}
	case Step, Evaluating:
		if e.Time.Sub(t.at) < frame {
			return
		}
	}
	t.draw(above)
	t.at = e.Time
}

func (t *terminal) find(job JobName) *row {
	for i, r := range t.rows {
		if r.job == job {
			t.now = i
			return r
		}
	}
	return nil
}

func (r *row) update(e Event) {
	switch e.Kind {
	case Begin:
		r.state, r.done = "training", e.Done
	case Step:
		r.done, r.left, r.speed, r.loss = e.Done, e.Left, e.Speed, e.Loss
	case Validation:
		r.bpb, r.accuracy = e.BPB, e.Score
	case Evaluating:
		r.state, r.what, r.done = "evaluating", e.Message, e.Done
	case End:
		r.state, r.left = e.Status, 0
		if e.Done > 0 {
			r.done = e.Done
		}
		if e.Loss > 0 {
			r.loss = e.Loss
		}
	}
}

// draw replaces the picture, after writing a line above it that stays. Each line is overwritten and cleared to its end
// rather than the screen cleared first, so that nothing flickers.
func (t *terminal) draw(above string) {
	cols, height := t.size()
	cols, height = max(20, cols), max(3, height)
	var b strings.Builder
	if t.drawn > 0 {
		up := t.drawn
		if cols < t.cols { // a terminal that shrank has wrapped the lines
			up *= (t.cols + cols - 1) / cols
		}
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}
	b.WriteString("\r")
	if above != "" {
		b.WriteString("\x1b[J" + above + "\n")
	}
	shown := t.rows
	if room := height - 1; len(shown) > room {
		from := min(max(0, t.now-room/2), len(shown)-room)
		shown = shown[from : from+room]
	}
	width := 0
	for _, r := range t.rows {
		width = max(width, utf8.RuneCountInString(r.name()))
	}
	for _, r := range shown {
		b.WriteString(r.line(cols-1, width) + "\x1b[K\n")
	}
	if len(shown) < t.drawn {
		b.WriteString("\x1b[J")
	}
	t.drawn, t.cols = len(shown), cols
	_, _ = io.WriteString(t.w, b.String())
}

func (r *row) name() string {
	if r.job.Trial != "" {
		return fmt.Sprintf("%s %s #%d", r.job.Model, r.job.Trial, r.job.Seed)
	}
	return fmt.Sprintf("%s #%d", r.job.Model, r.job.Seed)
}

// line fits a job into cols columns: what matters less goes first when it is narrow.
func (r *row) line(cols, width int) string {
	name := r.name() + strings.Repeat(" ", width-utf8.RuneCountInString(r.name()))
	var parts []string // in the order of importance
	switch r.state {
	case "":
		parts = []string{"waiting"}
	case "evaluating":
		parts = []string{"evaluating " + r.what}
	case "failed", "stopped", "finished":
		parts = []string{r.state}
	}
	if r.loss > 0 {
		parts = append(parts, fmt.Sprintf("loss %.3f", r.loss))
	}
	if r.state == "training" {
		parts = append(parts, clock(r.left)+" left", si(r.speed)+" tok/s")
	}
	switch {
	case r.bpb > 0:
		parts = append(parts, fmt.Sprintf("%.3f bits/byte", r.bpb))
	case r.accuracy > 0:
		parts = append(parts, fmt.Sprintf("accuracy %.1f%%", 100*r.accuracy))
	}
	const least = 8
	room := cols - utf8.RuneCountInString(name) - 1 - least - 5 // name, space, bar, percentage
	var text string
	for _, p := range parts {
		if len(text)+2+len(p) > room {
			break
		}
		text += "  " + p
	}
	bar := min(30, least+max(0, room-len(text)))
	full := int(r.done*float64(bar) + 0.5)
	full = min(max(full, 0), bar)
	s := fmt.Sprintf("%s %s%s %3.0f%%%s", name, strings.Repeat("━", full), strings.Repeat("·", bar-full), 100*min(1, r.done), text)
	if utf8.RuneCountInString(s) > cols {
		s = string([]rune(s)[:cols])
	}
	return s
}
