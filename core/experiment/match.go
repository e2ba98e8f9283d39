package experiment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/archlab/archlab/core/family"
)

// Quantity answers the value of a card that match compares: by is one of params, active_params, train_flops and
// state_bytes, the last two at length T.
func Quantity(c family.Card, by string, t int) (float64, error) {
	switch by {
	case "params":
		return float64(c.Parameters), nil
	case "active_params":
		return float64(c.ActiveParameters), nil
	}
	cost, ok := c.Cost(t)
	if !ok {
		return 0, fmt.Errorf("the card of family %s states no costs at length %d", c.Family, t)
	}
	if by == "state_bytes" {
		return float64(cost.StateBytes), nil
	}
	return cost.TrainFLOPs, nil
}

// Size is one model size that matching looked at.
type Size struct {
	Knob  int         `json:"knob"`
	Value float64     `json:"value"`
	Card  family.Card `json:"-"`
}

// Off is the relative distance from the target.
func (s Size) Off(target float64) float64 { return math.Abs(s.Value-target) / target }

// MatchError says that models cannot be made comparable, with the sizes that come nearest.
type MatchError struct {
	By        string
	Target    float64
	Tolerance float64
	Models    []Mismatch
}

// Mismatch is one model out of tolerance.
type Mismatch struct {
	Model, Family, Field string
	Nearest              []Size // one or two, ascending by knob
}

// Error lists every model out of tolerance.
func (e *MatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "match: %d of the models cannot be brought within %s of %s = %s", len(e.Models), formatNumber(e.Tolerance, "fraction"), e.By, formatNumber(e.Target, "count"))
	for _, m := range e.Models {
		fmt.Fprintf(&b, "\n  %s (%s):", m.Model, m.Family)
		for i, s := range m.Nearest {
			if i > 0 {
				b.WriteString(" and")
			}
			fmt.Fprintf(&b, " %s=%d gives %.0f (%+.1f%%)", m.Field, s.Knob, s.Value, 100*(s.Value-e.Target)/e.Target)
		}
	}
	return b.String()
}

// Turn finds the value of the family's knob whose card comes nearest to the target, by bisection over cards alone; no
// weights are made. It answers the size chosen and the two around the target (one at the end of the knob's range).
// Quantities are taken to grow with the knob; values that the family refuses as InvalidConfig are stepped over.
func Turn(ctx context.Context, fam family.Family, knob family.Knob, req family.BuildRequest, config Object, m Match, t int) (best Size, around []Size, err error) {
	step := max(1, knob.Step)
	first := (knob.Min + step - 1) / step
	last := knob.Max / step
	if knob.Field == "" || last < first {
		return best, nil, fmt.Errorf("the family has no knob to turn")
	}
	var refused error
	seen := map[int]*Size{}
	at := func(i int) (*Size, error) { // nil for a refused value
		if s, ok := seen[i]; ok {
			return s, nil
		}
		raw, err := config.With(knob.Field, i*step).JSON()
		if err != nil {
			return nil, err
		}
		r := req
		r.Config, r.CardOnly = raw, true
		_, card, err := fam.Build(ctx, r)
		if family.CodeOf(err) == family.InvalidConfig {
			refused, seen[i] = err, nil
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		v, err := Quantity(card, m.By, t)
		if err != nil {
			return nil, err
		}
		seen[i] = &Size{Knob: i * step, Value: v, Card: card}
		return seen[i], nil
	}
	// below is the largest index known to be under the target, above the smallest known to reach it.
	below, above := first-1, last+1
	for above-below > 1 {
		mid := below + (above-below)/2
		s, i, err := probe(at, mid, below, above)
		if err != nil {
			return best, nil, err
		}
		if s == nil {
			break // nothing between is buildable
		}
		if s.Value < m.Target {
			below = i
		} else {
			above = i
		}
	}
	for _, i := range []int{below, above} {
		if s := seen[i]; s != nil {
			around = append(around, *s)
		}
	}
	if len(around) == 0 {
		if refused != nil {
			var e *family.Error
			if !errors.As(refused, &e) {
				e = &family.Error{Message: refused.Error()}
			}
			return best, nil, family.Errorf(family.InvalidConfig, e.Field, "no %s from %d to %d can be built; of the last one tried: %s", knob.Field, knob.Min, knob.Max, e.Message)
		}
		return best, nil, fmt.Errorf("no value of %s can be built", knob.Field)
	}
	best = around[0]
	for _, s := range around[1:] {
		if s.Off(m.Target) < best.Off(m.Target) {
			best = s
		}
	}
	return best, around, nil
}

// probe answers the buildable size nearest to mid strictly between below and above, or nil. It looks at most 32 values
// to either side: a family refuses by divisibility, and its knob's step should have said so.
func probe(at func(int) (*Size, error), mid, below, above int) (*Size, int, error) {
	for off := 0; off <= 32; off++ {
		for _, i := range []int{mid - off, mid + off} {
			if i <= below || i >= above {
				continue
			}
			s, err := at(i)
			if s != nil || err != nil {
				return s, i, err
			}
		}
	}
	return nil, 0, nil
}
