package engine

// LossScale multiplies the loss before the backward pass, so that gradients stay clear of FP16's smallest numbers, and is
// divided out of the parameters' gradients, which are float32. Powers of two change no bits on the way. A scale at which a
// gradient overflows is halved, and one that has held for a while is doubled (Micikevicius et al. 2018, section 3.2).
type LossScale struct {
	Scale float64
	Good  int64 // steps since the scale last changed
}

// The first scale, the largest, the number of good steps after which a scale doubles: often enough for runs of a few
// thousand steps, and with at most one repeated step in as many; and how often a step is repeated at smaller scales before it is
// skipped, once there has been a good step: a model whose gradients overflow at any scale costs no more than that.
const (
	FirstScale   = 1 << 16
	LargestScale = 1 << 24
	ScaleEvery   = 256
	ScaleRepeats = 2
)

// Halve takes a scale that overflowed; it answers false at 1, where scaling is not what is wrong.
func (s *LossScale) Halve() bool {
	if s.Scale <= 1 {
		return false
	}
	s.Scale, s.Good = s.Scale/2, 0
	return true
}

// Held counts a step whose gradients were finite.
func (s *LossScale) Held() {
	if s.Good++; s.Good < ScaleEvery {
		return
	}
	s.Scale, s.Good = min(2*s.Scale, LargestScale), 0
}
