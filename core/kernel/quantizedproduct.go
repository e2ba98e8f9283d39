package kernel

// Products with quantized weights, in what they share. Dimensions: Y [M,N] = X [M,K] · W [K,N].
//
// Many rows are multiplied by tiles: a piece of Y is rows, whose block of X stays in the second-level cache, times a few
// panels of W; of each, a block is spread into the first-level cache. A few rows are bound by the reading of W: a piece is
// many panels, which stream by once.

const (
	fewRows    = 4  // rows that do not pay for spreading a panel
	wideMost   = 8  // panels in a piece of many rows
	spreadRows = 96 // rows of a piece for which it is worth its while to spread panels that others spread too
	rowStreams = 4  // panels that are read side by side: one stream alone does not keep the prefetchers busy

	// Multiply-adds that one thread does sooner than it wakes another, by tiles and by rows.
	smallQuantized    = 1 << 20
	smallQuantizedRow = 1 << 17
)

type quantizedProduct struct {
	m, n, k int
	y       []float32
	ldy     int
	x       quantizedRows
	panels  int
	block   int // words of a panel that a tile runs through
	height  int // rows of a piece
	down    int // pieces one above the other
	wide    int // panels of a piece
}

// newQuantizedProduct checks the arguments; x is still to be quantized.
func newQuantizedProduct(m int, y []float32, ldy int, x []float32, ldx, k, n int) quantizedProduct {
	if m < 0 {
		panic("kernel: gemm: negative dimension")
	}
	checkMatrix(false, m, k, ldx, len(x), "kernel: gemm: short x")
	checkMatrix(false, m, n, ldy, len(y), "kernel: gemm: short y")
	return quantizedProduct{m: m, n: n, k: k, y: y, ldy: ldy, panels: (n + panelWidth - 1) / panelWidth}
}

// empty reports whether there is nothing to multiply, and then sets Y to 0.
func (t *quantizedProduct) empty() bool {
	if t.m > 0 && t.n > 0 && t.k > 0 {
		return false
	}
	for i := range t.m {
		clear(t.y[i*t.ldy:][:t.n])
	}
	return true
}

// alone returns nil instead of p if the product is too small for several threads.
func (t *quantizedProduct) alone(p *Pool, small int) *Pool {
	if t.m*t.n*t.k <= small {
		return nil
	}
	return p
}

// cut chooses the pieces of many rows, of so many words each, and returns their number: as large as the caches allow, and
// enough of them for all threads to end together. No bit of the result depends on it.
func (t *quantizedProduct) cut(threads, words, tileRows, tileColumns int) int {
	t.block = min(blockWords(tileColumns), words)
	most := max(caches.l2/2/(4*t.block)/tileRows, 1)
	tiles := (t.m + tileRows - 1) / tileRows
	t.down = (tiles + most - 1) / most
	want := 12 * threads
	across := (t.panels + wideMost - 1) / wideMost
	t.down = max(t.down, min((want+across-1)/across, tiles*tileRows/spreadRows))
	t.height = min(t.m, (tiles+t.down-1)/t.down*tileRows)
	t.down = (t.m + t.height - 1) / t.height
	across = max(across, min(want/t.down, t.panels))
	t.wide = (t.panels + across - 1) / across
	return t.down * ((t.panels + t.wide - 1) / t.wide)
}

// piece returns what piece i covers.
func (t *quantizedProduct) piece(i int) (i0, m, panel0, panels int) {
	panel0, i0 = i/t.down*t.wide, i%t.down*t.height
	return i0, min(t.height, t.m-i0), panel0, min(t.wide, t.panels-panel0)
}

// cutRow chooses the pieces of few rows and returns their number.
func (t *quantizedProduct) cutRow(threads int) int {
	t.wide = rowWidth(t.n, threads) / panelWidth
	return (t.panels + t.wide - 1) / t.wide
}

// eachStream calls f for panels at, at+apart, ... that are read side by side.
func eachStream(panels int, f func(at, apart, streams int)) {
	apart := panels / rowStreams
	for at := range apart {
		f(at, apart, rowStreams)
	}
	for at := apart * rowStreams; at < panels; at++ {
		f(at, 0, 1)
	}
}
