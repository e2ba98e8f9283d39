package conformance

import (
	"context"
	"sort"

	"github.com/archlab/archlab/core/family"
)

var decodeChecks = []Check{
	{Name: "decode-score", Meaning: "Extend's logits are Score's log-probabilities, and Correct is their argmax", Tolerance: otherOrder, needs: needsDecode, run: checkDecodeScore},
	{Name: "decode-steps", Meaning: "token by token answers what one call answers", Tolerance: otherOrder, needs: needsDecode, run: checkDecodeSteps},
	{Name: "decode-chunks", Meaning: "chunks of any sizes answer what one call answers", Tolerance: otherOrder, needs: needsDecode, run: checkDecodeChunks},
	{Name: "decode-last", Meaning: "the last position's answer is the same with and without all positions", Tolerance: sameArithmetic, needs: needsDecode, run: checkDecodeLast},
	{Name: "decode-topk", Meaning: "the k largest logits with their ids, in descending order, are those of the full row", Tolerance: sameArithmetic, needs: needsDecode, run: checkDecodeTopK},
	{Name: "decode-batch", Meaning: "states of different lengths extended in one call answer as each alone, in the request's order", Tolerance: otherOrder, needs: needsDecode, run: checkDecodeBatch},
	{Name: "decode-fork", Meaning: "a fork and its original go on independently, as if each had been fed alone", Tolerance: otherOrder, needs: needsDecode, run: checkDecodeFork},
	{Name: "decode-rewind", Meaning: "after Rewind a state answers as if the dropped tokens had never been fed", Tolerance: otherOrder, needs: needsDecode, run: checkDecodeRewind},
	{Name: "decode-fork-rewind", Meaning: "a fork and its original rewind independently, past the fork too", Tolerance: otherOrder, needs: needsDecode, run: checkDecodeForkRewind},
	{Name: "decode-long", Meaning: "a long sequence survives chunks, forks and rewinds that cross the family's own chunks", Tolerance: otherOrder, needs: needsLongDecode, run: checkDecodeLong},
	{Name: "decode-draft", Meaning: "draft heads answer logits for each announced later token and change nothing else", Tolerance: sameArithmetic, needs: needsDecode, run: checkDecodeDraft},
}

func needsDecode(s *subject) string {
	if !s.desc.Capabilities.Decode {
		return "the family does not announce decode"
	}
	return ""
}

func needsLongDecode(s *subject) string {
	if s.opts.Quick {
		return "left out by Quick"
	}
	return needsDecode(s)
}

func (p *probe) decoder(ctx context.Context) (decoder, error) {
	m, err := p.warmed(ctx)
	return decoder{m, p.opts.Vocab}, err
}

func checkDecodeScore(ctx context.Context, p *probe) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	b := p.batch(p.rng("decode-score"), rows, length)
	logits := make([][]float32, b.B)
	for r := range b.B {
		if logits[r], err = d.whole(ctx, b.Tokens[r*b.T:(r+1)*b.T]); err != nil {
			return err
		}
		for t := 0; t < b.T; t += 2 { // every second target becomes the argmax
			id, _ := argmax(logits[r][t*d.vocab : (t+1)*d.vocab])
			b.Targets[r*b.T+t] = int32(id)
		}
	}
	got, err := d.m.Score(ctx, b)
	if err != nil {
		return err
	}
	for i, y := range b.Targets {
		line := logits[i/b.T][i%b.T*d.vocab:][:d.vocab]
		p.close(sprintf("row %d position %d, log-probability of token %d by Extend and by Score", i/b.T, i%b.T, y),
			[]float32{float32(logSoftmax(line)[y])}, got.LogProbs[i:i+1])
		if id, lead := argmax(line); lead > 10*p.tol && got.Correct[i] != (id == int(y)) {
			p.failf("row %d position %d: target %d, argmax %d: want Correct %v, got %v", i/b.T, i%b.T, y, id, id == int(y), got.Correct[i])
		}
	}
	return nil
}

func checkDecodeSteps(ctx context.Context, p *probe) error { return inChunks(ctx, p, 2*length, 1) }

func checkDecodeChunks(ctx context.Context, p *probe) error {
	if err := inChunks(ctx, p, 2*length, 3, 1, 7); err != nil || p.opts.Quick {
		return err
	}
	return inChunks(ctx, p, 2*length, 5, 8, 2)
}

// inChunks feeds a sequence whole and in pieces.
func inChunks(ctx context.Context, p *probe, n int, sizes ...int) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	x := p.tokens(p.rng("chunks"), n)
	want, err := d.whole(ctx, x)
	if err != nil {
		return err
	}
	id, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	got, err := d.chunks(ctx, id, x, sizes...)
	if err != nil {
		return err
	}
	p.closeRows(sprintf("%d tokens in pieces of %v", n, sizes), want, got)
	return d.close(ctx, id)
}

// closeRows compares logits position by position.
func (p *probe) closeRows(what string, want, got []float32) {
	v := p.opts.Vocab
	if len(want) != len(got) {
		p.close(what, want, got)
		return
	}
	for t := 0; t*v < len(want); t++ {
		p.close(sprintf("%s, logits of position %d", what, t), want[t*v:(t+1)*v], got[t*v:(t+1)*v])
	}
}

func checkDecodeLast(ctx context.Context, p *probe) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	x := p.tokens(p.rng("decode-last"), length)
	ids, err := d.open(ctx, 2)
	if err != nil {
		return err
	}
	for at, n := 0, 0; at < len(x); at += n {
		n = min(5, len(x)-at)
		if at == 5 {
			n = 1
		}
		all, err := d.feed(ctx, ids[0], x[at:at+n])
		if err != nil {
			return err
		}
		last, err := d.extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: ids[1], Tokens: x[at : at+n]}}})
		if err != nil {
			return err
		}
		p.closeRows(sprintf("last of positions %d to %d", at, at+n), all[(n-1)*d.vocab:], last.Logits)
	}
	return d.close(ctx, ids...)
}

func checkDecodeTopK(ctx context.Context, p *probe) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	x := p.tokens(p.rng("decode-topk"), 5)
	full, err := d.whole(ctx, x)
	if err != nil {
		return err
	}
	for _, k := range []int{1, 3, p.opts.Vocab} {
		for _, all := range []bool{true, false} {
			id, err := d.fresh(ctx)
			if err != nil {
				return err
			}
			got, err := d.extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: x}}, TopK: k, All: all})
			if err != nil {
				return err
			}
			want := full[len(full)-got.Rows*d.vocab:]
			for r := range got.Rows {
				p.topK(sprintf("k=%d, all=%v, row %d", k, all, r), want[r*d.vocab:(r+1)*d.vocab], got.Logits[r*k:(r+1)*k], got.IDs[r*k:(r+1)*k])
			}
			if err := d.close(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// topK holds ids and values against the full row. Near ties may come in either order.
func (p *probe) topK(what string, full, values []float32, ids []int32) {
	sorted := append([]float32(nil), full...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] > sorted[j] })
	p.close(what+", values in descending order", sorted[:len(values)], values)
	seen := map[int32]bool{}
	for i, id := range ids {
		if id < 0 || int(id) >= len(full) || seen[id] {
			p.failf("%s: id %d at rank %d is outside the vocabulary or given twice", what, id, i)
			continue
		}
		seen[id] = true
		p.close(sprintf("%s, logit of id %d at rank %d", what, id, i), full[id:id+1], values[i:i+1])
	}
}

func checkDecodeBatch(ctx context.Context, p *probe) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("decode-batch")
	ids, err := d.open(ctx, 4)
	if err != nil {
		return err
	}
	// Prefixes of different lengths, one of them empty, then two rounds with different numbers of tokens.
	prefix, rounds := []int{0, 9, 2, 5}, [][]int{{4, 1, 3, 2}, {1, 1, 1, 1}}
	histories := make([][]int32, len(ids))
	for i, id := range ids {
		histories[i] = p.tokens(rng, prefix[i])
		if prefix[i] > 0 {
			if _, err := d.feed(ctx, id, histories[i]); err != nil {
				return err
			}
		}
	}
	order := []int{2, 0, 3, 1}
	for round, counts := range rounds {
		var req family.ExtendRequest
		req.All = true
		for _, i := range order {
			x := p.tokens(rng, counts[i])
			histories[i] = append(histories[i], x...)
			req.Items = append(req.Items, family.ExtendItem{State: ids[i], Tokens: x})
		}
		got, err := d.extend(ctx, req)
		if err != nil {
			return err
		}
		at := 0
		for _, i := range order {
			alone, err := d.whole(ctx, histories[i])
			if err != nil {
				return err
			}
			n := counts[i] * d.vocab
			p.closeRows(sprintf("round %d, state %d after %d tokens, fed with %d more", round, i, len(histories[i])-counts[i], counts[i]),
				alone[len(alone)-n:], got.Logits[at:at+n])
			at += n
		}
	}
	return d.close(ctx, ids...)
}

func checkDecodeDraft(ctx context.Context, p *probe) error {
	d, err := p.decoder(ctx)
	if err != nil {
		return err
	}
	_, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	if card.DraftHeads < 0 || card.DraftHeads > 0 && !p.desc.Capabilities.DraftHeads {
		p.failf("the card has %d draft heads while the capability is %v", card.DraftHeads, p.desc.Capabilities.DraftHeads)
	}
	x := p.tokens(p.rng("decode-draft"), length)
	want, err := d.whole(ctx, x)
	if err != nil {
		return err
	}
	id, err := d.fresh(ctx, x[:4]...)
	if err != nil {
		return err
	}
	p.ok()
	for heads := 0; heads <= card.DraftHeads; heads++ {
		twin, err := d.fresh(ctx, x[:5]...)
		if err != nil {
			return err
		}
		req := family.ExtendRequest{Items: []family.ExtendItem{{State: twin, Tokens: x[5 : length-1]}}, Draft: heads}
		got, err := d.extend(ctx, req)
		if err != nil {
			return err
		}
		for i, v := range got.Draft {
			if v != v || v-v != 0 {
				p.failf("draft logit %d of %d heads is %v", i, heads, v)
				break
			}
		}
		after, err := d.feed(ctx, twin, x[length-1:])
		if err != nil {
			return err
		}
		p.closeRows(sprintf("with %d draft heads, the next token's logits", heads), want[(length-2)*d.vocab:(length-1)*d.vocab], got.Logits)
		p.closeRows(sprintf("after %d draft heads, the token behind", heads), want[(length-1)*d.vocab:], after)
		if err := d.close(ctx, twin); err != nil {
			return err
		}
	}
	_, err = d.m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: x[4:5]}}, Draft: card.DraftHeads + 1})
	if code := family.CodeOf(err); code != family.InvalidArgument && code != family.Unimplemented {
		p.failf("%d draft heads of %d: want it refused, got code %q", card.DraftHeads+1, card.DraftHeads, code)
	}
	return d.close(ctx, id)
}
