package kernel

import "math"

// Rotary position embedding (Su et al. 2021), pairs split by halves: column i of a
// head turns with column i+k/2 by the angle pos·theta^(-2i/k).
// Dimensions: m rows of ld, of which the first heads*k columns are turned.

type rotary struct {
	y, x     []float32
	cos, sin []float32 // a row of k/2 for each position from first on, or for each row
	byRow    bool
	first    int
	freq     []float32 // [k/2] and the rest of each frequency, [k/2]
	ld       int
	heads, k int
	segs     []Segment
	sign     float32
}

var rotaryJobs jobs[rotary]

// Rotary sets y [m,ld] to x with the first heads*k columns of each row turned by the
// row's position in its document. y may be x. inverse turns back, which is also the
// backward pass.
func Rotary(p *Pool, y, x []float32, m, ld, heads, k int, segs []Segment, theta float64, inverse bool) {
	checkSegments(segs, m)
	if k%2 != 0 || k < 0 || ld < heads*k || len(x) < m*ld || len(y) < m*ld {
		panic("kernel: rotary: wrong shape")
	}
	if m == 0 || ld == 0 {
		return
	}
	if k == 0 {
		copy(y[:m*ld], x)
		return
	}
	first, last := segs[0].Pos, 0
	for _, s := range segs {
		first, last = min(first, s.Pos), max(last, s.Pos+s.Len)
	}
	// Sequences of a batch share positions: one table row for each, unless they lie
	// so far apart that one for each row is less.
	half, angles := k/2, last-first
	byRow := angles > m
	if byRow {
		angles = m
	}
	t := rotary{y: y, x: x, byRow: byRow, first: first, ld: ld, heads: heads, k: k, segs: segs, sign: 1}
	if inverse {
		t.sign = -1
	}
	key := tableKey{theta, k, first, angles}
	var work *buffer
	if !byRow {
		work = rotaryTables.find(key)
	}
	known := work != nil
	if !known {
		work = scratch.take((2*angles + 2) * half)
	}
	t.cos, t.sin, t.freq = work.f[:angles*half], work.f[angles*half:2*angles*half], work.f[2*angles*half:]
	if !known {
		for i := range half {
			f := math.Pow(theta, -2*float64(i)/float64(k))
			t.freq[i] = float32(f)
			t.freq[half+i] = float32(f - float64(t.freq[i]))
		}
		launch(p, &anglesJobs, rotaryAngles{t}, angles, grainFor(16*k))
		if !byRow {
			rotaryTables.keep(key, work)
		}
	}
	launch(p, &rotaryJobs, t, m, grainFor(ld))
	rotaryTables.release(work)
}

// rotaryAngles fills the table.
type rotaryAngles struct{ rotary }

var anglesJobs jobs[rotaryAngles]

func (t *rotaryAngles) run(lo, hi int) {
	if !t.byRow {
		for i := lo; i < hi; i++ {
			t.angles(i, t.first+i)
		}
		return
	}
	for si := range t.segs {
		s := &t.segs[si]
		for r := max(lo, s.Start); r < min(hi, s.Start+s.Len); r++ {
			t.angles(r, s.Pos+r-s.Start)
		}
	}
}

func (t *rotaryAngles) angles(row, pos int) {
	half := t.k / 2
	for i := range half {
		f := float64(t.freq[i]) + float64(t.freq[half+i])
		sin, cos := math.Sincos(float64(pos) * f)
		t.sin[row*half+i], t.cos[row*half+i] = float32(sin), float32(cos)
	}
}

func (t *rotary) run(lo, hi int) {
	half := t.k / 2
	for si := range t.segs {
		s := &t.segs[si]
		for r := max(lo, s.Start); r < min(hi, s.Start+s.Len); r++ {
			at := r
			if !t.byRow {
				at = s.Pos + r - s.Start - t.first
			}
			cos, sin := t.cos[at*half:][:half], t.sin[at*half:][:half]
			y := t.y[r*t.ld:][:t.ld]
			copy(y, t.x[r*t.ld:]) // nothing where y is x
			for h := range t.heads {
				active.rotate(y[h*t.k:][:half], y[h*t.k+half:][:half], cos, sin, t.sign)
			}
		}
	}
}
