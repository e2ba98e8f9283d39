package model

import (
	"fmt"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/kernel"
)

// packed is a batch as the plans want it: the rows that matter, document after document.
//
// Tokens at the end of a document whose weight is 0 are left out. Nothing comes after them that could see them, so that
// this changes no result, costs nothing, and keeps padding out of statistics over rows.
type packed struct {
	batch family.Batch
	rows  []int32 // flat index in the batch of each packed row
	segs  []kernel.Segment
}

// pack cuts rows [from,to) of a checked batch at its document starts. limit is the longest document, 0 for any.
func pack(b family.Batch, from, to, limit int) (packed, error) {
	p := packed{batch: b}
	next := 0 // the first start after at
	for row := from; row < to; row++ {
		end := (row + 1) * b.T
		for at := row * b.T; at < end; {
			for next < len(b.Starts) && int(b.Starts[next]) <= at {
				next++
			}
			stop := end
			if next < len(b.Starts) {
				stop = min(end, int(b.Starts[next]))
			}
			if err := p.document(at, stop, limit); err != nil {
				return p, err
			}
			at = stop
		}
	}
	return p, nil
}

func (p *packed) document(from, to, limit int) error {
	for to > from && p.batch.Weights[to-1] == 0 {
		to--
	}
	if limit > 0 && to-from > limit {
		return tooLong(fmt.Sprintf("batch.tokens[%d]", from+limit), to-from, limit)
	}
	if to == from {
		return nil
	}
	p.segs = append(p.segs, kernel.Segment{Start: len(p.rows), Len: to - from})
	for i := from; i < to; i++ {
		p.rows = append(p.rows, int32(i))
	}
	return nil
}

// fill writes the batch into the inputs of a plan.
func (p *packed) fill(x *plan) {
	for i, j := range p.rows {
		if x.tokens != nil {
			x.tokens[i] = p.batch.Tokens[j]
		}
		w := p.batch.Weights[j]
		x.weights[i] = w
		x.targets[i] = 0
		if w != 0 {
			x.targets[i] = p.batch.Targets[j]
		}
	}
}

func tooLong(field string, got, limit int) error {
	return family.Errorf(family.InvalidArgument, field, "a sequence of %d tokens, want at most %d, the context that the model was built for", got, limit)
}
