//go:build large

package data

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// largeBytes is the size of the corpus; peakRSS bounds what the process may ever have had in memory.
const (
	largeBytes = 1 << 30
	peakRSS    = 400 << 20
)

// TestLarge streams a corpus of 1 GB: it is filtered, deduplicated, tokenized and batched within a few hundred megabytes.
//
//	go test -tags large -run TestLarge -timeout 30m -v ./core/data
func TestLarge(t *testing.T) {
	dir := t.TempDir()
	begin := time.Now()
	step := func(what string) {
		t.Logf("%-9s %6.1f s, peak RSS %d MiB", what, time.Since(begin).Seconds(), highWater(t)>>20)
		begin = time.Now()
	}
	planted := writeLarge(t, dir)
	step("generated")
	gopher, repetition, near := PublishedGopher, PublishedRepetition, PublishedNear
	c, err := OpenAll(ctx, []CorpusConfig{{Kind: "text", Path: dir}}, Filters{Gopher: &gopher, Repetition: &repetition, Exact: true, Near: &near}, 0)
	if err != nil {
		t.Fatal(err)
	}
	step("opened")
	removed := map[string]int{}
	for _, f := range c.Filtered {
		removed[strings.SplitN(f.Reason, ":", 2)[0]] += f.Files
	}
	t.Logf("%d documents, %d bytes kept; removed %v; planted %v", c.Documents[Train]+c.Documents[Validation]+c.Documents[Test], c.Bytes[Train]+c.Bytes[Validation]+c.Bytes[Test], removed, planted)
	if removed["gopher"] != planted["short"] || removed["exact duplicate"] != planted["equal"] || removed["near duplicate"] < planted["near"]*9/10 || removed["near duplicate"] > planted["near"] {
		t.Errorf("removed %v, planted %v", removed, planted)
	}
	cache := Cache{Dir: t.TempDir(), DiskLimit: 8 << 30}
	s, err := OpenStream(ctx, c, Train, Bytes{}, cache)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	step("tokenized")
	if want := int(c.Bytes[Train]) + c.Documents[Train] + 1; s.Len() != want {
		t.Errorf("%d tokens, want %d", s.Len(), want)
	}
	b, err := NewBatcher(s, BatchConfig{B: 16, T: 512, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		if _, err := b.Batch(i); err != nil {
			t.Fatal(err)
		}
	}
	step("batched")
	if peak := highWater(t); peak > peakRSS {
		t.Errorf("peak RSS %d MiB, want at most %d", peak>>20, peakRSS>>20)
	}
}

// writeLarge writes JSON lines of prose, among which some are too short, equal to or nearly equal to an earlier one.
func writeLarge(t *testing.T, dir string) (planted map[string]int) {
	t.Helper()
	planted = map[string]int{}
	r := rng.New(1)
	vocabulary := make([]string, 20_000)
	for i := range vocabulary {
		vocabulary[i] = strings.Trim(prose(uint64(i), 1)[:3+r.Intn(8)], " .\n")
	}
	total, number := 0, 0
	var words, earlier []string
	for file := 0; total < largeBytes; file++ {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%03d.jsonl", file)))
		if err != nil {
			t.Fatal(err)
		}
		w := bufio.NewWriterSize(f, 1<<20)
		for size := 0; size < 64<<20 && total < largeBytes; number++ {
			words = words[:0]
			for range 200 + r.Intn(600) {
				words = append(words, vocabulary[r.Intn(len(vocabulary))])
			}
			switch {
			case number%97 == 1 && len(earlier) > 0:
				words = append(words[:0], earlier...)
				planted["equal"]++
				earlier = nil
			case number%89 == 2 && len(earlier) > 0:
				words = append(words[:0], earlier...)
				words[len(words)/2] = "another"
				planted["near"]++
				earlier = nil
			case number%101 == 3:
				words = words[:20]
				planted["short"]++
			default:
				earlier = append(earlier[:0], words...)
			}
			n, err := fmt.Fprintf(w, "{\"id\": %d, \"text\": %q}\n", number, strings.Join(words, " "))
			if err != nil {
				t.Fatal(err)
			}
			size, total = size+n, total+n
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return planted
}

// highWater is the largest resident set that the process ever had, mapped files included.
func highWater(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("peak RSS is read from /proc: ", err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in /proc/self/status")
	return 0
}
