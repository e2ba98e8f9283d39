package kernel

// The selective scan of Mamba (Gu & Dao 2023, eq. 2-4) and of Mamba-2 (Dao & Gu
// 2024): for each channel with N states,
//
//	h_t = e_t·h_{t-1} + (dt_t·u_t)·B_t     y_t = skip·u_t + sum over n of C_t·h_t
//
// with e_t = exp(dt_t·A) for each state (Mamba) or for each head (Mamba-2).
// Dimensions: m rows, D channels or H heads of P channels, N states, G groups of
// heads that share B and C.
//
// Both are plain recurrences, computed for 16 channels (lanes) at a time: the same
// bits whether a sequence runs whole, in chunks or step by step.

// ScanDims are the sizes of Mamba's scan.
type ScanDims struct{ D, N int }

// SSDDims are the sizes of Mamba-2's scan: H heads of P channels, G groups of B and
// C (H a multiple of G), N states.
type SSDDims struct{ H, P, G, N int }

const (
	lanes = 16 // channels in a block
)

// scanShape describes either scan: Mamba's is one head of D channels with a decay
// for each channel and state, Mamba-2's has one decay a head.
type scanShape struct {
	h, p, g, n int
	scalar     bool // decay and dt belong to the head
}

func (d ScanDims) shape() scanShape { return scanShape{1, d.D, 1, d.N, false} }
func (d SSDDims) shape() scanShape  { return scanShape{d.H, d.P, d.G, d.N, true} }

// blocks returns the blocks of lanes in a head.
func (s *scanShape) blocks() int { return (s.p + lanes - 1) / lanes }

// dtWidth returns the columns of dt.
func (s *scanShape) dtWidth() int {
	if s.scalar {
		return s.h
	}
	return s.p
}

// decays returns the size of A.
func (s *scanShape) decays() int {
	if s.scalar {
		return s.h
	}
	return s.p * s.n
}

// skips returns the size of skip.
func (s *scanShape) skips() int {
	if s.scalar {
		return s.h
	}
	return s.p
}

// chunk returns the number of steps between two saved states.
func (s *scanShape) chunk() int {
	if s.scalar {
		return SSDChunk
	}
	return scanChunk
}

func (s *scanShape) saved(m, segments int) int {
	return (m/s.chunk() + segments) * s.h * s.blocks() * s.n * lanes
}

// savedChunk returns the index of a segment's first chunk among the saved states.
func (s *scanShape) savedChunk(segs []Segment, si int) int { return segs[si].Start/s.chunk() + si }

// SelectiveScanSaved returns the length of saved for m rows in the given number of
// segments.
func SelectiveScanSaved(m, segments int, dims ScanDims) int {
	s := dims.shape()
	return s.saved(m, segments)
}

// SSDSaved returns the length of saved for m rows in the given number of segments.
func SSDSaved(m, segments int, dims SSDDims) int {
	s := dims.shape()
	return s.saved(m, segments)
}

func (s *scanShape) check(m int, u, dt, a, b, c, skip []float32, segs []Segment) {
	checkSegments(segs, m)
	if s.h < 1 || s.p < 1 || s.n < 1 || s.g < 1 || s.h%s.g != 0 {
		panic("kernel: scan: wrong dimensions")
	}
	if len(u) < m*s.h*s.p || len(dt) < m*s.dtWidth() || len(a) < s.decays() ||
		len(b) < m*s.g*s.n || len(c) < m*s.g*s.n || skip != nil && len(skip) < s.skips() {
		panic("kernel: scan: short argument")
	}
}
