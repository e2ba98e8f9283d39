package kernel

import "os"

// An isa is a table of inner kernels for one instruction set. The functions above
// it do the blocking and the threads; they are the same for all. Lengths are those
// of the first argument; the callers have checked the others.
type isa struct {
	name string
	need []string // CPU features
	over string   // the table that this one adds low-precision kernels to, if any

	// tile computes one block of a matrix product; tileGeneric defines it. One of A's strides is 1.
	tile func(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool)
	// transpose sets dst[j*ldd+i] = src[i*lds+j] for i < rows, j < cols.
	transpose func(dst []float32, ldd int, src []float32, lds, rows, cols int)

	// scanSteps and ssdSteps run the recurrences over a block's steps; scanStepsBack
	// computes a block's states again and takes Mamba's steps backwards.
	scanSteps     func(k *selectiveBlock)
	scanStepsBack func(k *selectiveBackBlock)
	ssdSteps      func(k *ssdBlock)
	// takeBlocks copies rows of blocks of 16 floats, ld apart, to dst [blocks,scanChunk,16]; putBlocks is the way back.
	takeBlocks func(dst, src []float32, ld, rows, blocks int)
	putBlocks  func(dst []float32, ld int, src []float32, rows, blocks int)

	// Operands of products in panels: A [k,tileRows] and B [k,tileColumns]. packA and packB copy from src [k,·], whose lines
	// are ld apart, panels that follow each other step apart.
	tileRows, tileColumns int
	packA, packB          func(dst []float32, step int, src []float32, ld, k, panels int)
	// tilePanels is tile where A lies in panels step apart. It packs a panel of B meanwhile, if there is one.
	tilePanels func(m, n, k int, a []float32, step int, b []float32, ldb int, soon nextPanel, c []float32, ldc int, load bool)

	// peaks are loops on registers, by Arithmetic; read adds up x's words, passes times, into sums.
	peaks [3]peakLoop
	read  func(x []float32, passes int, sums *roofSums)

	attend attend
	vectors
	halves

	rows *rowKernels  // nil: tiles do everything
	bf16 *bf16Kernels // nil: BF16 numbers are widened
	int8 *int8Kernels
	int4 *int4Kernels
}

// with returns the table with additions that need more of the CPU.
func (s isa) with(name string, need []string, add func(s *isa)) isa {
	s.over, s.name = s.name, name
	s.need = append(s.need[:len(s.need):len(s.need)], need...)
	add(&s)
	return s
}

// vectors are the kernels on vectors of any length.
type vectors struct {
	add, mul func(out, x, y []float32)
	mulAdd   func(out, x, y []float32)                   // out += x·y
	addRows  func(out, x []float32)                      // adds x's four rows to out, one after the other
	scale    func(out, x []float32, s float32)           // out = s·x
	axpy     func(out []float32, s float32, x []float32) // out += s·x

	activate         func(f activation, y, x []float32)
	activateBackward func(f activation, dx, dy, x []float32)
	siluMul          func(y, x, z []float32)
	siluMulBackward  func(dx, dz, dy, x, z []float32)

	// The rows of a convolution of four taps: y = bias + sum of the rows of w times those of x, four of each that follow each
	// other; silu of that; dy times the derivative of silu at it. tapsGrad adds g times the rows of x, and g, to the rows of sum.
	taps      func(y, bias, w, x []float32)
	tapsSiLU  func(y, bias, w, x []float32)
	tapsSlope func(dx, dy, bias, w, x []float32)
	tapsGrad  func(sum, g, x []float32)

	dot  func(x, y []float32) float32
	dot3 func(x, y, z []float32) float32 // sum of x·y·z
	sum  func(x []float32) float32
	// laneSums sets out[i] to the sum of x[w·i:w·i+w], w being sumLanes.
	laneSums func(out, x []float32)
	sumLanes int
	finite   func(x []float32) bool
	max      func(x []float32) float32 // NaN aside; -Inf of nothing
	sumExp   func(x []float32, shift float32) float32
	expInto  func(y, x []float32, scale, shift float32) float32 // y = exp(scale·x-shift); returns the sum

	scaleMul     func(y, x, gain []float32, r float32)       // y = x·r·gain
	scaleMulAdd  func(y, x, gain, bias []float32, r float32) // y = x·r·gain + bias
	addSum       func(out, x, y []float32) float32           // out = x+y; returns its sum
	addSquares   func(out, x, y []float32) float32           // out = x+y; returns the sum of its squares
	shiftSquares func(y, x []float32, s float32) float32     // y = x+s; returns the sum of its squares
	rmsBackward  func(dgain, dx, dy, x, gain []float32, r, c float32)
	addScalar    func(y, x []float32, s float32)                   // y = x+s
	linear       func(out, x, y []float32, sx, sy, offset float32) // out = sx·x + sy·y + offset
	normSums     func(dgain, dbias, dy, x, gain []float32, mean, rstd float32) (sum, dot float32)
	normBackward func(dx, dy, x, gain []float32, mean, rstd, sum, dot float32)
	rotate       func(a, b, cos, sin []float32, sign float32) // (a, b) = (a·cos - b·sin, b·cos + a·sin), sin times sign

	adamW func(o *AdamW, w, g, m, v []float32)
}

var generic = isa{
	name:      "generic",
	tile:      tileGeneric,
	transpose: transpose,

	tileRows: 6, tileColumns: 16,
	packA: packGeneric(6), packB: packGeneric(16),
	tilePanels: tilePanelsGeneric,

	scanSteps:     scanStepsGeneric,
	scanStepsBack: scanStepsBackGeneric,
	ssdSteps:      ssdStepsGeneric,
	takeBlocks:    takeBlocksGeneric,
	putBlocks:     putBlocksGeneric,

	peaks: genericPeaks,
	read:  readGeneric,

	attend:  genericAttend,
	vectors: genericVectors,
	halves:  genericHalves,
	int8:    &genericInt8,
	int4:    &genericInt4,
}

// isas lists the instruction sets from plain Go to the fastest.
var isas = append([]isa{generic}, nativeISAs...)

// active is the table in use.
var active = choose(os.Getenv("ARCHLAB_CPU"))

// choose returns the fastest table that the CPU can run, up to the one named by
// limit (generic, avx2, avx512, avx512vnni, avx512bf16); other values of limit count as none.
func choose(limit string) *isa {
	best := &isas[0]
	for i := range isas {
		if !runs(&isas[i]) {
			continue
		}
		best = &isas[i]
		if best.name == limit {
			break
		}
	}
	return best
}

func runs(s *isa) bool { return hasAll(s.need) }

// hasAll reports whether this CPU offers all of the features.
func hasAll(features []string) bool {
	have := map[string]bool{}
	for _, f := range cpuFeatures() {
		have[f] = true
	}
	for _, f := range features {
		if !have[f] {
			return false
		}
	}
	return true
}

// Features names the instruction set in use, followed by the features that this
// CPU and operating system offer among those that kernels may use. The environment
// variable ARCHLAB_CPU (the name of a set) limits the choice.
func Features() []string { return append([]string{active.name}, cpuFeatures()...) }
