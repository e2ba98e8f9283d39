package kernel

import (
	"sync"
	"testing"
)

// Tables that are kept belong to their angles alone: turning by many others in between,
// on several goroutines, changes no bit, and nothing stays in use.
func TestRotaryTablesAreKeptApart(t *testing.T) {
	type turn struct {
		theta       float64
		k, pos, len int
		want        []float32
	}
	x := normals(source(5), 3*40, 1)
	run := func(c turn) []float32 {
		got := append([]float32(nil), x[:c.len*c.k]...)
		Rotary(nil, got, got, c.len, c.k, 1, c.k, []Segment{{0, c.len, c.pos}}, c.theta, false)
		return got
	}
	var turns []turn
	for _, theta := range []float64{1e4, 5e5} {
		for _, k := range []int{8, 6} {
			for _, pos := range []int{0, 7} {
				for _, n := range []int{1, 4, 5} {
					c := turn{theta: theta, k: k, pos: pos, len: n}
					for i := range rotaryTables.kept {
						if u := rotaryTables.kept[i].users; u != 0 {
							t.Fatalf("%+v: table %d has %d users between operations", c, i, u)
						}
						rotaryTables.kept[i].table = nil // so that it is made for this one
					}
					c.want = run(c)
					turns = append(turns, c)
				}
			}
		}
	}
	expectBits(t, "the second time, from the table", run(turns[len(turns)-1]), turns[len(turns)-1].want)
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			r := source(uint64(g))
			for range 300 {
				c := turns[r.IntN(len(turns))]
				got := run(c)
				for i, v := range got {
					if v != c.want[i] {
						t.Errorf("theta %g, k %d, %d rows from %d: value %d is %g, want %g", c.theta, c.k, c.len, c.pos, i, v, c.want[i])
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for i := range rotaryTables.kept {
		if u := rotaryTables.kept[i].users; u != 0 {
			t.Errorf("table %d has %d users in the end", i, u)
		}
	}
	if n := testing.AllocsPerRun(50, func() {
		for _, c := range turns[:6] { // more than are kept
			Rotary(nil, x, x, c.len, c.k, 1, c.k, segmentAt(c.len, c.pos), c.theta, false)
		}
	}); n != 0 {
		t.Errorf("tables in turns: %g allocations", n)
	}
}

var oneSegment [1]Segment

func segmentAt(n, pos int) []Segment {
	oneSegment[0] = Segment{0, n, pos}
	return oneSegment[:]
}
