package data

import (
	"context"
	"unicode/utf8"
)

// contiguous divides a corpus by place rather than by content: its first bytes are for training, the next for validation, its
// last for testing, as publications that say "the first 90 %" do. A document in which a split ends is cut there, between two
// characters. Neighbours in a text are alike, so scores of the splits differ more than those by content, and a text
// that repeats itself may have parts in two splits.
type contiguous struct {
	source
	ends [2]int64 // bytes before the end of training and of validation
}

// newContiguous reads the source once for its size.
func newContiguous(ctx context.Context, src source, shares Shares) (*contiguous, error) {
	total := int64(0)
	err := src.each(ctx, func(d Document) error {
		total += int64(len(d.Text))
		return nil
	}, func(string, string, int64) {})
	if err != nil {
		return nil, err
	}
	c := &contiguous{source: src}
	sum := shares[Train] + shares[Validation] + shares[Test]
	c.ends[0] = int64(float64(total) * shares[Train] / sum)
	c.ends[1] = total
	if shares[Test] > 0 {
		c.ends[1] = int64(float64(total) * (shares[Train] + shares[Validation]) / sum)
	}
	return c, nil
}

func (c *contiguous) each(ctx context.Context, fn func(Document) error, left leftOut) error {
	at, split := int64(0), Train
	return c.source.each(ctx, func(d Document) error {
		for rest := d.Text; len(rest) > 0; {
			for split < Test && at >= c.ends[split] {
				split++
			}
			n, next := len(rest), split
			if split < Test && c.ends[split]-at < int64(n) {
				n, next = int(c.ends[split]-at), split+1
				for n > 0 && !utf8.RuneStart(rest[n]) {
					n--
				}
			}
			if n > 0 {
				if err := fn(Document{Name: d.Name, Text: rest[:n], placed: true, split: split}); err != nil {
					return err
				}
			}
			at, rest, split = at+int64(n), rest[n:], next
		}
		return nil
	}, left)
}
