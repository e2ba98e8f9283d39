package kernel

import (
	"math"
	"testing"
)

// logSoftmaxNaive returns the log-softmax of each row.
func logSoftmaxNaive(x []float64, m, n int) []float64 {
	y := make([]float64, m*n)
	for i := range m {
		row := x[i*n : (i+1)*n]
		top := math.Inf(-1)
		for _, v := range row {
			top = math.Max(top, v)
		}
		s := 0.0
		for _, v := range row {
			s += math.Exp(v - top)
		}
		for j, v := range row {
			y[i*n+j] = v - top - math.Log(s)
		}
	}
	return y
}

func TestSoftmaxLoss(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, c := range [][2]int{{0, 5}, {1, 1}, {5, 7}, {7, 33}, {3, 1000}} {
			rows, v := c[0], c[1]
			r := source(uint64(v))
			logits := normals(r, rows*v, 3)
			targets, weights := make([]int32, rows), normals(r, rows, 1)
			for i := range targets {
				targets[i] = int32(r.IntN(v))
			}
			if rows > 3 {
				targets[1] = -1
				weights[2] = 0
			}
			logp, correct := guarded(t, rows), make([]bool, rows)
			in := guardedCopy(t, logits)
			loss := SoftmaxLoss(p, in, v, targets, weights, logp, correct, rows, v, true, 1)

			all := logSoftmaxNaive(wide(logits), rows, v)
			wantLoss, wantLogp, wantGrad := 0.0, make([]float64, rows), make([]float64, rows*v)
			for i, target := range targets {
				if target < 0 {
					if correct[i] {
						t.Error("a row without a target is correct")
					}
					continue
				}
				wantLogp[i] = all[i*v+int(target)]
				wantLoss -= float64(weights[i]) * wantLogp[i]
				best := 0
				for j := range v {
					wantGrad[i*v+j] = float64(weights[i]) * math.Exp(all[i*v+j])
					if logits[i*v+j] > logits[i*v+best] {
						best = j
					}
				}
				wantGrad[i*v+int(target)] -= float64(weights[i])
				if correct[i] != (best == int(target)) {
					t.Errorf("row %d: correct = %v", i, correct[i])
				}
			}
			expect(t, "logp", logp, wantLogp, 2e-6)
			expect(t, "gradient", in, wantGrad, 1e-6)
			apart := guarded(t, rows*(v+3)) // NaN between the rows
			for i := range rows {
				copy(apart[i*(v+3):], logits[i*v:(i+1)*v])
			}
			if again := SoftmaxLoss(p, apart, v+3, targets, weights, guarded(t, rows), nil, rows, v, true, 4); again != loss {
				t.Errorf("rows apart: loss %g, want %g", again, loss)
			}
			for i, x := range apart {
				if row, j := i/(v+3), i%(v+3); j >= v && x == x || j < v && x != 4*in[row*v+j] {
					t.Fatalf("rows apart: [%d,%d] is %g", row, j, x)
				}
			}
			if math.Abs(loss-wantLoss) > 3e-6*(1+math.Abs(wantLoss))*float64(1+rows) {
				t.Errorf("loss = %g, want %g", loss, wantLoss)
			}

			// Without the gradient the logits stay, and the figures have the same bits.
			copy(in, logits)
			logp2 := guarded(t, rows)
			if again := SoftmaxLoss(nil, in, v, targets, weights, logp2, nil, rows, v, false, 1); again != loss {
				t.Errorf("loss without gradient %g, with %g", again, loss)
			}
			expectBits(t, "logp without gradient", logp2, logp)
			expectBits(t, "logits", in, logits)
			if rows > 0 {
				SoftmaxLoss(nil, in[:rows*v], v, targets, nil, logp2, nil, rows, v, false, 1)
			}
		}
	})
}

func TestSoftmaxLossTies(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		logits := []float32{1, 2, 2, 0, 2}
		for target, want := range []bool{false, true, false, false, false} {
			correct := make([]bool, 1)
			SoftmaxLoss(nil, append([]float32(nil), logits...), 5, []int32{int32(target)}, nil, make([]float32, 1), correct, 1, 5, true, 1)
			if correct[0] != want {
				t.Errorf("target %d: correct = %v; the argmax is the lowest index", target, correct[0])
			}
		}
	})
}

// A NaN among the logits must reach the loss: a run that diverges may not look fine.
func TestSoftmaxLossNaN(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for at := range 20 {
			logits := make([]float32, 20)
			logits[at] = float32(math.NaN())
			logp := make([]float32, 1)
			if loss := SoftmaxLoss(nil, logits, 20, []int32{3}, nil, logp, nil, 1, 20, true, 1); loss == loss {
				t.Errorf("NaN at %d: loss %g", at, loss)
			}
		}
	})
}

func TestSoftmaxRows(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, c := range [][2]int{{0, 5}, {1, 1}, {3, 7}, {7, 33}, {2, 100}} {
			m, n := c[0], c[1]
			r := source(uint64(n))
			x, dy := normals(r, m*n, 2), normals(r, m*n, 1)
			y, dx := guarded(t, m*n), guarded(t, m*n)
			naive := func(in [][]float64) []float64 { return logSoftmaxNaive(in[0], m, n) }
			LogSoftmaxRows(nil, y, x, m, n)
			expect(t, "log softmax", y, naive([][]float64{wide(x)}), 1e-6)
			LogSoftmaxRowsBackward(nil, dx, dy, y, m, n)
			expectGradient(t, []string{"log softmax"}, [][]float32{dx}, [][]float64{wide(x)}, dy, naive, 1e-5)
			soft := func(in [][]float64) []float64 {
				y := naive(in)
				for i, v := range y {
					y[i] = math.Exp(v)
				}
				return y
			}
			SoftmaxRows(nil, y, x, m, n)
			expect(t, "softmax", y, soft([][]float64{wide(x)}), 1e-6)
			SoftmaxRowsBackward(nil, dx, dy, y, m, n)
			expectGradient(t, []string{"softmax"}, [][]float32{dx}, [][]float64{wide(x)}, dy, soft, 1e-5)
		}
	})
}

func TestAdamW(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, n := range append(oddSizes, pieceWork+3) {
			r := source(uint64(n))
			w, m, v := guardedCopy(t, normals(r, n, 1)), guarded(t, n), guarded(t, n)
			clear(m)
			clear(v)
			ww, mm, vv := wide(w), make([]float64, n), make([]float64, n)
			for step := 1; step <= 3; step++ {
				g := normals(r, n, 0.1)
				o := AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, GradScale: 0.5,
					Correction1: float32(1 - math.Pow(0.9, float64(step))), Correction2: float32(1 - math.Pow(0.95, float64(step)))}
				o.Step(p, w, g, m, v)
				for i := range ww {
					gi := 0.5 * float64(g[i])
					mm[i] = 0.9*mm[i] + 0.1*gi
					vv[i] = 0.95*vv[i] + 0.05*gi*gi
					ww[i] -= 1e-2 * (mm[i]/(1-math.Pow(0.9, float64(step)))/(math.Sqrt(vv[i]/(1-math.Pow(0.95, float64(step))))+1e-8) + 0.1*ww[i])
				}
			}
			// 1-beta in float32 is off by up to 1e-7 of beta: 1e-6 of 0.05.
			expect(t, "w", w, ww, 1e-6)
			expect(t, "m", m, mm, 1e-6)
			expect(t, "v", v, vv, 1e-6)
		}
	})
}

// Moments without gradients decay to 0, past the subnormal numbers.
func TestAdamWLeavesNoSubnormals(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, n := range []int{1, 7, 33} {
			w, g := guardedCopy(t, normals(source(5), n, 1)), guarded(t, n)
			m, v := guarded(t, n), guarded(t, n)
			clear(g)
			setAll(m, -0x1p-126)
			setAll(v, 0x1p-126)
			m[n-1], v[n-1] = 0x1p-125, float32(math.NaN())
			AdamW{LR: 1e-2, Beta1: 0.75, Beta2: 0.75, Eps: 1e-8, GradScale: 1, Correction1: 1, Correction2: 1}.Step(nil, w, g, m, v)
			for i := range n - 1 {
				if m[i] != 0 || v[i] != 0 {
					t.Fatalf("moments %g, %g, want 0", m[i], v[i])
				}
			}
			if m[n-1] != 0x1.8p-126 || v[n-1] == v[n-1] {
				t.Fatalf("moments %g, %g, want a normal number and NaN", m[n-1], v[n-1])
			}
		}
	})
}
