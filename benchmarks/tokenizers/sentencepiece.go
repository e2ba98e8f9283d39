package main

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/archlab/archlab/core/data/tokenizer"
)

//go:embed spm.py
var sentencePiece string

var errNoSentencePiece = errors.New("python's module sentencepiece is not found")

// measureSentencePiece encodes the documents with models that SentencePiece has trained, beside SentencePiece itself, and writes a table.
func measureSentencePiece(s settings) error {
	script := path(s.dir, "spm.py")
	if err := os.WriteFile(script, []byte(sentencePiece), 0o600); err != nil {
		return err
	}
	python := ""
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if _, err := run(nil, p, "-c", "import sentencepiece"); err == nil {
			python = p
			break
		}
	}
	if python == "" {
		return errNoSentencePiece
	}
	text, err := gather(s.dir, s)
	if err != nil {
		return err
	}
	var b strings.Builder
	busy := load()
	for _, kind := range []string{"unigram", "bpe"} {
		fmt.Fprintln(os.Stderr, "measuring SentencePiece's", kind)
		version, err := run(nil, python, script, "train", s.dir, kind, "2")
		if err != nil {
			return err
		}
		rounds := make([]result, s.rounds)
		for i := range rounds {
			if rounds[i], err = s.round(request{Do: "sentencepiece", Dir: s.dir, Scheme: kind, Python: python}); err != nil {
				return err
			}
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, sentencePieceHead, s.encodeMB, s.rounds, strings.TrimSpace(string(version)), s.rounds, float64(text.encode)/1e6, text.documents,
				runtime.GOOS, runtime.GOARCH, runtime.Version())
		}
		for _, threads := range []int{1, 2} {
			seconds := func(who string) float64 {
				var all []float64
				for _, r := range rounds {
					all = append(all, r.Timings[fmt.Sprint(who, " ", threads)].Seconds["documents"])
				}
				return median(all)
			}
			differ := 0
			for _, r := range rounds {
				differ = max(differ, r.Differ)
			}
			ours, theirs := seconds("ours"), seconds("reference")
			fmt.Fprintf(&b, "| %s | %d | %.1f | %.1f | %.1f | %d of %d |\n", kind, threads, float64(text.encode)/1e6/ours, float64(text.encode)/1e6/theirs,
				theirs/ours, differ, rounds[0].Documents)
		}
	}
	fmt.Fprint(&b, sentencePieceFoot, busy)
	if s.out == "-" {
		_, err = os.Stdout.WriteString(b.String())
		return err
	}
	return os.WriteFile(s.out, []byte(b.String()), 0o644)
}

const sentencePieceHead = `# SentencePiece models beside SentencePiece

    go run ./benchmarks/tokenizers -sentencepiece -encode %d -rounds %d

Documents encoded with models of 8,000 pieces and byte fallback that SentencePiece %s trained, by its Python binding (one call for all
documents; the list of lists of ids that it makes counts) and by ours: medians of %d rounds in turns over %.1f MB in %d documents, on
%s/%s, %s.

| model | threads | ours, MB/s | SentencePiece, MB/s | times faster | documents that differ |
|---|---:|---:|---:|---:|---:|
`

const sentencePieceFoot = `
What else the machine does slows both: MB/s are of that hour, ratios of the same minutes.
`

// load says how busy the machine was with other work, where it tells.
func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	minute, _, _ := strings.Cut(string(raw), " ")
	return fmt.Sprintf("The load of its %d cores was %s in the minute before.\n", runtime.NumCPU(), minute)
}

// sentencePieceTurn measures ours and SentencePiece's, one after the other, on one thread and on two.
func sentencePieceTurn(r request) (result, error) {
	res := result{Timings: map[string]timing{}}
	tok, err := tokenizer.Load(path(r.Dir, r.Scheme+".model"))
	if err != nil {
		return res, err
	}
	docs, err := readDocs(path(r.Dir, "docs.json"))
	if err != nil {
		return res, err
	}
	res.Documents = len(docs)
	for _, threads := range []int{1, 2} {
		runtime.GOMAXPROCS(threads)
		ids := make([][]int32, len(docs))
		for _, d := range docs[:len(docs)/20] {
			tok.AppendIDs(nil, d)
		}
		from := time.Now()
		var next atomic.Int64
		var wg sync.WaitGroup
		for range threads {
			wg.Go(func() {
				for i := int(next.Add(1)) - 1; i < len(docs); i = int(next.Add(1)) - 1 {
					ids[i] = tok.AppendIDs(nil, docs[i])
				}
			})
		}
		wg.Wait()
		seconds := map[string]float64{"documents": time.Since(from).Seconds()}
		res.Timings[fmt.Sprint("ours ", threads)] = timing{Seconds: seconds}

		out, err := run(nil, r.Python, path(r.Dir, "spm.py"), "encode", r.Dir, r.Scheme, fmt.Sprint(threads))
		if err != nil {
			return res, err
		}
		var t timing
		if err := json.Unmarshal(out, &t); err != nil {
			return res, fmt.Errorf("SentencePiece's answer: %w", err)
		}
		if len(t.Hashes) != len(docs) {
			return res, fmt.Errorf("SentencePiece encoded %d documents of %d", len(t.Hashes), len(docs))
		}
		differ := 0
		for i, x := range ids {
			raw, err := binary.Append(nil, binary.LittleEndian, x)
			if err != nil {
				return res, err
			}
			if crc32.ChecksumIEEE(raw) != t.Hashes[i] {
				differ++
			}
		}
		res.Differ = max(res.Differ, differ)
		t.Hashes = nil
		res.Timings[fmt.Sprint("reference ", threads)] = t
	}
	return res, nil
}
