package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
)

// Embedding looks up rows of table [V,D] by ids [M]: [M,D]. A negative id gives a row of zeros.
func Embedding(table, ids *Node) *Node {
	wantShape("embedding", "the table", table, -1, -1)
	wantShape("embedding", "ids", ids, -1)
	d := table.Shape()[1]
	return Apply(embedding{D: d}, []int{ids.Shape()[0], d}, table, ids)
}

type embedding struct {
	NoLayout
	D int
}

func (embedding) Name() string { return "embedding" }

func (k embedding) Bind(b engine.Binding) (engine.Kernel, error) {
	table, ids, out := b.In[0].F32, b.In[1].I32, b.Out.F32
	return func(r *engine.Run) {
		kernel.GatherRows(b.Pool, out, table, ids[:r.Rows], k.D)
	}, nil
}

func (k embedding) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(embeddingGrad{D: k.D}, in[0].Shape(), grad, in[1]), nil}
}

// embeddingGrad is dtable [V,D] from dout [M,D] and ids [M].
type embeddingGrad struct {
	NoLayout
	D int
}

func (embeddingGrad) Name() string { return "embedding.dw" }

func (k embeddingGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dout, ids, dtable := b.In[0].F32, b.In[1].I32, b.Out.F32
	return func(r *engine.Run) {
		clear(dtable)
		kernel.ScatterAddRows(b.Pool, dtable, dout, ids[:r.Rows], k.D)
		r.FLOPs += float64(r.Rows * k.D)
	}, nil
}

// Positions looks up rows of table [T,D] by each row's position in its sequence: [M,D] (learned positions). It limits
// sequences to T tokens: see Limit.
func (g *Graph) Positions(table *Node) *Node {
	wantShape("positions", "the table", table, -1, -1)
	t, d := table.Shape()[0], table.Shape()[1]
	if g.limit == 0 || t < g.limit {
		g.limit = t
	}
	return Apply(positions{T: t, D: d}, []int{g.rows, d}, table)
}

// positions gives a row of zeros for a position past the table.
type positions struct {
	NoLayout
	T, D int
}

func (positions) Name() string { return "positions" }

func (k positions) Bind(b engine.Binding) (engine.Kernel, error) {
	table, out := b.In[0].F32, b.Out.F32
	ids := make([]int32, b.Out.Shape[0])
	return func(r *engine.Run) {
		positionIDs(ids, r.Segments, k.T)
		kernel.GatherRows(b.Pool, out, table, ids[:r.Rows], k.D)
	}, nil
}

func positionIDs(ids []int32, segs []kernel.Segment, limit int) {
	for _, s := range segs {
		for i := range s.Len {
			pos := s.Pos + i
			if pos >= limit {
				pos = -1
			}
			ids[s.Start+i] = int32(pos)
		}
	}
}

func (k positions) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(positionsGrad(k), in[0].Shape(), grad)}
}

// positionsGrad is dtable [T,D] from dout [M,D].
type positionsGrad positions

func (positionsGrad) Name() string { return "positions.dw" }

func (k positionsGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dout, dtable := b.In[0].F32, b.Out.F32
	ids := make([]int32, b.In[0].Shape[0])
	return func(r *engine.Run) {
		positionIDs(ids, r.Segments, k.T)
		clear(dtable)
		kernel.ScatterAddRows(b.Pool, dtable, dout, ids[:r.Rows], k.D)
		r.FLOPs += float64(r.Rows * k.D)
	}, nil
}

// ShiftedTokens answers, [M] int32, the token k places later in the same sequence, -1 past the end of its rows.
func (g *Graph) ShiftedTokens(k int) *Node {
	if k < 1 {
		Fail("shifted tokens", "k=%d, want at least 1", k)
	}
	return ApplyInt(shift{K: k}, []int{g.rows}, g.Tokens())
}

type shift struct {
	NoLayout
	K int
}

func (shift) Name() string { return "shift" }

func (k shift) Bind(b engine.Binding) (engine.Kernel, error) {
	in, out := b.In[0].I32, b.Out.I32
	return func(r *engine.Run) {
		for _, s := range r.Segments {
			n := max(0, s.Len-k.K)
			copy(out[s.Start:s.Start+n], in[s.Start+s.Len-n:s.Start+s.Len])
			for i := s.Start + n; i < s.Start+s.Len; i++ {
				out[i] = -1
			}
		}
	}, nil
}
