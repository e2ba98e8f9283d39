// Package kernel computes the forward and backward passes of language-model
// operations on []float32: matrix products, attention, selective scans, norms,
// losses and optimizers.
//
// It knows nothing about graphs, devices or models. Every function has a plain
// Go form; on amd64 the hot ones also have AVX2 and AVX-512 forms in assembly,
// chosen once by CPU feature (see Features). There is no cgo.
//
// # Layout
//
// All matrices are row-major and dense unless a leading dimension is given.
// Everything is row-packed: a batch is M rows (tokens), and sequences are
// Segments of consecutive rows. Arguments come in the order pool, outputs,
// inputs, saved state, dimensions. Outputs are assigned (=) unless a function
// says that it accumulates (+=).
//
// # Bits
//
// What a function computes for one row never depends on the number of rows, on
// where the row sits, on its neighbours or on the number of threads, down to the
// last bit. Reductions across rows work on blocks of fixed size and combine the
// blocks in order. Recurrences and attention give the same bits whether a
// sequence is run whole, in chunks or step by step. Different instruction sets
// may differ in the last places.
//
// # Instruction sets
//
// One table (type isa) holds the inner kernels of an instruction set: tiles of
// matrix products, transposes, steps of scans, and operations on vectors. The
// functions above the tables, with their blocking and threads, are the same for
// all; another instruction set or another precision is another table. The
// assembly is written by internal/gen (go generate). ARCHLAB_CPU=generic, avx2, avx512,
// avx512vnni or avx512bf16 limits the choice.
//
// # Low precision
//
// BF16 and FP16 numbers are carried as uint16. GemmBF16 multiplies BF16 matrices and adds in
// FP32: training in mixed precision. GemmInt8 and GemmInt4 multiply FP32 rows, quantized on
// the way, by weights that were quantized once: for inference alone, where decoding is bound by
// the reading of weights, which they make a quarter or a seventh of what they were. They have
// no derivatives, and no family uses them yet. Without the instructions for a format the same
// functions work by those that there are: BF16 is widened, bytes are multiplied in 16 bits.
//
// # Accuracy
//
// exp is at most 1 unit in the last place off (1.2 in plain Go) and 0 below
// e^-87.3, so that no subnormal numbers arise; sigmoid, SiLU and softplus are at
// most 4 off. An element of a matrix product is one chain of additions over K.
//
// # Errors and memory
//
// Wrong arguments panic with a constant string such as "kernel: gemm: short c":
// callers check shapes first. After the first call of a size nothing allocates.
//
//	p := kernel.NewPool(2)
//	defer p.Close()
//	kernel.Gemm(p, false, false, m, n, k, a, k, b, n, 0, c, n) // c = a·b
package kernel

//go:generate go run ./internal/gen
