package main

// packRows emits the copy of n rows of 32 floats at p1, scalar 0 and 1 (as one
// integer) bytes apart, to p0, close together.
func packRows(v vec) {
	v.op("MOVQ %d(DI), R10", argS)
	v.label("loop")
	v.op("PREFETCHT0 (BX)(R10*8)")
	for i := range 32 / v.w() {
		v.op("VMOVUPS %d(BX), %s", 4*v.w()*i, v.r(i))
	}
	for i := range 32 / v.w() {
		v.op("VMOVUPS %s, %d(SI)", v.r(i), 4*v.w()*i)
	}
	v.op("ADDQ R10, BX")
	v.op("ADDQ $128, SI")
	v.op("DECQ AX")
	v.op("JNE loop")
	v.ret()
}
