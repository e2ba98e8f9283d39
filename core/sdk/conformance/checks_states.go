package conformance

import (
	"context"

	"github.com/archlab/archlab/core/family"
)

// follow feeds x to a state and holds the logits against those of the whole history fed to a state of its own.
func (p *probe) follow(ctx context.Context, d decoder, what string, id family.StateID, history, x []int32) error {
	want, err := d.whole(ctx, append(append([]int32(nil), history...), x...))
	if err != nil {
		return err
	}
	got, err := d.feed(ctx, id, x)
	if err != nil {
		return err
	}
	p.closeRows(what, want[len(history)*d.vocab:], got)
	return nil
}

func checkDecodeFork(ctx context.Context, p *probe) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("decode-fork")
	for _, n := range []int{0, 1, 6} {
		prefix := p.tokens(rng, n)
		a, err := d.fresh(ctx, prefix...)
		if err != nil {
			return err
		}
		copies, err := d.fork(ctx, a, a)
		if err != nil {
			return err
		}
		// Original and copies go different ways, in turns, and the original is closed before the copies go on.
		states := []family.StateID{a, copies[0], copies[1]}
		histories := make([][]int32, len(states))
		for i := range histories {
			histories[i] = append([]int32(nil), prefix...)
		}
		for round, count := range []int{3, 1, 4} {
			for i, id := range states {
				if i == 0 && round == 2 {
					continue
				}
				x := p.tokens(rng, count)
				what := sprintf("fork after %d tokens, round %d, state %d (0: the original)", n, round, i)
				if err := p.follow(ctx, d, what, id, histories[i], x); err != nil {
					return err
				}
				histories[i] = append(histories[i], x...)
			}
			if round == 1 {
				if err := d.close(ctx, a); err != nil {
					return err
				}
			}
		}
		if err := d.close(ctx, copies...); err != nil {
			return err
		}
	}
	return nil
}

// rewinding is a history fed in pieces, drops, and what remains.
type rewinding struct {
	name  string
	fed   []int // sizes of the pieces fed
	drops []int // tokens dropped one after the other
}

var rewindings = []rewinding{
	{"nothing", []int{5}, []int{0}},
	{"one token of one call", []int{8}, []int{1}},
	{"one step", []int{1, 1, 1, 1}, []int{1}},
	{"a whole call", []int{7, 6}, []int{6}},
	{"past the border of a call", []int{7, 7, 6}, []int{9}},
	{"to zero", []int{7, 6}, []int{13}},
	{"twice", []int{9, 4}, []int{2, 5}},
	{"to zero in steps", []int{3}, []int{1, 1, 1}},
}

func checkDecodeRewind(ctx context.Context, p *probe) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("decode-rewind")
	for i, r := range rewindings {
		if p.opts.Quick && i%2 == 0 {
			continue
		}
		if err := p.rewind(ctx, d, "rewind "+r.name, r, func(n int) []int32 { return p.tokens(rng, n) }); err != nil {
			return err
		}
	}
	return nil
}

func checkDecodeForkRewind(ctx context.Context, p *probe) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("decode-fork-rewind")
	x := p.tokens(rng, 8)
	a, err := d.fresh(ctx, x...)
	if err != nil {
		return err
	}
	b, err := d.fork(ctx, a)
	if err != nil {
		return err
	}
	if err := d.rewind(ctx, a, 5); err != nil {
		return err
	}
	y := p.tokens(rng, 3)
	if err := p.follow(ctx, d, "original rewound by 5 after a fork", a, x[:3], y); err != nil {
		return err
	}
	if err := p.follow(ctx, d, "fork of a state that was rewound by 5 later", b[0], x, y); err != nil {
		return err
	}
	if err := d.rewind(ctx, b[0], 6); err != nil { // past the fork
		return err
	}
	if err := p.follow(ctx, d, "fork rewound past the fork", b[0], x[:5], y); err != nil {
		return err
	}
	return d.close(ctx, a, b[0])
}

// rewind feeds, drops and goes on with other tokens: in one call, dropped again, then token by token.
func (p *probe) rewind(ctx context.Context, d decoder, what string, r rewinding, draw func(int) []int32) error {
	id, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	var history []int32
	for _, n := range r.fed {
		x := draw(n)
		if _, err := d.feed(ctx, id, x); err != nil {
			return err
		}
		history = append(history, x...)
	}
	for _, n := range r.drops {
		if err := d.rewind(ctx, id, n); err != nil {
			return err
		}
		history = history[:len(history)-n]
	}
	for _, n := range []int{4, 1, 1} {
		x := draw(n)
		if err := p.follow(ctx, d, what, id, history, x); err != nil {
			return err
		}
		history = append(history, x...)
	}
	return d.close(ctx, id)
}

func checkDecodeLong(ctx context.Context, p *probe) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("decode-long")
	x := p.tokens(rng, longLength)
	want, err := d.whole(ctx, x)
	if err != nil {
		return err
	}
	id, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	got, err := d.chunks(ctx, id, x, 129, 1, 61, 77)
	if err != nil {
		return err
	}
	p.closeRows("a long sequence in pieces", want, got)
	copies, err := d.fork(ctx, id)
	if err != nil {
		return err
	}
	y := p.tokens(rng, 9)
	for _, drop := range []int{33, 100, 1, longLength - 200} { // the last one leaves a history that ends where a piece ended
		c, err := d.fresh(ctx)
		if err != nil {
			return err
		}
		if _, err := d.chunks(ctx, c, x, 200, 100); err != nil {
			return err
		}
		if err := d.rewind(ctx, c, drop); err != nil {
			return err
		}
		if err := p.follow(ctx, d, sprintf("%d tokens rewound by %d", longLength, drop), c, x[:longLength-drop], y); err != nil {
			return err
		}
		if err := d.close(ctx, c); err != nil {
			return err
		}
	}
	if err := p.follow(ctx, d, "fork of a long state", copies[0], x, y); err != nil {
		return err
	}
	return d.close(ctx, id, copies[0])
}
