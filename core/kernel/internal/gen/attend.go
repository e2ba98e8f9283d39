package main

import "math"

// Offsets of the fields of kernel.attendArgs.
const (
	attScores = 0
	attGrads  = 8
	attTop    = 16
	attSum    = 24
	attOut    = 32
	attRows   = 40
	attN      = 48
	attK      = 56
	attShrink = 64
)

// Offsets of the fields of kernel.attendScaleArgs.
const (
	sclDst  = 0
	sclSrc  = 8
	sclBy   = 16
	sclStep = 24
	sclLDD  = 32
	sclLDS  = 40
	sclRows = 48
	sclN    = 56
)

// emitAttend writes the row kernels of attention.
func emitAttend(f *file) {
	for _, reg := range widths {
		v := vec{file: f, reg: reg}
		attendRows(v)
		attendBack(v)
		attendScale(v)
	}
	f.data()
}

// scoreRow is the distance in bytes between rows of scores.
const scoreRow = 4 * 64

// Registers of the row kernels, beside the five that exp2 takes for each of two vectors.
const (
	regPair  = 5  // the first of the second vector's
	regShift = 10 // the row's greatest score, or its log-sum-exp
	regSum   = 11 // and 12: a sum for each vector, or delta
	regRound = 13 // 1.5·2^23: adding it rounds to an integer, which is then in the lowest bits
	regOne   = 14
	regFloor = 15 // -127
)

func (v vec) exp2Constants() {
	v.op("VMOVUPS %s, %s", v.c(12582912), v.r(regRound))
	v.op("VMOVUPS %s, %s", v.c(1), v.r(regOne))
	v.op("VMOVUPS %s, %s", v.c(-127), v.r(regFloor))
}

// exp2 replaces registers x of several vectors, x <= 0, by 2^x: exp2Neg in the package, its polynomial in pairs of terms.
// It uses the four registers after each x. The vectors go side by side: the chain of one is long, and a processor holds few
// waiting instructions.
func (v vec) exp2(vectors ...int) {
	each := func(f func(x, n, r2, q1, q2 int)) {
		for _, x := range vectors {
			f(x, x+1, x+2, x+3, x+4)
		}
	}
	// The second source wins if one is NaN.
	each(func(x, n, r2, q1, q2 int) { v.f("VMAXPS", x, regFloor, x) })
	each(func(x, n, r2, q1, q2 int) { v.f("VADDPS", regRound, x, n) })
	each(func(x, n, r2, q1, q2 int) { v.f("VSUBPS", regRound, n, r2) })
	each(func(x, n, r2, q1, q2 int) { v.f("VSUBPS", r2, x, x) }) // r
	each(func(x, n, r2, q1, q2 int) {
		v.op("VMOVUPS %s, %s", v.c(exp2Terms[1]), v.r(q2))
		v.op("VMOVUPS %s, %s", v.c(exp2Terms[3]), v.r(q1))
		v.f("VMULPS", x, x, r2)
	})
	each(func(x, n, r2, q1, q2 int) { v.fc("VFMADD213PS", exp2Terms[2], x, q2) })
	each(func(x, n, r2, q1, q2 int) { v.fc("VFMADD213PS", exp2Terms[4], x, q1) })
	each(func(x, n, r2, q1, q2 int) { v.fc("VFMADD132PS", exp2Terms[5], regOne, x) })
	each(func(x, n, r2, q1, q2 int) { v.fc("VFMADD231PS", exp2Terms[0], r2, q2) })
	each(func(x, n, r2, q1, q2 int) { v.op("VPSLLD $23, %s, %s", v.r(n), v.r(n)) })
	each(func(x, n, r2, q1, q2 int) { v.f("VFMADD231PS", q2, r2, q1) })
	each(func(x, n, r2, q1, q2 int) { v.f("VFMADD231PS", q1, r2, x) })
	each(func(x, n, r2, q1, q2 int) { v.f("VPADDD", n, x, x) })
}

// attendRows emits one step of the running softmax of some rows of attention: see
// attendRowsGeneric. The number of scores is a multiple of 16.
func attendRows(v vec) {
	v.text("attendRows"+v.reg, "attendArgs", "A block of scores into the running softmax.")
	v.op("MOVQ %d(DI), SI", attScores)
	v.op("MOVQ %d(DI), BX", attOut)
	v.op("MOVQ %d(DI), CX", attTop)
	v.op("MOVQ %d(DI), DX", attSum)
	v.op("MOVQ %d(DI), R8", attRows)
	v.op("MOVQ %d(DI), R12", attN)
	v.op("MOVQ %d(DI), R13", attK)
	per := 16 / v.w() // vectors in 16 scores
	const shift, shrink, sum = regShift, regPair, regSum
	v.op("SHLQ $2, R12")
	v.op("MOVQ %d(DI), DI", attShrink)
	v.exp2Constants()

	// The maxima of all rows first: exponentials that wait for one would fill the
	// processor's queues.
	v.op("MOVQ SI, R10")
	v.op("XORQ R11, R11")
	v.label("maximum")
	v.op("VMOVUPS (R10), %s", v.r(0))
	if per == 2 {
		v.op("VMAXPS 32(R10), %s, %s", v.r(0), v.r(0))
	}
	v.op("MOVQ $64, R9")
	v.label("max")
	v.op("CMPQ R9, R12")
	v.op("JGE found")
	for i := range per {
		v.op("VMAXPS %d(R10)(R9*1), %s, %s", i*4*v.w(), v.r(0), v.r(0))
	}
	v.op("ADDQ $64, R9")
	v.op("JMP max")
	v.label("found")
	v.maxLanes(0, 1)
	v.op("VMOVSS (CX)(R11*4), X1")
	v.op("VMAXSS X0, X1, X0")
	v.op("VMOVSS X0, (CX)(R11*4)")
	// The shift is the new top, or finite where nothing was seen yet.
	v.op("VMAXSS %s, X0, X0", v.c(-math.MaxFloat32))
	v.op("VSUBSS X0, X1, X1")
	v.op("VMOVSS X1, (DI)(R11*4)")
	v.op("ADDQ $%d, R10", scoreRow)
	v.op("INCQ R11")
	v.op("CMPQ R11, R8")
	v.op("JLT maximum")

	v.label("row")
	v.op("VBROADCASTSS (CX), %s", v.r(shift))
	v.fc("VMAXPS", -math.MaxFloat32, shift, shift)
	v.op("VBROADCASTSS (DI), %s", v.r(shrink))
	v.exp2(shrink)
	v.op("VMOVSS X%d, (DI)", shrink)
	for i := range per {
		v.zero(v.r(sum + i))
	}
	v.op("XORQ R9, R9")
	v.label("weights")
	v.scores(per)
	for i, x := range pair(per) {
		v.op("VMOVUPS %s, %d(SI)(R9*1)", v.r(x), i*4*v.w())
		v.f("VADDPS", x, sum+i, sum+i)
	}
	v.op("ADDQ $64, R9")
	v.op("CMPQ R9, R12")
	v.op("JLT weights")
	if per == 2 {
		v.f("VADDPS", sum+1, sum, sum)
	}
	v.sumLanes(sum, 0)
	v.op("VBROADCASTSS (DI), %s", v.r(shrink))
	v.op("VMOVSS (DX), X0")
	v.op("VFMADD213SS X%d, X%d, X0", sum, shrink)
	v.op("VMOVSS X0, (DX)")

	// The row's sums shrink, by 1 as a rule: a branch would guess wrong too often.
	v.op("MOVQ R13, AX")
	v.op("MOVQ BX, R9")
	v.label("shrink")
	v.op("CMPQ AX, $%d", v.w())
	v.op("JLT tail")
	v.op("VMULPS (R9), %s, %s", v.r(shrink), v.r(0))
	v.op("VMOVUPS %s, (R9)", v.r(0))
	v.op("ADDQ $%d, R9", 4*v.w())
	v.op("SUBQ $%d, AX", v.w())
	v.op("JMP shrink")
	v.label("tail")
	v.op("TESTQ AX, AX")
	v.op("JEQ next")
	v.op("VMULSS (R9), X%d, X0", shrink)
	v.op("VMOVSS X0, (R9)")
	v.op("ADDQ $4, R9")
	v.op("DECQ AX")
	v.op("JMP tail")

	v.label("next")
	v.op("ADDQ $%d, SI", scoreRow)
	v.op("ADDQ $4, DI")
	v.op("ADDQ $4, CX")
	v.op("ADDQ $4, DX")
	v.op("LEAQ (BX)(R13*4), BX")
	v.op("DECQ R8")
	v.op("JNE row")
	v.ret()
}

// pair lists the registers of the vectors that are worked on side by side.
func pair(vectors int) []int { return []int{0, regPair}[:vectors] }

// scores loads vectors of the row at SI, and makes weights of them.
func (v vec) scores(vectors int) {
	for i, x := range pair(vectors) {
		v.op("VMOVUPS %d(SI)(R9*1), %s", i*4*v.w(), v.r(x))
		v.f("VSUBPS", regShift, x, x)
	}
	v.exp2(pair(vectors)...)
}

// attendBack emits attendBackGeneric. The number of scores is a multiple of 16.
func attendBack(v vec) {
	v.text("attendBack"+v.reg, "attendArgs", "Weights again, and the gradients of scores.")
	v.op("MOVQ %d(DI), SI", attScores)
	v.op("MOVQ %d(DI), BX", attGrads)
	v.op("MOVQ %d(DI), CX", attTop)
	v.op("MOVQ %d(DI), DX", attSum)
	v.op("MOVQ %d(DI), R8", attRows)
	v.op("MOVQ %d(DI), R12", attN)
	per := 16 / v.w()
	const lse, delta = regShift, regSum
	v.op("SHLQ $2, R12")
	v.exp2Constants()
	v.label("row")
	v.op("VBROADCASTSS (CX), %s", v.r(lse))
	v.op("VBROADCASTSS (DX), %s", v.r(delta))
	v.op("XORQ R9, R9")
	v.label("weights")
	v.scores(per)
	for i, x := range pair(per) {
		v.op("VMOVUPS %s, %d(SI)(R9*1)", v.r(x), i*4*v.w())
		v.op("VMOVUPS %d(BX)(R9*1), %s", i*4*v.w(), v.r(x+1))
		v.f("VSUBPS", delta, x+1, x+1)
		v.f("VMULPS", x, x+1, x+1)
		v.op("VMOVUPS %s, %d(BX)(R9*1)", v.r(x+1), i*4*v.w())
	}
	v.op("ADDQ $64, R9")
	v.op("CMPQ R9, R12")
	v.op("JLT weights")
	v.op("ADDQ $%d, SI", scoreRow)
	v.op("ADDQ $%d, BX", scoreRow)
	v.op("ADDQ $4, CX")
	v.op("ADDQ $4, DX")
	v.op("DECQ R8")
	v.op("JNE row")
	v.ret()
}

// attendScale emits attendScaleGeneric: rows of n floats, each times a float of its own
// or (step 0) all times the same.
func attendScale(v vec) {
	v.text("attendScale"+v.reg, "attendScaleArgs", "Rows times a factor each.")
	v.op("MOVQ %d(DI), BX", sclDst)
	v.op("MOVQ %d(DI), SI", sclSrc)
	v.op("MOVQ %d(DI), CX", sclBy)
	v.op("MOVQ %d(DI), R12", sclStep)
	v.op("MOVQ %d(DI), DX", sclLDD)
	v.op("MOVQ %d(DI), R13", sclLDS)
	v.op("MOVQ %d(DI), R8", sclRows)
	v.op("MOVQ %d(DI), DI", sclN)
	v.op("MOVQ DI, AX")
	v.op("ANDQ $%d, AX", v.w()-1)
	v.tailMask("AX")
	v.op("ANDQ $-%d, DI", v.w())
	v.op("SHLQ $2, DI")
	// Rows lie on pages of their own, where the processor does not look ahead: fetch those of some rows further, as far as
	// the last-level cache is.
	v.op("MOVQ R13, R10")
	v.op("SHLQ $5, R10")
	v.op("ADDQ SI, R10")
	v.op("MOVQ DX, R11")
	v.op("SHLQ $5, R11")
	v.op("ADDQ BX, R11")
	v.label("row")
	v.op("VBROADCASTSS (CX), %s", v.r(0))
	v.op("XORQ R9, R9")
	v.op("SUBQ $64, DI")
	v.label("lines")
	v.op("CMPQ R9, DI")
	v.op("JGT vectors")
	v.op("PREFETCHT0 (R10)(R9*1)")
	v.op("BYTE $0x43; BYTE $0x0f; BYTE $0x0d; BYTE $0x0c; BYTE $0x0b // PREFETCHW (R11)(R9*1)")
	for i := range 16 / v.w() {
		v.op("VMULPS %d(SI)(R9*1), %s, %s", 4*v.w()*i, v.r(0), v.r(1+i))
		v.op("VMOVUPS %s, %d(BX)(R9*1)", v.r(1+i), 4*v.w()*i)
	}
	v.op("ADDQ $64, R9")
	v.op("JMP lines")
	v.label("vectors")
	v.op("ADDQ $64, DI")
	v.label("loop")
	v.op("CMPQ R9, DI")
	v.op("JGE tail")
	v.op("VMULPS (SI)(R9*1), %s, %s", v.r(0), v.r(1))
	v.op("VMOVUPS %s, (BX)(R9*1)", v.r(1))
	v.op("ADDQ $%d, R9", 4*v.w())
	v.op("JMP loop")
	v.label("tail")
	v.op("TESTQ AX, AX")
	v.op("JEQ next")
	v.load("(SI)(R9*1)", v.r(1), true)
	v.f("VMULPS", 0, 1, 1)
	v.store(v.r(1), "(BX)(R9*1)", true)
	v.label("next")
	v.op("ADDQ R12, CX")
	v.op("ADDQ DX, BX")
	v.op("ADDQ R13, SI")
	v.op("ADDQ DX, R11")
	v.op("ADDQ R13, R10")
	v.op("DECQ R8")
	v.op("JNE row")
	v.ret()
}
