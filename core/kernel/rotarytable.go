package kernel

import "sync"

// Every layer of a model turns by the same angles, forwards and backwards, and so does
// the next step at the same positions. A few tables are kept.

// tableKey is all that a table of angles depends on: rows positions from first on.
type tableKey struct {
	theta          float64
	k, first, rows int
}

type keptTable struct {
	key   tableKey
	table *buffer // nil: free
	users int     // operations that read it now
}

// tableKeeper owns tables that are filled and only read from then on.
type tableKeeper struct {
	mu   sync.Mutex
	kept [4]keptTable
	next int // the one to give up next
}

// keepLimit is the largest table that is kept, in floats.
const keepLimit = 1 << 20

var rotaryTables tableKeeper

// find returns a kept table, to be released, or nil.
func (t *tableKeeper) find(key tableKey) *buffer {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.kept {
		if e := &t.kept[i]; e.table != nil && e.key == key {
			e.users++
			return e.table
		}
	}
	return nil
}

// keep takes over a filled table that its maker still reads, in place of one that
// nobody reads. If there is none, it stays the maker's until released.
func (t *tableKeeper) keep(key tableKey, table *buffer) {
	if len(table.f) > keepLimit {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for range t.kept {
		e := &t.kept[t.next]
		t.next = (t.next + 1) % len(t.kept)
		if e.users > 0 {
			continue
		}
		if e.table != nil {
			scratch.put(e.table)
		}
		*e = keptTable{key, table, 1}
		return
	}
}

// release ends a use of a table.
func (t *tableKeeper) release(table *buffer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.kept {
		if e := &t.kept[i]; e.table == table {
			e.users--
			return
		}
	}
	scratch.put(table)
}
