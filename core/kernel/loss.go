package kernel

import "math"

// Cross-entropy over rows of logits. Dimensions: rows of v (vocabulary).

type softmaxLoss struct {
	logits  []float32
	ld      int
	targets []int32
	weights []float32
	logp    []float32
	correct []bool
	v       int
	grad    bool
	scale   float32
}

var softmaxLossJobs jobs[softmaxLoss]

// SoftmaxLoss computes, for each row of logits [rows,v], with ld floats from a row to the next, logp = log softmax of the
// target (nats) and correct = whether the target is the argmax (ties go to the
// lowest index), and returns the sum over rows, in order, of weight·(-logp). With
// grad it overwrites logits by scale·weight·(softmax - onehot), scale times the gradient of the sum.
// A target < 0 has no loss: logp 0, correct false, gradient 0. weights and correct
// may be nil (all ones; not wanted).
func SoftmaxLoss(p *Pool, logits []float32, ld int, targets []int32, weights, logp []float32, correct []bool, rows, v int, grad bool, scale float32) (lossSum float64) {
	checkMatrix(false, rows, v, ld, len(logits), "kernel: softmax loss: short logits")
	if len(targets) < rows || len(logp) < rows ||
		weights != nil && len(weights) < rows || correct != nil && len(correct) < rows {
		panic("kernel: softmax loss: short argument")
	}
	for _, t := range targets[:rows] {
		if int(t) >= v {
			panic("kernel: softmax loss: target out of range")
		}
	}
	launch(p, &softmaxLossJobs, softmaxLoss{logits, ld, targets, weights, logp, correct, v, grad, scale}, rows, grainFor(8*v))
	for i, l := range logp[:rows] {
		if targets[i] < 0 {
			continue
		}
		w := 1.0
		if weights != nil {
			w = float64(weights[i])
		}
		lossSum -= w * float64(l)
	}
	return lossSum
}

func (t *softmaxLoss) run(lo, hi int) {
	for i := lo; i < hi; i++ {
		x := t.logits[i*t.ld : i*t.ld+t.v]
		target := int(t.targets[i])
		if target < 0 {
			t.logp[i] = 0
			if t.correct != nil {
				t.correct[i] = false
			}
			if t.grad {
				clear(x)
			}
			continue
		}
		top := active.max(x)
		if t.correct != nil {
			t.correct[i] = x[target] == top && active.max(x[:target]) < top
		}
		w := float32(1)
		if t.weights != nil {
			w = t.weights[i]
		}
		at := x[target] - top
		if !t.grad {
			t.logp[i] = at - log32(active.sumExp(x, top))
			continue
		}
		if w == 0 {
			t.logp[i] = at - log32(active.sumExp(x, top))
			clear(x)
			continue
		}
		sum := active.expInto(x, x, 1, top)
		t.logp[i] = at - log32(sum)
		active.scale(x, x, w/sum)
		x[target] -= w
		if t.scale != 1 {
			active.scale(x, x, t.scale)
		}
	}
}

var negInf = float32(math.Inf(-1))
