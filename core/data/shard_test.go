package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// shardEnv makes this test binary a process that opens one stream: "CORPUS CACHE LIMIT TIMES".
const shardEnv = "ARCHLAB_TEST_SHARD"

// TestShardProcess is what the processes of the tests below run: it opens the train split of a corpus as often as it is told, each time as if
// it had just started, and prints the hash of its tokens.
func TestShardProcess(t *testing.T) {
	var corpus, cache string
	var limit int64
	var times int
	if n, err := fmt.Sscan(os.Getenv(shardEnv), &corpus, &cache, &limit, &times); n != 4 {
		t.Skipf("run by other tests: %v", err)
	}
	c := openDir(t, corpus, only)
	for range times {
		s, err := OpenStream(ctx, c, Train, Bytes{}, Cache{Dir: cache, DiskLimit: limit})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("tokens %s\n", tokenSum(tokens(t, s)))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func tokenSum(ids []int32) string {
	h := sha256.New()
	if err := binary.Write(h, binary.LittleEndian, ids); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// shardProcess starts a process; the function that it answers waits for it and gives the sums that it printed.
func shardProcess(t *testing.T, corpus, cache string, limit int64, times int) (wait func() []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestShardProcess$", "-test.count=1")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d", shardEnv, corpus, cache, limit, times))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() (sums []string) {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		for line := range strings.Lines(out.String()) {
			if sum, ok := strings.CutPrefix(line, "tokens "); ok {
				sums = append(sums, strings.TrimSpace(sum))
			}
		}
		return sums
	}
}

// bulk is a corpus of a few megabytes that differs by name, so that writing its shard takes a while.
func bulk(t *testing.T, name string) string {
	files := map[string]string{}
	for i := range 8 {
		files[fmt.Sprint(i)] = strings.Repeat(fmt.Sprintf("line %d of %s\n", i, name), 20_000)
	}
	return tree(t, files)
}

func shardFiles(t *testing.T, cache string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(cache, "tokens"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		names = append(names, d.Name())
	}
	return names
}

// Pages that were handed back are read again, also by several readers while they are handed back.
func TestMappedPagesComeAgain(t *testing.T) {
	c := openDir(t, bulk(t, "pages"), only)
	s, err := OpenStream(ctx, c, Train, Bytes{}, Cache{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := tokens(t, s)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			window := make([]int32, 500)
			for i := range 3000 { // more than what is kept resident
				at := (i*7919 + worker*104729) % (len(want) - len(window))
				if err := s.Read(window, at); err != nil || !slices.Equal(window, want[at:at+len(window)]) {
					t.Errorf("other tokens at %d, %v", at, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestProcessesMakeOneShardAtOnce(t *testing.T) {
	corpus, cache := bulk(t, "one"), t.TempDir()
	want := tokenSum(separated(t, openDir(t, corpus, only), Train, Bytes{}))
	var waits []func() []string
	for range 4 {
		waits = append(waits, shardProcess(t, corpus, cache, 0, 1))
	}
	for _, wait := range waits {
		if got := wait(); !slices.Equal(got, []string{want}) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if names := shardFiles(t, cache); len(names) != 1 || strings.HasPrefix(names[0], ".") {
		t.Errorf("left %q, want one shard", names)
	}
}

// A limit of one byte makes every writer remove all shards but its own: the processes delete each other's all the time.
func TestReadersWhileOthersClean(t *testing.T) {
	cache := t.TempDir()
	corpora := []string{bulk(t, "one"), bulk(t, "two"), bulk(t, "three")}
	mine := openDir(t, corpora[0], only)
	held, err := OpenStream(ctx, mine, Train, Bytes{}, Cache{Dir: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	var want []string
	var waits []func() []string
	for _, c := range corpora {
		want = append(want, tokenSum(separated(t, openDir(t, c, only), Train, Bytes{})))
		waits = append(waits, shardProcess(t, c, cache, 1, 6))
	}
	for i, wait := range waits {
		got := wait()
		if len(got) != 6 {
			t.Errorf("process %d opened %d streams", i, len(got))
		}
		for _, sum := range got {
			if sum != want[i] {
				t.Errorf("process %d read other tokens", i)
			}
		}
	}
	if got := tokenSum(tokens(t, held)); got != want[0] {
		t.Error("the stream that was open all the time changed")
	}
	if names := shardFiles(t, cache); len(names) > 1 {
		t.Errorf("left %q, want one shard at most", names)
	}
}
