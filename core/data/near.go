package data

import (
	"bytes"
	"cmp"
	"context"
	"slices"
)

// Near removes near duplicates: documents whose sets of word n-grams have a Jaccard index of at least Threshold. MinHash signatures, cut in bands,
// find candidates (locality-sensitive hashing, as in Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better"); the
// index itself is then computed from the texts, so that nothing is removed on an estimate. A pair of index J agrees in a band with
// probability 1-(1-J^r)^b for b bands of r rows: 0.92 at 0.8, 0.9996 at 0.9 by default. It then is a candidate where at most crowd documents
// agree in that band; what Corpus.Crowded says of others is in candidates.
//
// Of documents that are connected by such pairs the one with the smallest content hash stays: the choice depends on the contents alone, not
// on order, names or threads.
type Near struct {
	Words     int     // 5: n of the n-grams (Lee et al.; FineWeb)
	Hashes    int     // 112: functions, a multiple of Bands (FineWeb: Penedo et al. 2024)
	Bands     int     // 14
	Threshold float64 // 0.8 (Lee et al.)
}

// PublishedNear has the threshold of Lee et al. 2022 with the functions and bands of Penedo et al. 2024, appendix E.
var PublishedNear = Near{Words: 5, Hashes: 112, Bands: 14, Threshold: 0.8}

func (n *Near) check() error {
	switch {
	case n == nil:
		return nil
	case n.Words < 1 || n.Words > 64:
		return errorf(ErrConfig, "near.words", "got %d, want n-grams of 1 to 64 words", n.Words)
	case n.Hashes < 1 || n.Hashes > 4096 || n.Bands < 1 || n.Hashes%n.Bands != 0:
		return errorf(ErrConfig, "near.hashes", "got %d hashes in %d bands, want 1 to 4096 hashes and a divisor of them", n.Hashes, n.Bands)
	case !(n.Threshold > 0 && n.Threshold <= 1):
		return errorf(ErrConfig, "near.threshold", "got %v, want a Jaccard index over 0, at most 1", n.Threshold)
	}
	return nil
}

const nearReason = "near duplicate"

// nearBudget bounds the hashes that are held while candidates are verified; more candidates take more passes over the corpus.
const nearBudget = 8 << 20

// pair holds two places of the index, the smaller first.
type pair struct{ a, b int32 }

// crowd is the most documents of a bucket that are all compared with each other.
const crowd = 64

// candidates lists pairs of documents that agree in a band, without repetitions; those that are linked by others follow each other. sketches holds the bands
// of the documents in ids, one after the other. In a bucket of more than crowd documents each is paired with the one of smallest content hash and
// with its neighbour in that order alone, so that boilerplate does not take quadratic time: near duplicates among them are found where they all resemble that one
// or their neighbours, and for other pairs the probability of Near does not hold. crowded counts the documents that stand in such a bucket.
func (c *Corpus) candidates(ids []int32, sketches []uint64, bandCount int) (out []pair, crowded int) {
	order := make([]int32, len(ids)) // places in ids
	pressed := make([]bool, len(ids))
	for band := range bandCount {
		at := func(i int32) uint64 { return sketches[int(i)*bandCount+band] }
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortFunc(order, func(x, y int32) int {
			return cmp.Or(cmp.Compare(at(x), at(y)), bytes.Compare(c.index[ids[x]].hash[:], c.index[ids[y]].hash[:]), cmp.Compare(x, y))
		})
		for from := 0; from < len(order); {
			to := from + 1
			for to < len(order) && at(order[to]) == at(order[from]) {
				to++
			}
			bucket := order[from:to]
			for k := 1; k < len(bucket); k++ {
				partners := bucket[:k]
				if len(bucket) > crowd {
					partners = []int32{bucket[0], bucket[k-1]}
				}
				for _, j := range partners {
					a, b := ids[j], ids[bucket[k]]
					out = append(out, pair{min(a, b), max(a, b)})
				}
			}
			for _, i := range bucket {
				pressed[i] = pressed[i] || len(bucket) > crowd
			}
			from = to
		}
		slices.SortFunc(out, pair.compare)
		out = slices.Compact(out)
	}
	for _, p := range pressed {
		if p {
			crowded++
		}
	}
	linked := components{}
	for _, p := range out {
		linked.join(p.a, p.b)
	}
	slices.SortStableFunc(out, func(x, y pair) int { return cmp.Compare(linked.root(x.a), linked.root(y.a)) })
	return out, crowded
}

// compare orders pairs by their first places, then by their second ones.
func (p pair) compare(q pair) int { return cmp.Or(cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b)) }

// components is a union of sets by their smallest member.
type components map[int32]int32

func (u components) root(i int32) int32 {
	for {
		p, ok := u[i]
		if !ok || p == i {
			return i
		}
		if pp, ok := u[p]; ok {
			u[i] = pp
		}
		i = p
	}
}

func (u components) join(a, b int32) {
	a, b = u.root(a), u.root(b)
	u[max(a, b)] = min(a, b)
	u[min(a, b)] = min(a, b)
}

// dropNear marks near duplicates. ids are the places of the documents still kept and sketches their bands.
func (c *Corpus) dropNear(ctx context.Context, near *Near, ids []int32, sketches []uint64, budget int) error {
	pairs, crowded := c.candidates(ids, sketches, near.Bands)
	c.Crowded = crowded
	joined := components{}
	for len(pairs) > 0 {
		// As many pairs as fit: a document has about a word in four bytes, in any language at most one in each.
		sets := map[int32][]uint64{}
		n, held := 0, 0
		for n < len(pairs) && (n == 0 || held < budget) {
			for _, i := range []int32{pairs[n].a, pairs[n].b} {
				if _, ok := sets[i]; !ok {
					sets[i] = nil
					held += int(c.index[i].bytes)/4 + 1
				}
			}
			n++
		}
		if err := c.shinglesOf(ctx, near.Words, sets); err != nil {
			return err
		}
		for _, p := range pairs[:n] {
			if joined.root(p.a) != joined.root(p.b) && jaccard(sets[p.a], sets[p.b]) >= near.Threshold {
				joined.join(p.a, p.b)
			}
		}
		pairs = pairs[n:]
	}
	kept := map[int32]int32{} // by root: the member with the smallest content hash
	members := sortedKeys(joined)
	for _, i := range members {
		root := joined.root(i)
		if k, ok := kept[root]; !ok || bytes.Compare(c.index[i].hash[:], c.index[k].hash[:]) < 0 {
			kept[root] = i
		}
	}
	for _, i := range members {
		if kept[joined.root(i)] != i {
			c.index[i].part = nearDuplicate
		}
	}
	return nil
}

// shinglesOf fills in the sets of the documents that sets has keys for.
func (c *Corpus) shinglesOf(ctx context.Context, words int, sets map[int32][]uint64) error {
	type scratch struct{ words []wordSpan }
	places, next := sortedKeys(sets), 0
	wanted := make([]bool, len(c.index)) // apart from sets, which fill while this is read
	for _, i := range places {
		wanted[i] = true
	}
	read := func(ctx context.Context, fn func(Document) error) error {
		return c.each(ctx, func(i int) bool { return wanted[i] }, fn)
	}
	work := func(s *scratch, d Document) []uint64 {
		s.words = appendWords(s.words[:0], d.Text)
		return asSet(shingles(nil, s.words, d.Text, words))
	}
	return inOrder(ctx, read, work, func(x examined[[]uint64]) error {
		sets[places[next]] = x.result
		next++
		return nil
	})
}
