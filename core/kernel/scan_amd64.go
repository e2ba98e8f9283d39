package kernel

import "unsafe"

// scanArgs are the arguments of the scans' steps. Strides are in bytes; n counts
// bytes between two steps' states. The generator knows the order. Addresses are numbers because
// the assembly moves them past the ends of slices, where the garbage collector may
// not see them; the block that a call works on keeps the memory alive and in place.
type scanArgs struct {
	steps, n       int
	u, dt, y       uintptr
	b, c           uintptr
	a, h, skip     uintptr
	ldu, lddt, ldb int
	mask           uintptr // the lanes in use: bits, or the address of words of maskWords
	dy, du, ddt    uintptr
	hs, es         uintptr
	dh, da, dskip  uintptr
	db, dc         uintptr
	ldddt          int
	add            uintptr // mask if du and ddt are added to, none if they are set
}

// at is the address of x[i], or 0 if x is empty.
func at(x []float32, i int) uintptr {
	if len(x) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&x[i]))
}

// set fills the arguments for the channels of the block from lane on.
func (args *scanArgs) set(k *scanBlock, lane int) {
	last := k.steps - 1
	_ = k.u[last*k.ldu+k.lanes-1]
	_, _ = k.b[last*k.ldb+k.n-1], k.c[last*k.ldb+k.n-1]
	args.steps, args.n = k.steps, 4*lanes*k.n
	args.u, args.dt, args.b, args.c = at(k.u, lane), at(k.dt, 0), at(k.b, 0), at(k.c, 0)
	args.a, args.skip = at(k.a, 0), at(k.skip, lane)
	args.ldu, args.lddt, args.ldb = 4*k.ldu, 4*k.lddt, 4*k.ldb
	if !k.scalar {
		_ = k.dt[last*k.lddt+k.lanes-1]
		args.dt, args.a = at(k.dt, lane), at(k.a, lane)
	}
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
	for lane := 0; lane < k.lanes; lane += 8 {
		var args scanArgs
		args.forward(k, lane)
		args.mask = words(k.lanes - lane)
		if k.scalar {
			ssdForwardY(&args)
		} else {
			scanForwardY(&args)
		}
	}
}

// words is the address of the mask of the first n of 8 lanes.
func words(n int) uintptr { return uintptr(unsafe.Pointer(&maskWords[8-min(n, 8)])) }

func (args *scanArgs) forward(k *scanBlock, lane int) {
	_ = k.y[(k.steps-1)*k.ldu+k.lanes-1]
	args.set(k, lane)
	args.y, args.h = at(k.y, lane), at(k.h, lane)
}

func scanStepsBackAVX512(k *scanBackBlock) {
	var args scanArgs
	args.states(k, 0)
	args.mask = 0xffff >> (16 - k.lanes)
	if k.add {
		args.add = args.mask
	}
	if k.scalar {
		ssdStatesZ(&args)
		args.backward(k, 0)
		ssdBackwardZ(&args)
	} else {
		scanStatesZ(&args)
		args.backward(k, 0)
		scanBackwardZ(&args)
	}
}

func scanStepsBackAVX2(k *scanBackBlock) {
	for lane := 0; lane < k.lanes; lane += 8 {
		var args scanArgs
		args.states(k, lane)
		args.mask = words(k.lanes - lane)
		args.add = words(0)
		if k.add {
			args.add = args.mask
		}
		if k.scalar {
			ssdStatesY(&args)
			args.backward(k, lane)
			ssdBackwardY(&args)
		} else {
			scanStatesY(&args)
			args.backward(k, lane)
			scanBackwardY(&args)
		}
	}
}

func (args *scanArgs) states(k *scanBackBlock, lane int) {
	args.set(&k.scanBlock, lane)
	args.hs, args.es = at(k.hs, lane), at(k.es, lane)
	args.dy, args.du, args.ddt, args.ldddt = at(k.dy, lane), at(k.du, lane), at(k.ddt, 0), 4*k.lddt // to fetch
}

// backward completes the arguments for the steps from the last to the first.
func (args *scanArgs) backward(k *scanBackBlock, lane int) {
	last := k.steps - 1
	decay := k.n * lanes
	if k.scalar {
		decay = lanes
	} else {
		lane0 := last*k.lddt + lane
		args.dt = at(k.dt, lane0)
		args.ddt, args.ldddt = at(k.ddt, lane0), 4*k.lddt
	}
	if k.scalar {
		args.dt = at(k.dt, last*k.lddt)
		args.ddt, args.ldddt = at(k.ddtLanes, last*lanes+lane), 4*lanes
	}
	args.u, args.dy, args.du = at(k.u, last*k.ldu+lane), at(k.dy, last*k.ldu+lane), at(k.du, last*k.ldu+lane)
	args.b, args.c = at(k.b, last*k.ldb), at(k.c, last*k.ldb)
	args.hs, args.es = at(k.hs, last*k.n*lanes+lane), at(k.es, last*decay+lane)
	args.dh, args.da, args.dskip = at(k.dh, lane), at(k.da, lane), at(k.dskip, lane)
	args.db, args.dc = at(k.db, last*k.n*lanes+lane), at(k.dc, last*k.n*lanes+lane)
	_, _ = k.dy[last*k.ldu+k.lanes-1], k.du[last*k.ldu+k.lanes-1]
}
