package data

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// overlapping makes two sets of n hashes each whose Jaccard index is both/(2n-both).
func overlapping(r *rng.Source, n, both int) (a, b []uint64) {
	for i := range 2*n - both {
		h := r.Uint64()
		if i < n {
			a = append(a, h)
		}
		if i >= n-both {
			b = append(b, h)
		}
	}
	return asSet(a), asSet(b)
}

// The share of equal minima is an unbiased estimate of the Jaccard index, with a binomial's spread (Broder 1997).
func TestMinHashEstimatesJaccard(t *testing.T) {
	const functions, trials = 128, 200
	m := newMinHasher(functions)
	x, y := make([]uint64, functions), make([]uint64, functions)
	for _, both := range []int{0, 10, 50, 80, 95, 100} {
		r := rng.New(uint64(both), 77)
		var sum, squares, exact float64
		for range trials {
			a, b := overlapping(r, 100, both)
			exact = jaccard(a, b)
			m.signature(x, a)
			m.signature(y, b)
			equal := 0
			for i := range x {
				if x[i] == y[i] {
					equal++
				}
			}
			e := float64(equal)/functions - exact
			sum += e
			squares += e * e
		}
		if want := float64(both) / float64(200-both); math.Abs(exact-want) > 1e-12 {
			t.Errorf("exact index %v, want %v", exact, want)
		}
		// Five standard errors of the mean; the sources are fixed, so this always passes or never.
		spread := math.Sqrt(exact * (1 - exact) / functions)
		if bias := sum / trials; math.Abs(bias) > 5*spread/math.Sqrt(trials)+1e-12 {
			t.Errorf("J=%.3f: bias %.4f with standard error %.4f", exact, bias, spread/math.Sqrt(trials))
		}
		if got := math.Sqrt(squares / trials); got > 1.2*spread+1e-12 {
			t.Errorf("J=%.3f: spread %.4f, a binomial's is %.4f", exact, got, spread)
		}
	}
}

func TestJaccard(t *testing.T) {
	for _, tt := range []struct {
		a, b []uint64
		want float64
	}{{nil, nil, 1}, {[]uint64{1}, nil, 0}, {[]uint64{1, 2, 3}, []uint64{2, 3, 4}, 0.5}, {[]uint64{1, 2}, []uint64{1, 2}, 1}} {
		if got := jaccard(tt.a, tt.b); got != tt.want {
			t.Errorf("%v, %v: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

// edited replaces a share of the words of a text.
func edited(text string, share float64, seed uint64) string {
	r := rng.New(seed)
	words := strings.Fields(text)
	for i := range words {
		if float64(r.Intn(1000)) < 1000*share {
			words[i] = fmt.Sprintf("new%d", r.Intn(1<<30))
		}
	}
	return strings.Join(words, " ")
}

func index(texts ...string) float64 {
	var sets [2][]uint64
	for i, x := range texts {
		sets[i] = asSet(shingles(nil, appendWords(nil, []byte(x)), []byte(x), PublishedNear.Words))
	}
	return jaccard(sets[0], sets[1])
}

func openNear(t testing.TB, files map[string]string, near Near) *Corpus {
	t.Helper()
	c, err := OpenAll(ctx, []CorpusConfig{{Kind: "text", Path: tree(t, files), DocumentBytes: -1, Shares: Shares{1, 0, 0}}}, Filters{Near: &near}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Of planted copies with few words changed, all whose index reaches the threshold have to go, up to what banding misses, and none below it.
func TestNearDuplicatesArePlantedAndFound(t *testing.T) {
	files := map[string]string{}
	above, below := 0, 0
	for i := range 300 {
		text := prose(uint64(1000+i), 20)
		files[fmt.Sprintf("%03d.txt", i)] = text
		share := []float64{0.004, 0.01, 0.03, 0.08}[i%4]
		copy := edited(text, share, uint64(i))
		if copy == strings.Join(strings.Fields(text), " ") {
			continue // white space alone differs: no word does
		}
		files[fmt.Sprintf("%03d-copy.txt", i)] = copy
		if index(text, copy) >= PublishedNear.Threshold {
			above++
		} else {
			below++
		}
	}
	c := openNear(t, files, PublishedNear)
	removed := 0
	for _, f := range c.Filtered {
		if f.Reason == nearReason {
			removed = f.Files
		}
	}
	recall := float64(removed) / float64(above)
	t.Logf("planted %d pairs at %v or above, %d below; removed %d: recall %.3f", above, PublishedNear.Threshold, below, removed, recall)
	if above < 100 || below < 50 {
		t.Fatalf("the plants are %d above and %d below the threshold", above, below)
	}
	if removed > above {
		t.Errorf("removed %d documents, only %d have a near duplicate", removed, above)
	}
	if recall < 0.95 { // at an index of 0.8 exactly banding finds 0.92; most plants are above
		t.Errorf("recall %.3f", recall)
	}
	if len(files) != c.Documents[Train]+removed {
		t.Errorf("%d files, %d kept, %d removed", len(files), c.Documents[Train], removed)
	}
}

// Names, order and the memory for verification do not decide what stays.
func TestNearDuplicatesDoNotDependOnOrder(t *testing.T) {
	files := map[string]string{}
	for i := range 40 {
		text := prose(uint64(i), 15)
		files[fmt.Sprintf("a%02d", i)] = text
		for k := range i % 4 {
			files[fmt.Sprintf("b%02d-%d", i, k)] = edited(text, 0.006, uint64(100*i+k))
		}
	}
	kept := func(files map[string]string) []string {
		_, texts := documents(t, openNear(t, files, PublishedNear), Train)
		slices.Sort(texts)
		return texts
	}
	want := kept(files)
	if len(want) >= len(files) {
		t.Fatal("nothing was removed")
	}
	renamed := map[string]string{}
	for i, name := range slices.Sorted(maps.Keys(files)) {
		renamed[fmt.Sprintf("%03d", 999-i)] = files[name]
	}
	if !slices.Equal(kept(renamed), want) {
		t.Error("names decide what stays")
	}
	c := openNear(t, files, PublishedNear)
	var ids []int32
	var sketches []uint64
	m := newMinHasher(PublishedNear.Hashes)
	mins, sketch := make([]uint64, PublishedNear.Hashes), make([]uint64, PublishedNear.Bands)
	for i := range c.index {
		c.index[i].part = 0
	}
	at := int32(0)
	if err := c.Each(ctx, Train, func(d Document) error {
		m.signature(mins, shingles(nil, appendWords(nil, d.Text), d.Text, PublishedNear.Words))
		bands(sketch, mins)
		ids, sketches = append(ids, at), append(sketches, sketch...)
		at++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	near := PublishedNear
	if err := c.dropNear(ctx, &near, ids, sketches, 1); err != nil { // a pass over the corpus for every pair
		t.Fatal(err)
	}
	_, texts := documents(t, c, Train)
	slices.Sort(texts)
	if !slices.Equal(texts, want) {
		t.Error("little memory for verification gives another result")
	}
}

func TestShortAndWordlessTexts(t *testing.T) {
	c := openNear(t, map[string]string{"a": "two words", "b": "Two, words!", "c": "two other words", "d": "!!!", "e": "???", "f": "words two"}, PublishedNear)
	names, _ := documents(t, c, Train)
	if len(names) != 5 || !slices.Contains(names, "d") || !slices.Contains(names, "e") || !slices.Contains(names, "f") {
		t.Errorf("kept %q, want all but one of a and b", names)
	}
}

// In buckets of up to crowd documents all pairs are candidates, in larger ones as many as there are documents, or twice that.
func TestCrowdedBuckets(t *testing.T) {
	for _, tt := range []struct{ documents, pairs, crowded int }{{0, 0, 0}, {1, 0, 0}, {2, 1, 0}, {3, 3, 0}, {crowd, crowd * (crowd - 1) / 2, 0}, {crowd + 1, 2*crowd - 1, crowd + 1}} {
		c := &Corpus{index: make([]entry, tt.documents)}
		var ids []int32
		for i := range tt.documents {
			ids = append(ids, int32(i))
			c.index[i].hash[0] = byte(7 * i)
		}
		pairs, crowded := c.candidates(ids, make([]uint64, 2*tt.documents), 2) // all agree in both bands
		if len(pairs) != tt.pairs || crowded != tt.crowded {
			t.Errorf("%d documents: got %d pairs and %d crowded, want %d and %d", tt.documents, len(pairs), crowded, tt.pairs, tt.crowded)
		}
	}
}

// Pairs of an index become candidates with the probability that Near states, also where many others agree with them in a band but are no
// near duplicates: forty documents of one template each, two and two of which have more in common.
func TestPairsBecomeCandidatesAsOftenAsStated(t *testing.T) {
	const templates, size = 150, 40
	near := PublishedNear
	m := newMinHasher(near.Hashes)
	mins, sketch := make([]uint64, near.Hashes), make([]uint64, near.Bands)
	c := &Corpus{}
	var ids []int32
	var sketches []uint64
	r := rng.New(11)
	fill := func(set []uint64, n int) []uint64 {
		for range n {
			set = append(set, r.Uint64())
		}
		return set
	}
	exact := 0.0
	for range templates {
		template := fill(nil, 160)
		for range size / 2 {
			both := fill(slices.Clone(template), 18)
			a, b := asSet(fill(slices.Clone(both), 22)), asSet(fill(slices.Clone(both), 22))
			exact = jaccard(a, b)
			for _, set := range [][]uint64{a, b} {
				m.signature(mins, set)
				bands(sketch, mins)
				ids, sketches = append(ids, int32(len(ids))), append(sketches, sketch...)
				var e entry
				for k := range e.hash {
					e.hash[k] = byte(r.Intn(256))
				}
				c.index = append(c.index, e)
			}
		}
	}
	pairs, crowded := c.candidates(ids, sketches, near.Bands)
	found := 0
	for _, p := range pairs {
		if p.a%2 == 0 && p.b == p.a+1 {
			found++
		}
	}
	n := float64(templates * size / 2)
	want := 1 - math.Pow(1-math.Pow(exact, float64(near.Hashes/near.Bands)), float64(near.Bands))
	// Four standard errors, as of independent pairs; the sources are fixed, so this always passes or never.
	if got := float64(found) / n; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/n) || crowded > 0 {
		t.Errorf("of pairs of index %.3f a share of %.3f became candidates, want %.3f; %d documents were crowded", exact, got, want, crowded)
	} else {
		t.Logf("of pairs of index %.3f a share of %.4f became candidates, stated %.4f; %d pairs in all", exact, got, want, len(pairs))
	}
}
