package kernel

import (
	"fmt"
	"math"
	"testing"
)

// With operands of one, a loop's accumulators add up to the multiply-adds that it did:
// what Peak says it computed, it computed.
func TestPeakLoopsCountTheirOwnWork(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, a := range []Arithmetic{FP32Arithmetic, BF16Arithmetic, INT8Arithmetic} {
			loop := active.peakLoop(a)
			if loop == nil {
				if got := Peak(nil, a, 1); got != 0 {
					t.Errorf("%v: %v operations without a loop", a, got)
				}
				continue
			}
			for _, rounds := range []int{1, 2, 7, 33} {
				got := 0.0
				for _, bits := range loop.count(rounds) {
					if a == INT8Arithmetic {
						got += float64(int32(bits))
					} else {
						got += float64(math.Float32frombits(bits))
					}
				}
				if want := float64(rounds * loop.lanes); got != want {
					t.Errorf("%v: %d rounds counted %v multiply-adds, want %v", a, rounds, got, want)
				}
				pool := NewPool(3)
				if got, want := Peak(pool, a, rounds), 3*2*float64(rounds*loop.lanes); got != want {
					t.Errorf("%v: %v operations on 3 threads, want %v", a, got, want)
				}
				pool.Close()
			}
		}
	})
	expectPanic(t, "kernel: peak: no rounds", func() { Peak(nil, FP32Arithmetic, 0) })
}

func TestReadReadsEverything(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, n := range []int{0, 1, readUnit - 1, readUnit, readUnit + 7, 5*readUnit + 33, 64 * readUnit} {
			for _, threads := range []int{1, 3} {
				for _, passes := range []int{1, 2} {
					x := guardedCopy(t, normals(source(uint64(n)), n, 1))
					each := n / threads / readUnit * readUnit
					want := uint32(0)
					for _, v := range x[:each*threads] {
						want += uint32(passes) * math.Float32bits(v)
					}
					p := NewPool(threads)
					sum, bytes := Read(p, x, passes)
					if again, _ := Read(p, x, passes); sum != want || again != want || bytes != float64(4*each*threads*passes) {
						t.Errorf("%d floats, %d threads, %d passes: sum %08x then %08x of %v bytes, want %08x of %d", n, threads, passes, sum, again, bytes, want, 4*each*threads*passes)
					}
					p.Close()
				}
			}
		}
	})
}

func BenchmarkRoofline(b *testing.B) {
	eachPool(b, func(b *testing.B, p *Pool) {
		for _, a := range []Arithmetic{FP32Arithmetic, BF16Arithmetic, INT8Arithmetic} {
			if active.peakLoop(a) == nil {
				continue
			}
			b.Run(a.String(), func(b *testing.B) {
				ops := 0.0
				for b.Loop() {
					ops += Peak(p, a, 1<<20)
				}
				b.ReportMetric(ops/b.Elapsed().Seconds()/1e9, "Gop/s")
			})
		}
		for _, kib := range []int{16, 256, 4096, 128 << 10} {
			x := normals(source(1), p.Threads()*kib<<8, 1) // written: pages never touched are all one
			b.Run(fmt.Sprintf("read %d KiB", kib), func(b *testing.B) {
				read := 0.0
				for b.Loop() {
					_, n := Read(p, x, max(1, 1<<16/kib))
					read += n
				}
				b.ReportMetric(read/b.Elapsed().Seconds()/1e9, "GB/s")
			})
		}
	})
}
