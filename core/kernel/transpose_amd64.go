package kernel

import "unsafe"

// transposeArgs are the arguments of the block transposes. Strides are in bytes.
type transposeArgs struct {
	dst, src unsafe.Pointer
	ldd, lds int
	blocks   int // side by side in src
}

func transposeAVX512(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	const w = 16
	fullRows, fullCols := rows&^(w-1), cols&^(w-1)
	if fullRows == 0 || fullCols == 0 {
		transpose(dst, ldd, src, lds, rows, cols)
		return
	}
	checkTranspose(dst, ldd, src, lds, rows, cols)
	for i := 0; i < fullRows; i += w {
		args := transposeArgs{unsafe.Pointer(&dst[i]), unsafe.Pointer(&src[i*lds]), 4 * ldd, 4 * lds, fullCols / w}
		transposeZ(&args)
	}
	transposeRest(dst, ldd, src, lds, rows, cols, fullRows, fullCols)
}

func transposeAVX2(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	const w = 8
	fullRows, fullCols := rows&^(w-1), cols&^(w-1)
	if fullRows == 0 || fullCols == 0 {
		transpose(dst, ldd, src, lds, rows, cols)
		return
	}
	checkTranspose(dst, ldd, src, lds, rows, cols)
	for i := 0; i < fullRows; i += w {
		args := transposeArgs{unsafe.Pointer(&dst[i]), unsafe.Pointer(&src[i*lds]), 4 * ldd, 4 * lds, fullCols / w}
		transposeY(&args)
	}
	transposeRest(dst, ldd, src, lds, rows, cols, fullRows, fullCols)
}

func checkTranspose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if len(src) < (rows-1)*lds+cols || len(dst) < (cols-1)*ldd+rows {
		panic("kernel: transpose: out of range")
	}
}

// transposeRest does what lies right of and below the full blocks.
func transposeRest(dst []float32, ldd int, src []float32, lds, rows, cols, fullRows, fullCols int) {
	if fullCols < cols {
		transpose(dst[fullCols*ldd:], ldd, src[fullCols:], lds, fullRows, cols-fullCols)
	}
	if fullRows < rows {
		transpose(dst[fullRows:], ldd, src[fullRows*lds:], lds, rows-fullRows, cols)
	}
}
