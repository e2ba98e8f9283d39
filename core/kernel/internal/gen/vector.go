package main

import (
	"fmt"
	"math"
	"sort"
)

// vec emits instructions on vectors of one width. Registers are written %d of the
// form v.r(i); constants are memory operands.
type vec struct {
	*file
	reg   string // Z or Y
	mask  int    // the mask register that exp and flush use is K2 + mask
	first int    // the register that is called 0
	ahead int    // of a map: vectors between the loop's place and this one
}

var widths = []string{"Z", "Y"}

func (v vec) r(i int) string { return fmt.Sprintf("%s%d", v.reg, v.first+i) }

// w is the number of floats in a vector.
func (v vec) w() int {
	if v.reg == "Z" {
		return 16
	}
	return 8
}

// c is a constant operand: 8 times the same float.
func (v vec) c(x float64) string {
	bits := math.Float32bits(float32(x))
	name := fmt.Sprintf("f%08x", bits)
	v.constants[name] = bits
	return name + "<>(SB)"
}

// ci is an integer constant operand.
func (v vec) ci(x int32) string {
	name := fmt.Sprintf("f%08x", uint32(x))
	v.constants[name] = uint32(x)
	return name + "<>(SB)"
}

// data writes the constants that the file's functions used.
func (f *file) data() {
	var names []string
	for n := range f.constants {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		f.printf("\n")
		for i := range 8 {
			f.printf("DATA %s<>+%d(SB)/4, $0x%08x\n", n, 4*i, f.constants[n])
		}
		f.printf("GLOBL %s<>(SB), RODATA|NOPTR, $32\n", n)
	}
}

func (v vec) zero(x string) {
	if v.reg == "Z" {
		v.op("VPXORD %s, %s, %s", x, x, x)
	} else {
		v.op("VXORPS %s, %s, %s", x, x, x)
	}
}

// and keeps the bits of a constant.
func (v vec) and(mask int32, x, dst string) {
	name := "VANDPS"
	if v.reg == "Z" {
		name = "VPANDD"
	}
	v.op("%s %s, %s, %s", name, v.ci(mask), x, dst)
}

// expTerms are the coefficients of P in exp(r) = 1 + r + r²·P(r), then 1 and 1.
var expTerms = []float64{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1}

// exp replaces x by e^x: the function of exp32 in math.go with fused
// multiply-adds.
func (v vec) exp(x, n, p, t string) {
	// The second source of min and max wins if one is NaN.
	v.op("VMOVUPS %s, %s", v.c(89), t)
	v.op("VMINPS %s, %s, %s", x, t, x)
	v.expNegative(x, n, p, t)
}

// expNegative is exp for x <= 89, such as differences from a maximum.
func (v vec) expNegative(x, n, p, t string) {
	if v.reg == "Z" {
		// Lanes below the range may hold anything until the mask clears them.
		v.op("VCMPPS $5, %s, %s, K%d", v.c(-87.3), x, 2+v.mask) // not less than: NaN stays
	} else {
		v.op("VMOVUPS %s, %s", v.c(-87.3), t)
		v.op("VMAXPS %s, %s, %s", x, t, x)
	}
	// Adding 1.5·2^23 rounds to an integer.
	v.op("VMOVUPS %s, %s", v.c(12582912), n)
	v.op("VMOVAPS %s, %s", n, t)
	v.op("VFMADD231PS %s, %s, %s", v.c(1.44269504088896341), x, n)
	v.op("VSUBPS %s, %s, %s", t, n, n)
	v.op("VFNMADD231PS %s, %s, %s", v.c(0.693359375), n, x)
	v.op("VFNMADD231PS %s, %s, %s", v.c(-2.12194440054690583e-4), n, x)
	v.op("VMOVUPS %s, %s", v.c(expTerms[0]), p)
	for _, c := range expTerms[1:] {
		v.op("VFMADD213PS %s, %s, %s", v.c(c), x, p)
	}
	if v.reg == "Z" {
		v.op("VSCALEFPS.Z %s, %s, K%d, %s", n, p, 2+v.mask, x)
		return
	}
	v.op("VCVTPS2DQ %s, %s", n, n)
	v.op("VPSRAD $1, %s, %s", n, t) // in two factors: n may be 128
	v.op("VPSUBD %s, %s, %s", t, n, n)
	for _, part := range []string{t, n} {
		v.op("VPADDD %s, %s, %s", v.ci(127), part, part)
		v.op("VPSLLD $23, %s, %s", part, part)
		v.op("VMULPS %s, %s, %s", part, p, p)
	}
	v.op("VCMPPS $6, %s, %s, %s", v.c(1.22e-38), p, t) // not less or equal: NaN stays
	v.op("VANDPS %s, %s, %s", t, p, x)
}

// sigmoid sets s to 1/(1+e^-x); x keeps its value unless it is s.
func (v vec) sigmoid(s, x, n, p, t string) {
	v.zero(t)
	v.op("VSUBPS %s, %s, %s", x, t, s)
	v.exp(s, n, p, t)
	v.op("VMOVUPS %s, %s", v.c(1), t)
	v.op("VADDPS %s, %s, %s", t, s, s)
	v.op("VDIVPS %s, %s, %s", s, t, s)
}

// sumLanes leaves the sum of x's lanes in the lowest, in the order of laneSums.
func (v vec) sumLanes(i, t int) { v.foldLanes("VADD", i, t) }

// maxLanes leaves the greatest lane in the lowest.
func (v vec) maxLanes(i, t int) { v.foldLanes("VMAX", i, t) }

func (v vec) foldLanes(name string, i, t int) {
	if v.reg == "Z" {
		v.op("VEXTRACTF64X4 $1, Z%d, Y%d", i, t)
		v.op("%sPS Y%d, Y%d, Y%d", name, t, i, i)
	}
	v.op("VEXTRACTF128 $1, Y%d, X%d", i, t)
	v.op("%sPS X%d, X%d, X%d", name, t, i, i)
	v.op("VPERMILPS $0x4e, X%d, X%d", i, t)
	v.op("%sPS X%d, X%d, X%d", name, t, i, i)
	v.op("VPERMILPS $0xb1, X%d, X%d", i, t)
	v.op("%sPS X%d, X%d, X%d", name, t, i, i)
}

// tailMask makes a mask of the lowest reg lanes: K1, or the register Y15. It uses
// R10 and R11.
func (v vec) tailMask(reg string) {
	if v.reg == "Z" {
		v.op("MOVQ $-1, R11")
		v.op("BZHIQ %s, R11, R10", reg)
		v.op("KMOVW R10, K1")
		return
	}
	v.op("LEAQ ·maskWords+32(SB), R10")
	v.op("MOVQ %s, R11", reg)
	v.op("SHLQ $2, R11")
	v.op("SUBQ R11, R10")
	v.op("VMOVUPS (R10), Y15")
}

func (v vec) load(addr, dst string, masked bool) {
	switch {
	case !masked:
		v.op("VMOVUPS %s, %s", addr, dst)
	case v.reg == "Z":
		v.op("VMOVUPS.Z %s, K1, %s", addr, dst)
	default:
		v.op("VMASKMOVPS %s, Y15, %s", addr, dst)
	}
}

func (v vec) store(src, addr string, masked bool) {
	switch {
	case !masked:
		v.op("VMOVUPS %s, %s", src, addr)
	case v.reg == "Z":
		v.op("VMOVUPS %s, K1, %s", src, addr)
	default:
		v.op("VMASKMOVPS %s, Y15, %s", src, addr)
	}
}

// keep clears the lanes outside the tail's mask.
func (v vec) keep(x string) {
	if v.reg == "Z" {
		v.op("VMOVAPS.Z %s, K1, %s", x, x)
	} else {
		v.op("VANDPS Y15, %s, %s", x, x)
	}
}
