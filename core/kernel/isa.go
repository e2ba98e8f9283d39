package kernel

import "os"

// An isa is a table of the inner kernels for one instruction set. Functions above
// it do the blocking and the threads; they are the same for all.
type isa struct {
	name string
	need []string // CPU features

	// tile computes one block of a matrix product; tileGeneric defines it.
	tile func(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool)
	// tileRows is the number of rows that one pass of tile over B serves.
	tileRows int
	// transpose sets dst[j*ldd+i] = src[i*lds+j] for i < rows, j < cols.
	transpose func(dst []float32, ldd int, src []float32, lds, rows, cols int)
}

// isas lists the instruction sets from plain Go to the fastest.
var isas = append([]isa{generic}, nativeISAs...)

var generic = isa{
	name:      "generic",
	tile:      tileGeneric,
	tileRows:  1,
	transpose: transpose,
}

// active is the table in use.
var active = choose(os.Getenv("ARCHLAB_CPU"))

// choose returns the fastest table that the CPU can run, up to the one named by
// limit (generic, avx2, avx512); other values of limit count as none.
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

func runs(s *isa) bool {
	have := map[string]bool{}
	for _, f := range cpuFeatures() {
		have[f] = true
	}
	for _, f := range s.need {
		if !have[f] {
			return false
		}
	}
	return true
}

// Features names the instruction set in use, followed by the features that this
// CPU and operating system offer among those that kernels may use.
func Features() []string { return append([]string{active.name}, cpuFeatures()...) }
