package kernel

import "unsafe"

// The arguments of the scans' steps. Strides are in bytes. The generator knows the
// order. Addresses are numbers because the assembly moves them past the ends of
// slices, where the garbage collector may not see them; the block that a call works
// on keeps the memory alive and in place.

// scanArgs are those of the recurrence; n counts the bytes of a step's states.
type scanArgs struct {
	steps, n       int
	u, dt, y       uintptr
	b, c           uintptr
	a, h, skip     uintptr
	ldu, lddt, ldb int
	mask, mask2    uintptr // the lanes in use: bits, or the address of words of maskWords for the first 8 and the others
}

// scanBackArgs are those of the backward pass.
type scanBackArgs struct {
	steps              int
	u, dt, dy, du, ddt uintptr
	ldu, lddt          int
	mask, mask2        uintptr
	rows               uintptr // [steps,6,16]: dt, x, g, u, s1, s2
	skip, dskip        uintptr
	a, h, dh, da       uintptr // of a group of states, as the following
	db, dc             uintptr
	ldd                int
	b, c               uintptr
	ldb                int
	hs, es             uintptr // [steps+1,group] states, [steps,group] decays
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

// forward fills the arguments for the channels of the block from lane on, whose mask it leaves to the caller.
func (args *scanArgs) forward(k *scanBlock, lane int) {
	last := k.steps - 1
	_, _ = k.u[last*k.ldu+k.lanes-1], k.y[last*k.ldu+k.lanes-1]
	_, _ = k.b[last*k.ldb+k.n-1], k.c[last*k.ldb+k.n-1]
	args.steps, args.n = k.steps, 4*lanes*k.n
	args.u, args.y, args.b, args.c = at(k.u, lane), at(k.y, lane), at(k.b, 0), at(k.c, 0)
	args.ldu, args.lddt, args.ldb = 4*k.ldu, 4*k.lddt, 4*k.ldb
	args.h, args.skip = at(k.h, lane), at(k.skip, lane)
	if k.scalar {
		args.dt, args.a = at(k.dt, 0), at(k.a, 0)
		return
	}
	_ = k.dt[last*k.lddt+k.lanes-1]
	args.dt, args.a = at(k.dt, lane), at(k.a, lane)
}

func scanStepsAVX512(k *scanBlock) {
	var args scanArgs
	args.forward(k, 0)
	args.mask = 0xffff >> (16 - k.lanes)
	if k.scalar {
		ssdForwardZ(&args)
	} else {
		scanForwardZ(&args)
	}
}

func scanStepsAVX2(k *scanBlock) {
	var args scanArgs
	if k.scalar {
		args.forward(k, 0)
		args.mask, args.mask2 = words(k.lanes), words(k.lanes-8)
		ssdForwardY(&args)
		return
	}
	for lane := 0; lane < k.lanes; lane += 8 {
		args.forward(k, lane)
		args.mask = words(k.lanes - lane)
		scanForwardY(&args)
	}
}

func scanStepsBackAVX512(k *scanBackBlock) {
	var args scanBackArgs
	args.mask = 0xffff >> (16 - k.lanes)
	args.rest(k, 16)
	scanGatherZ(&args)
	for n := 0; n < k.n; {
		args.group(k, n, 16)
		if n+4 <= k.n {
			scanBack4Z(&args)
			n += 4
		} else {
			scanBack1Z(&args)
			n++
		}
	}
	scanScatterZ(&args)
}

func scanStepsBackAVX2(k *scanBackBlock) {
	var args scanBackArgs
	args.mask, args.mask2 = words(k.lanes), words(k.lanes-8)
	args.rest(k, 8)
	scanGatherY(&args)
	for n := 0; n < k.n; {
		args.group(k, n, 8)
		if n+2 <= k.n {
			scanBack2Y(&args)
			n += 2
		} else {
			scanBack1Y(&args)
			n++
		}
	}
	scanScatterY(&args)
}

// rest fills the arguments that are the same for all states; vectors have the given width.
func (args *scanBackArgs) rest(k *scanBackBlock, width int) {
	end := (k.steps-1)*k.ldu + k.lanes - 1
	_, _, _, _, _ = k.u[end], k.dt[end], k.dy[end], k.du[end], k.ddt[end]
	end = (k.steps-1)*k.ldb + k.n - 1
	_, _ = k.b[end], k.c[end]
	if k.steps > scanChunk || len(k.work) < scanBackWork {
		panic("kernel: scan backward: short argument")
	}
	args.steps = k.steps
	args.u, args.dt, args.dy, args.du, args.ddt = at(k.u, 0), at(k.dt, 0), at(k.dy, 0), at(k.du, 0), at(k.ddt, 0)
	args.ldu, args.lddt, args.ldb = 4*k.ldu, 4*k.lddt, 4*k.ldb
	args.ldd = 4 * k.n * width
	args.skip, args.dskip = at(k.skip, 0), at(k.dskip, 0)
	const rows, states = scanChunk * 6 * lanes, (scanChunk + 1) * 4 * lanes
	args.rows, args.hs, args.es = at(k.work, 0), at(k.work, rows+skew), at(k.work, rows+states+2*skew)
}

// group fills the arguments for the states from n on.
func (args *scanBackArgs) group(k *scanBackBlock, n, width int) {
	i, j := n*lanes, n*width
	args.a, args.h, args.dh, args.da = at(k.a, i), at(k.h, i), at(k.dh, i), at(k.da, i)
	args.db, args.dc = at(k.db, j), at(k.dc, j)
	args.b, args.c = at(k.b, n), at(k.c, n)
}
