package train

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// JSON answers a sink that writes every event as one JSON line.
func JSON(w io.Writer) Sink {
	enc := json.NewEncoder(w)
	return SinkFunc(func(e Event) { _ = enc.Encode(e) })
}

// Plain answers a sink that writes lines for a log or a pipe: milestones, and a step every so often.
func Plain(w io.Writer, every time.Duration) Sink {
	var last time.Time
	return SinkFunc(func(e Event) {
		if e.Kind == Step || e.Kind == Evaluating {
			if e.Time.Sub(last) < every {
				return
			}
		}
		if line := plainLine(e); line != "" {
			last = e.Time
			fmt.Fprintln(w, line)
		}
	})
}

// plainLine is one event in words, or nothing.
func plainLine(e Event) string {
	who := e.job().String() + ":"
	switch e.Kind {
	case Begin:
		if e.Step > 0 {
			return fmt.Sprintf("%s resumed at %s", who, position(e))
		}
		return who + " training"
	case Step:
		return fmt.Sprintf("%s %s, loss %.4f, %s tokens/s, %s left", who, position(e), e.Loss, si(e.Speed), clock(e.Left))
	case Skip, Warning:
		return fmt.Sprintf("%s warning: %s", who, e.Message)
	case Validation:
		s := fmt.Sprintf("%s %s, validation loss %.4f", who, position(e), e.Loss)
		if e.BPB > 0 {
			return s + fmt.Sprintf(", %.4f bits/byte", e.BPB)
		}
		return s + fmt.Sprintf(", accuracy %.1f%%", 100*e.Score)
	case Evaluating:
		return fmt.Sprintf("%s evaluating %s", who, e.Message)
	case End:
		s := fmt.Sprintf("%s %s", who, e.Status)
		if e.Seconds > 0 {
			s += fmt.Sprintf(" after %d steps in %s", e.Step, clock(e.Seconds))
		}
		if e.Status == "failed" {
			kind, _, _ := strings.Cut(e.Message, ":")
			return s + ": " + kind // the reason is told once, at the end
		}
		if e.Message != "" {
			s += ": " + e.Message
		}
		return s
	}
	return ""
}

// position says where a job stands.
func position(e Event) string {
	if e.Steps > 0 {
		return fmt.Sprintf("step %d/%d", e.Step, e.Steps)
	}
	return fmt.Sprintf("step %d (%.0f%%)", e.Step, 100*e.Done)
}

// clock writes seconds as 1:02:03 or 2:03.
func clock(s float64) string {
	n := int64(math.Max(0, math.Min(s, 1e9)) + 0.5)
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// si writes a number with three digits and a suffix: 41.2K.
func si(x float64) string {
	for _, u := range []struct {
		scale float64
		name  string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "K"}} {
		if x >= u.scale {
			return fmt.Sprintf("%.3g%s", x/u.scale, u.name)
		}
	}
	return fmt.Sprintf("%.3g", x)
}
