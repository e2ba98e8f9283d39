package main

import (
	"fmt"
	"runtime"
	"strings"
)

// row is one line of the table: medians in seconds.
type row struct {
	scheme, what     string
	threads          int
	bytes            int
	ours, reference  float64
	differ, compared int // documents; compared is 0 for training
}

func (r row) ratio() float64 { return r.reference / r.ours }

// rowsOf sums rounds up.
func rowsOf(c scheme, text sizes, rounds []result) []row {
	seconds := func(do, who, what string, threads int) float64 {
		var all []float64
		for _, r := range rounds {
			all = append(all, r.Timings[fmt.Sprintf("%s %s %d", do, who, threads)].Seconds[what])
		}
		return median(all)
	}
	differ := 0
	for _, r := range rounds {
		differ = max(differ, r.Differ)
	}
	var rows []row
	for _, how := range []struct{ ours, reference, name string }{
		{"stream", "stream", "encode one document"}, {"documents", "documents", "encode documents"},
		{"stream with offsets", "stream", "encode one document, with offsets"}, {"documents with offsets", "documents", "encode documents, with offsets"},
	} {
		for _, threads := range []int{1, 2} {
			if strings.HasPrefix(how.ours, "stream") && threads == 2 {
				continue
			}
			rows = append(rows, row{c.name, how.name, threads, text.encode, seconds("encode", "ours", how.ours, threads),
				seconds("encode", "reference", how.reference, threads), differ, rounds[0].Documents})
		}
	}
	for _, threads := range []int{1, 2} {
		rows = append(rows, row{c.name, "train", threads, text.train, seconds("train", "ours", "train", threads), seconds("train", "reference", "train", threads), 0, 0})
	}
	return rows
}

func write(s settings, version string, text sizes, rows []row) string {
	var b strings.Builder
	slower, differ := 0, 0
	for _, r := range rows {
		if r.ratio() <= 1 {
			slower++
		}
		differ = max(differ, r.differ)
	}
	fmt.Fprintf(&b, `# Tokenizers beside the Rust reference

    NODE_PATH=DIR/node_modules go run ./benchmarks/tokenizers -encode %d -train %d -rounds %d

"times faster" is the reference's time (npm package tokenizers %s) over ours, medians of %d rounds in turns on the same text:
%.1f MB in %d documents to encode, %.1f MB to train on, put together from Go's sources, documentation and locales of many languages.
Rows in which the reference is faster: %d of %d. Documents whose ids differ: %d.

The reference always computes offsets (its binding has no other way to encode), so there are two lines of ours to compare: ids alone, which is
what training a model needs, and ids with offsets. Neither start-up nor loading nor taking ids out of the binding counts. Both train from the
lines of one file with the reference's fixed settings: 30,000 tokens, every pair that occurs; 8,000 pieces of Unigram.
Machine: %s/%s, %d threads at most. What else the machine does slows both: MB/s are of that hour, ratios of the same minutes.

| scheme | | threads | times faster | ours, MB/s | reference, MB/s | documents differing |
|---|---|---|---|---|---|---|
`, s.encodeMB, s.trainMB, s.rounds, version, s.rounds, float64(text.encode)/1e6, text.documents, float64(text.train)/1e6, slower, len(rows), differ,
		runtime.GOOS, runtime.GOARCH, 2)
	for _, r := range rows {
		same := ""
		if r.compared > 0 {
			same = fmt.Sprintf("%d of %d", r.differ, r.compared)
		}
		mb := float64(r.bytes) / 1e6
		mark := ""
		if r.ratio() <= 1 {
			mark = " **slower**"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %.1f%s | %.1f | %.2f | %s |\n", r.scheme, r.what, r.threads, r.ratio(), mark, mb/r.ours, mb/r.reference, same)
	}
	return b.String()
}
