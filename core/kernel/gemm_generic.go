package kernel

func packRowsGeneric(dst, src []float32, ld, rows int) {
	for i := range rows {
		copy(dst[i*panelWidth:(i+1)*panelWidth], src[i*ld:])
	}
}

// tileGeneric is the plain form of a tile product, and the definition of the
// order of its sums: C[i,j] starts from what C holds (load) or from 0 and takes
// A[i,kk]·B[kk,j] for kk = 0, 1, ... one after the other.
//
// A[i,kk] is a[i*rsa+kk*csa], B[kk,j] is b[kk*ldb+j], C[i,j] is c[i*ldc+j].
func tileGeneric(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if !load {
			clear(row)
		}
		for kk := range k {
			axpy(row, a[i*rsa+kk*csa], b[kk*ldb:kk*ldb+n])
		}
	}
}
