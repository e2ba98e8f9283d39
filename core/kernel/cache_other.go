//go:build !amd64

package kernel

func cacheSizes() (c struct{ l1, l2 int }) {
	c.l1, c.l2 = defaultL1, defaultL2
	return c
}
