package kernel

import (
	"fmt"
	"testing"
)

// doubled and gated are activations without rounding of their own: what they make does not depend on how rows are cut.
func doubled(f int) Expert {
	return Expert{F: f, Wide: f,
		Act: func(y, x []float32, n int) {
			for i, v := range x[:n*f] {
				y[i] = 2 * max(v, 0)
			}
		},
		ActBackward: func(dx, dy, x []float32, n int) {
			for i, v := range x[:n*f] {
				dx[i] = 0
				if v > 0 {
					dx[i] = 2 * dy[i]
				}
			}
		}}
}

func gated(f int) Expert {
	return Expert{F: f, Wide: 2 * f,
		Act:         func(y, x []float32, n int) { SwiGLU(nil, y, x, n, f) },
		ActBackward: func(dx, dy, x []float32, n int) { SwiGLUBackward(nil, dx, dy, x, n, f) }}
}

// Groups of all sizes, empty ones among them, few rows and many, give the bits of products and activations one by one, also
// where the weights of all experts are too large to be packed at once.
func TestExpertRows(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	type layer struct {
		d     int
		shape Expert
	}
	layers := []layer{{1, doubled(1)}, {7, doubled(33)}, {33, gated(7)}, {40, gated(70)}, {0, doubled(5)}, {5, doubled(0)}}
	forEachISA(t, func(t *testing.T) {
		for _, sizes := range [][]int{{0}, {5}, {0, 3, 0, 1}, {33, 0, 200, 7}, {100, 64, 331}} {
			for _, l := range layers {
				checkExpertRows(t, p, sizes, l.d, l.shape)
			}
		}
		if !testing.Short() {
			checkExpertRows(t, p, []int{60, 1, 70}, 1100, doubled(1300)) // more than packLimit, by turns of one expert
		}
	})
}

func checkExpertRows(t *testing.T, p *Pool, sizes []int, d int, k Expert) {
	k.D = d
	offsets := []int32{0}
	for _, n := range sizes {
		offsets = append(offsets, offsets[len(offsets)-1]+int32(n))
	}
	e, rows := len(sizes), int(offsets[len(sizes)])
	what := fmt.Sprintf("D=%d F=%d wide=%d, groups of %v", d, k.F, k.Wide, sizes)
	r := source(uint64(rows + 1000*d + k.Wide))
	x, dy := guardedCopy(t, normals(r, rows*d, 1)), guardedCopy(t, normals(r, rows*d, 1))
	up, down := guardedCopy(t, normals(r, e*k.Wide*d, 0.3)), guardedCopy(t, normals(r, e*d*k.F, 0.3))
	wide, y := guarded(t, rows*k.Wide), guarded(t, rows*d)
	ExpertRows(p, offsets, k, x, up, down, wide, y)

	wantWide, wantAct, wantY := make([]float32, rows*k.Wide), make([]float32, rows*k.F), make([]float32, rows*d)
	GemmRows(nil, true, offsets, k.Wide, d, x, up, wantWide)
	k.Act(wantAct, wantWide, rows)
	GemmRows(nil, true, offsets, d, k.F, wantAct, down, wantY)
	expectBits(t, what+", wide", wide, wantWide)
	expectBits(t, what+", y", y, wantY)

	act, dwide, dx := guarded(t, rows*k.F), guarded(t, rows*k.Wide), guarded(t, rows*d)
	ExpertRowsBackward(p, offsets, k, dy, up, down, wide, act, dwide, dx)
	dact, wantDwide, wantDx := make([]float32, rows*k.F), make([]float32, rows*k.Wide), make([]float32, rows*d)
	GemmRows(nil, false, offsets, k.F, d, dy, down, dact)
	k.ActBackward(wantDwide, dact, wantWide, rows)
	GemmRows(nil, false, offsets, d, k.Wide, wantDwide, up, wantDx)
	expectBits(t, what+", act", act, wantAct)
	expectBits(t, what+", dwide", dwide, wantDwide)
	expectBits(t, what+", dx", dx, wantDx)

	// The same weights the other way round, as decoding keeps them.
	turnedUp, turnedDown := guarded(t, len(up)), guarded(t, len(down))
	for i := range e {
		transpose(turnedUp[i*k.Wide*d:], k.Wide, up[i*k.Wide*d:], d, k.Wide, d)
		transpose(turnedDown[i*d*k.F:], d, down[i*d*k.F:], k.F, d, k.F)
	}
	k.Turned = true
	ExpertRows(p, offsets, k, x, turnedUp, turnedDown, wide, y)
	expectBits(t, what+", y turned", y, wantY)
}

func TestExpertRowsAllocateNothing(t *testing.T) {
	offsets, k := []int32{0, 150, 150, 320}, gated(40)
	k.D = 30
	x, up, down := make([]float32, 320*30), make([]float32, 3*80*30), make([]float32, 3*30*40)
	wide, act, dwide, y := make([]float32, 320*80), make([]float32, 320*40), make([]float32, 320*80), make([]float32, 320*30)
	run := func() {
		ExpertRows(nil, offsets, k, x, up, down, wide, y)
		ExpertRowsBackward(nil, offsets, k, x, up, down, wide, act, dwide, y)
	}
	run()
	if n := testing.AllocsPerRun(3, run); n != 0 {
		t.Errorf("%v allocations a run, want none", n)
	}
}

func TestExpertRowsPanic(t *testing.T) {
	k, x := doubled(2), make([]float32, 64)
	k.D = 4
	offsets := []int32{0, 2}
	expectPanic(t, "kernel: expert rows: short argument", func() { ExpertRows(nil, offsets, k, x, x[:7], x, x, x) })
	expectPanic(t, "kernel: expert rows: short argument", func() { ExpertRows(nil, offsets, k, x, x, x, x, x[:7]) })
	expectPanic(t, "kernel: expert rows backward: short argument", func() { ExpertRowsBackward(nil, offsets, k, x, x, x, x, x[:3], x, x) })
}
