package data

import (
	"math"
	"math/bits"
	"sort"
	"sync/atomic"

	"github.com/archlab/archlab/core/data/internal/rng"
	"github.com/archlab/archlab/core/family"
)

// Share is one source's part in a mixture.
type Share struct {
	Name   string
	Weight float64 // relative to the others'
	Epochs float64 // upper limit of passes over the source; 0: none
}

// TemperatureWeights are size^(1/τ): 1 mixes sources in proportion to their sizes, larger values favour small ones, up to equal parts
// (Devlin et al. 2019, multilingual BERT; Raffel et al. 2020, section 3.5.2).
func TemperatureWeights(sizes []int64, tau float64) []float64 {
	out := make([]float64, len(sizes))
	for i, n := range sizes {
		out[i] = math.Pow(float64(n), 1/tau)
	}
	return out
}

// Mixture serves batches from several streams. Like those of one stream they are a pure function of (seed, step), and it is safe for
// concurrent use.
//
// Sequences come in blocks of mixtureBlock. In each block every source has the same number of places, the nearest to its weight and at least one,
// spread evenly over the block, so that any few hundred sequences have the weights; a source's windows follow each other as in a Batcher
// of its own. A source that has
// reached its limit of epochs drops out at that sequence, and the others take over its places in proportion to their weights.
type Mixture struct {
	batchers []*Batcher
	cfg      BatchConfig
	shares   []Share
	phases   []phase
	recent   atomic.Pointer[block] // the whole block that was laid out last
}

// mixtureBlock is the number of sequences after which every source has had exactly its places.
const mixtureBlock = 4096

// scatter maps the sequences of a block to its places: the van der Corput sequence (bits in reverse) with a random digital shift. Neighbours
// in the block lie far apart, and every 2^k of them in one place of each 2^k-th part.
func scatter(i, key uint64) uint64 {
	const width = 12 // bits of mixtureBlock
	return uint64(bits.Reverse16(uint16(i))>>(16-width)) ^ key&(mixtureBlock-1)
}

// phase is a stretch of the endless sequence in which the same sources take part.
type phase struct {
	start  uint64   // its first sequence
	places []uint64 // of each source in a block; 0: not part of it
	used   []uint64 // sequences of each source before it
	blocks uint64   // whole blocks; the last phase of a mixture without limits has no end
	last   []slot   // the sequences of the block that is cut short, or nil
}

// slot says which source a sequence is of, and the number of sequences of that source before it in its block.
type slot struct{ source, rank int32 }

// block is a whole block of a phase.
type block struct {
	start uint64 // its first sequence
	slots [mixtureBlock]slot
}

// NewMixture checks the weights, and that each text holds at least one window of every offset.
func NewMixture(texts []TrainText, shares []Share, cfg BatchConfig) (*Mixture, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if len(texts) == 0 || len(texts) != len(shares) || len(texts) > maxSources {
		return nil, errorf(ErrConfig, "mixture", "got %d texts and %d shares, want as many of each, 1 to %d", len(texts), len(shares), maxSources)
	}
	m := &Mixture{cfg: cfg, shares: shares}
	for i, text := range texts {
		if w := shares[i].Weight; !(w > 0) || math.IsInf(w, 0) {
			return nil, errorf(ErrConfig, "weight", "got %v for %s, want more than 0", w, shares[i].Name)
		}
		if e := shares[i].Epochs; !(e >= 0) || math.IsInf(e, 0) {
			return nil, errorf(ErrConfig, "epochs", "got %v for %s, want 0 (no limit) or more", e, shares[i].Name)
		}
		own := cfg
		if len(texts) > 1 {
			own.Seed = rng.Hash(cfg.Seed, uint64(i)) // sources of equal length are not permuted alike
		}
		b, err := NewBatcher(text, own)
		if err != nil {
			if e, ok := err.(*Error); ok {
				e.Where = "train split of " + shares[i].Name
			}
			return nil, err
		}
		if shares[i].Epochs > 0 && m.limit(i, b) == 0 {
			return nil, errorf(ErrTooShort, shares[i].Name, "%v epochs are less than one window", shares[i].Epochs)
		}
		m.batchers = append(m.batchers, b)
	}
	m.plan()
	return m, nil
}

// limit is the number of sequences that a source may give.
func (m *Mixture) limit(i int, b *Batcher) uint64 {
	if m.shares[i].Epochs == 0 {
		return math.MaxUint64
	}
	return uint64(math.Min(m.shares[i].Epochs*float64(b.windows), 1<<62))
}

// plan lays out the phases: each ends where a source is exhausted.
func (m *Mixture) plan() {
	n := len(m.batchers)
	used, left := make([]uint64, n), n
	for at := uint64(0); left > 0; {
		p := phase{start: at, places: m.places(used), used: append([]uint64(nil), used...), blocks: math.MaxUint64}
		for i, c := range p.places {
			if c > 0 {
				p.blocks = min(p.blocks, (m.limit(i, m.batchers[i])-used[i])/c)
			}
		}
		if p.blocks >= math.MaxUint64/(2*mixtureBlock) { // nothing ends
			m.phases = append(m.phases, p)
			return
		}
		for i, c := range p.places {
			used[i] += p.blocks * c
		}
		// The next block is cut short where the first source that has no windows left would be asked for one.
		for _, s := range m.layOut(&p, p.blocks).slots {
			i := int(s.source)
			if used[i] == m.limit(i, m.batchers[i]) {
				break
			}
			p.last = append(p.last, s)
			used[i]++
		}
		m.phases = append(m.phases, p)
		at += p.blocks*mixtureBlock + uint64(len(p.last))
		left = 0
		for i := range used {
			if used[i] < m.limit(i, m.batchers[i]) {
				left++
			}
		}
	}
}

// places divides a block among the sources that are not exhausted, by the largest remainders; each gets at least one.
func (m *Mixture) places(used []uint64) []uint64 {
	sum, active := 0.0, []int(nil)
	for i, s := range m.shares {
		if used[i] < m.limit(i, m.batchers[i]) {
			active = append(active, i)
			sum += s.Weight
		}
	}
	out := make([]uint64, len(m.shares))
	rest := make([]float64, len(m.shares))
	total := uint64(0)
	for _, i := range active {
		exact := m.shares[i].Weight / sum * float64(mixtureBlock-len(active))
		out[i] = 1 + uint64(exact)
		rest[i] = exact - math.Floor(exact)
		total += out[i]
	}
	sort.SliceStable(active, func(a, b int) bool { return rest[active[a]] > rest[active[b]] })
	for k := 0; total < mixtureBlock; k, total = k+1, total+1 {
		out[active[k%len(active)]]++
	}
	return out
}

// layOut is the k-th block of a phase: each source has a run of places, and the sequences are scattered over all of them.
func (m *Mixture) layOut(p *phase, k uint64) *block {
	b := &block{start: p.start + k*mixtureBlock}
	var owner [mixtureBlock]int32 // of each place
	place := 0
	for i, c := range p.places {
		for range c {
			owner[place] = int32(i)
			place++
		}
	}
	key := rng.Hash(m.cfg.Seed, 0x6d6978, p.start, k)
	given := make([]int32, len(p.places))
	for j := range b.slots {
		i := owner[scatter(uint64(j), key)]
		b.slots[j] = slot{i, given[i]}
		given[i]++
	}
	return b
}

// whole is layOut of a block that is not cut short. Sequences are mostly asked for in order, so the last one is kept.
func (m *Mixture) whole(p *phase, k uint64) *block {
	if b := m.recent.Load(); b != nil && b.start == p.start+k*mixtureBlock {
		return b
	}
	b := m.layOut(p, k)
	m.recent.Store(b)
	return b
}

// at answers the source of a sequence and which of the source's own sequences it is; false beyond the mixture's end.
func (m *Mixture) at(sequence uint64) (source int, own uint64, ok bool) {
	k := sort.Search(len(m.phases), func(k int) bool { return m.phases[k].start > sequence }) - 1
	p := &m.phases[k]
	nth, place := (sequence-p.start)/mixtureBlock, (sequence-p.start)%mixtureBlock
	var s slot
	switch {
	case nth < p.blocks:
		s = m.whole(p, nth).slots[place]
	case nth == p.blocks && place < uint64(len(p.last)):
		s = p.last[place]
	default:
		return 0, 0, false
	}
	return int(s.source), p.used[s.source] + nth*p.places[s.source] + uint64(s.rank), true
}

// Sequences is how many sequences the mixture has before every source is exhausted; 0: endless.
func (m *Mixture) Sequences() uint64 {
	p := m.phases[len(m.phases)-1]
	if p.last == nil && p.blocks >= math.MaxUint64/(2*mixtureBlock) {
		return 0
	}
	return p.start + p.blocks*mixtureBlock + uint64(len(p.last))
}

// Windows is the number of windows of all sources, each once.
func (m *Mixture) Windows() (n int) {
	for _, b := range m.batchers {
		n += b.Windows()
	}
	return n
}

// Batch is the batch of a step, counted from 0. It answers ErrTooShort beyond the mixture's end.
func (m *Mixture) Batch(step int) (family.Batch, error) {
	if step < 0 {
		return family.Batch{}, errorf(ErrConfig, "step", "got %d, want at least 0", step)
	}
	B, T := m.cfg.B, m.cfg.T
	out := newBatch(B, T)
	window := make([]int32, T+1)
	for row := range B {
		i, own, ok := m.at(uint64(step)*uint64(B) + uint64(row))
		if !ok {
			return family.Batch{}, errorf(ErrTooShort, "mixture", "its sources are exhausted after %d sequences of %d tokens, step %d wants more", m.Sequences(), T, step).
				hint("allow more epochs of a source, or spend less")
		}
		b := m.batchers[i]
		if err := b.read(window, own); err != nil {
			return family.Batch{}, err
		}
		fillRow(&out, row, window, T, m.cfg.Mode, b.text.Tokenizer().EOD())
	}
	return out, nil
}

// Part is what a mixture took of one source.
type Part struct {
	Name      string
	Sequences uint64
	Epochs    float64 // passes over the source's train split
}

// Parts counts the first sequences of the mixture by source.
func (m *Mixture) Parts(sequences uint64) []Part {
	out := make([]Part, len(m.shares))
	for i, s := range m.shares {
		out[i].Name = s.Name
	}
	for k := range m.phases {
		p := &m.phases[k]
		if sequences <= p.start {
			break
		}
		n := sequences - p.start
		blocks := min(n/mixtureBlock, p.blocks)
		for i, c := range p.places {
			out[i].Sequences += blocks * c
		}
		n -= blocks * mixtureBlock
		slots := p.last
		if blocks < p.blocks {
			slots = m.layOut(p, blocks).slots[:]
		}
		for _, s := range slots[:min(n, uint64(len(slots)))] {
			out[s.source].Sequences++
		}
	}
	for i := range out {
		out[i].Epochs = float64(out[i].Sequences) / float64(m.batchers[i].windows)
	}
	return out
}
