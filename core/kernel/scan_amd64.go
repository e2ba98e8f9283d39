package kernel

import "unsafe"

// The arguments of the scans' steps. Strides are in bytes. The generator knows the
// order. Addresses are numbers because the assembly moves them past the ends of
// slices, where the garbage collector may not see them; the block that a call works
// on keeps the memory alive and in place.

// ssdArgs are those of Mamba-2's recurrence; n counts the bytes of a step's states.
type ssdArgs struct {
	steps, n       int
	u, dt, y       uintptr
	b, c           uintptr
	a, h, skip     uintptr
	ldu, lddt, ldb int
	mask, mask2    uintptr   // the lanes in use: bits, or the address of words of maskWords for the first 8 and the others
	control        [2]uint32 //lint:ignore U1000 assembly writes and reads them: the control register as it was, and while flushing
}

// selectiveArgs are those of Mamba's, forward and backward.
type selectiveArgs struct {
	steps   int
	work    uintptr // the block's rows, rowsLen apart
	b, c    uintptr // of a group of states at the first step
	ldb     int
	a, h    uintptr // of a group of states, as the following
	decays  uintptr
	next    uintptr // rows to be fetched
	ldNext  int
	control [2]uint32 //lint:ignore U1000 assembly writes and reads them: the control register as it was, and while flushing
	hs      uintptr   // backward only, from here on
	dh, da  uintptr
	db, dc  uintptr
	ldd     int
}

// at is the address of x[i], or 0 if x is empty.
func at(x []float32, i int) uintptr {
	if len(x) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&x[i]))
}

// words is the address of the mask of the first n of 8 lanes.
func words(n int) uintptr { return uintptr(unsafe.Pointer(&maskWords[8-max(0, min(n, 8))])) }

func ssdStepsAVX512(k *ssdBlock) {
	args := k.args()
	args.mask = 0xffff >> (16 - k.lanes)
	ssdForwardZ(&args)
}

func ssdStepsAVX2(k *ssdBlock) {
	args := k.args()
	args.mask, args.mask2 = words(k.lanes), words(k.lanes-8)
	ssdForwardY(&args)
}

// args are the arguments of the block but for the mask.
func (k *ssdBlock) args() ssdArgs {
	last := k.steps - 1
	_, _ = k.u[last*k.ldu+k.lanes-1], k.y[last*k.ldu+k.lanes-1]
	_, _, _ = k.b[last*k.ldb+k.n-1], k.c[last*k.ldb+k.n-1], k.dt[last*k.lddt]
	return ssdArgs{
		steps: k.steps, n: 4 * lanes * k.n,
		u: at(k.u, 0), dt: at(k.dt, 0), y: at(k.y, 0), b: at(k.b, 0), c: at(k.c, 0),
		a: at(k.a, 0), h: at(k.h, 0), skip: at(k.skip, 0),
		ldu: 4 * k.ldu, lddt: 4 * k.lddt, ldb: 4 * k.ldb,
	}
}

// args are the arguments that are the same for all groups of states.
func (k *selectiveBlock) args() selectiveArgs {
	end := (k.steps-1)*k.n + k.n - 1
	_, _ = k.b[end], k.c[end]
	if k.steps > scanChunk || len(k.decays) < decaysLen || len(k.work) < workRows*rowsLen {
		panic("kernel: scan: short argument")
	}
	return selectiveArgs{steps: k.steps, work: at(k.work, 0), ldb: 4 * k.n, decays: at(k.decays, 0), ldNext: 4 * k.ldNext}
}

// group fills the arguments of the i'th group of states, from n on.
func (args *selectiveArgs) group(k *selectiveBlock, i, n int) {
	args.a, args.h, args.b, args.c = at(k.a, n*lanes), at(k.h, n*lanes), at(k.b, n), at(k.c, n)
	args.next = 0
	if i < len(k.next) {
		args.next = at(k.next[i], 0)
	}
}

func scanStepsAVX512(k *selectiveBlock) {
	args := k.args()
	for i, n := 0, 0; n < k.n; i++ {
		args.group(k, i, n)
		if n+4 <= k.n {
			scanForward4Z(&args)
			n += 4
		} else {
			scanForward1Z(&args)
			n++
		}
	}
}

func scanStepsAVX2(k *selectiveBlock) {
	args := k.args()
	for i, n := 0, 0; n < k.n; i++ {
		args.group(k, i, n)
		if n+4 <= k.n {
			scanForward4Y(&args)
			n += 4
		} else {
			scanForward1Y(&args)
			n++
		}
	}
}

func scanStepsBackAVX512(k *selectiveBackBlock) {
	args := k.args()
	for i, n := 0, 0; n < k.n; i++ {
		args.group(&k.selectiveBlock, i, n)
		args.back(k, n, 16)
		if n+4 <= k.n {
			scanBack4Z(&args)
			n += 4
		} else {
			scanBack1Z(&args)
			n++
		}
	}
}

func scanStepsBackAVX2(k *selectiveBackBlock) {
	args := k.args()
	for i, n := 0, 0; n < k.n; i++ {
		args.group(&k.selectiveBlock, i, n)
		args.back(k, n, 8)
		if n+2 <= k.n {
			scanBack2Y(&args)
			n += 2
		} else {
			scanBack1Y(&args)
			n++
		}
	}
}

// back fills the arguments of the backward pass for the states from n on; vectors have the given width.
func (args *selectiveArgs) back(k *selectiveBackBlock, n, width int) {
	i, j := n*lanes, n*width
	args.dh, args.da, args.db, args.dc = at(k.dh, i), at(k.da, i), at(k.db, j), at(k.dc, j)
	args.ldd, args.hs = 4*k.n*width, at(k.hs, 0)
}

// moveArgs are those of the copies of rows of blocks: a row of a block is nextBlock and a
// block's next row is next away.
type moveArgs struct {
	dst, src                   uintptr
	rows, blocks               int
	nextDst, nextSrc           int
	nextBlockDst, nextBlockSrc int
}

const rowBytes, blockBytes = 4 * lanes, 4 * lanes * scanChunk

func takeArgs(dst, src []float32, ld, rows, blocks int) moveArgs {
	_, _ = dst[((blocks-1)*scanChunk+rows)*lanes-1], src[(rows-1)*ld+blocks*lanes-1]
	return moveArgs{at(dst, 0), at(src, 0), rows, blocks, rowBytes, 4 * ld, blockBytes, rowBytes}
}

func putArgs(dst []float32, ld int, src []float32, rows, blocks int) moveArgs {
	_, _ = src[((blocks-1)*scanChunk+rows)*lanes-1], dst[(rows-1)*ld+blocks*lanes-1]
	return moveArgs{at(dst, 0), at(src, 0), rows, blocks, 4 * ld, rowBytes, rowBytes, blockBytes}
}

func takeBlocksAVX2(dst, src []float32, ld, rows, blocks int) {
	if blocks > 0 && rows > 0 {
		args := takeArgs(dst, src, ld, rows, blocks)
		moveBlocksY(&args)
	}
}

func takeBlocksAVX512(dst, src []float32, ld, rows, blocks int) {
	if blocks > 0 && rows > 0 {
		args := takeArgs(dst, src, ld, rows, blocks)
		moveBlocksZ(&args)
	}
}

func putBlocksAVX2(dst []float32, ld int, src []float32, rows, blocks int) {
	if blocks > 0 && rows > 0 {
		args := putArgs(dst, ld, src, rows, blocks)
		moveBlocksY(&args)
	}
}

func putBlocksAVX512(dst []float32, ld int, src []float32, rows, blocks int) {
	if blocks > 0 && rows > 0 {
		args := putArgs(dst, ld, src, rows, blocks)
		moveBlocksZ(&args)
	}
}
