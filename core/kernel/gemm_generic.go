package kernel

// packGeneric copies panels of the given width.
func packGeneric(width int) func(dst []float32, step int, src []float32, ld, k, panels int) {
	return func(dst []float32, step int, src []float32, ld, k, panels int) {
		for kk := range k {
			for p := range panels {
				copy(dst[p*step+kk*width:][:width], src[kk*ld+p*width:])
			}
		}
	}
}

func tilePanelsGeneric(m, n, k int, a []float32, step int, b []float32, ldb int, soon nextPanel, c []float32, ldc int, load bool) {
	const rows, columns = 6, 16
	if soon.to != nil {
		packGeneric(columns)(soon.to, 0, soon.from, soon.ld, k, 1)
	}
	for i := 0; i < m; i += rows {
		tileGeneric(min(rows, m-i), n, k, a[i/rows*step:], 1, rows, b, ldb, c[i*ldc:], ldc, load)
	}
}

// tileGeneric is the plain form of a tile product, and the definition of the
// order of its sums: C[i,j] starts from what C holds (load) or from 0 and takes
// A[i,kk]·B[kk,j] for kk = 0, 1, ... one after the other. On processors without
// assembly it does the work, so it keeps blocks of 2 x 4 in registers.
//
// A[i,kk] is a[i*rsa+kk*csa], B[kk,j] is b[kk*ldb+j], C[i,j] is c[i*ldc+j].
func tileGeneric(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool) {
	if !load {
		for i := range m {
			clear(c[i*ldc : i*ldc+n])
		}
	}
	m2, n4 := m&^1, n&^3
	for j := 0; j < n4; j += 4 {
		for i := 0; i < m2; i += 2 {
			block2x4(k, a[i*rsa:], rsa, csa, b[j:], ldb, c[i*ldc+j:], ldc)
		}
	}
	for i := range m {
		from := n4
		if i >= m2 {
			from = 0
		}
		for j := from; j < n; j++ {
			s := c[i*ldc+j]
			for kk := range k {
				s += float32(a[i*rsa+kk*csa] * b[kk*ldb+j])
			}
			c[i*ldc+j] = s
		}
	}
}

// block2x4 adds to 2 x 4 elements of C. The conversions keep the compiler from
// fusing a multiplication and an addition in one place and not in another.
func block2x4(k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int) {
	c0, c1 := c[:4:4], c[ldc:ldc+4:ldc+4]
	s00, s01, s02, s03 := c0[0], c0[1], c0[2], c0[3]
	s10, s11, s12, s13 := c1[0], c1[1], c1[2], c1[3]
	for kk := range k {
		x, y := a[kk*csa], a[rsa+kk*csa]
		r := b[kk*ldb:][:4]
		s00 += float32(x * r[0])
		s01 += float32(x * r[1])
		s02 += float32(x * r[2])
		s03 += float32(x * r[3])
		s10 += float32(y * r[0])
		s11 += float32(y * r[1])
		s12 += float32(y * r[2])
		s13 += float32(y * r[3])
	}
	c0[0], c0[1], c0[2], c0[3] = s00, s01, s02, s03
	c1[0], c1[1], c1[2], c1[3] = s10, s11, s12, s13
}
