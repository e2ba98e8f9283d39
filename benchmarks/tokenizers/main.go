// Command tokenizers measures encoding and training beside the Rust reference (npm package tokenizers) on the same text, in turns, and
// writes one table:
//
//	npm install --prefix DIR tokenizers
//	NODE_PATH=DIR/node_modules go run ./benchmarks/tokenizers      # benchmarks/TOKENIZERS.md
//
// Every measurement is a process of its own, ours or node, that times its own work: neither start-up nor reading of the tokenizer counts.
// With -sentencepiece it measures SentencePiece's models beside SentencePiece. With -with each round of one row runs under a command, for example one that keeps the machine to itself.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// settings are what the command line says.
type settings struct {
	encodeMB, trainMB, rounds int
	only, with, out, dir      string
}

func main() {
	var s settings
	flag.IntVar(&s.encodeMB, "encode", 4, "MB of text to encode")
	flag.IntVar(&s.trainMB, "train", 20, "MB of text to train on")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds in turns; medians are reported")
	flag.StringVar(&s.only, "only", "", "schemes to measure, separated by commas; all by default")
	flag.StringVar(&s.with, "with", "", "command that runs each round")
	flag.StringVar(&s.out, "out", "", "file to write, - for standard output (default benchmarks/TOKENIZERS.md or benchmarks/SENTENCEPIECE.md)")
	beside := flag.Bool("sentencepiece", false, "measure SentencePiece models beside SentencePiece (Debian's python3-sentencepiece) instead")
	work := flag.String("work", "", "internal: a JSON request of one process")
	flag.Parse()
	err := error(nil)
	if *work != "" {
		err = answer(*work)
	} else {
		err = inFolder(s, *beside)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tokenizers: error:", err)
		if errors.Is(err, errNoReference) {
			fmt.Fprintln(os.Stderr, "tokenizers: hint: npm install --prefix DIR tokenizers, and set NODE_PATH=DIR/node_modules")
		}
		if errors.Is(err, errNoSentencePiece) {
			fmt.Fprintln(os.Stderr, "tokenizers: hint: apt-get install python3-sentencepiece")
		}
		os.Exit(1)
	}
}

// scheme is a kind of tokenizer that is measured.
type scheme struct {
	name    string // for people
	key     string
	kind    string // as Train calls it
	pattern string
}

var schemes = []scheme{
	{"BPE, GPT-2's pattern", "gpt2", "bpe", "gpt2"},
	{"BPE, cl100k's pattern", "cl100k", "bpe", "cl100k"},
	{"BPE, o200k's pattern", "o200k", "bpe", "o200k"},
	{"WordPiece, BERT's pipeline", "wordpiece", "wordpiece", ""},
	{"Unigram", "unigram", "unigram", "gpt2"},
}

// inFolder measures in a folder that goes away.
func inFolder(s settings, sentencePiece bool) error {
	var err error
	if s.dir, err = os.MkdirTemp("", "tokenizers-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	if sentencePiece {
		s.out = cmp.Or(s.out, "benchmarks/SENTENCEPIECE.md")
		return measureSentencePiece(s)
	}
	s.out = cmp.Or(s.out, "benchmarks/TOKENIZERS.md")
	return measure(s)
}

func measure(s settings) error {
	dir := s.dir
	version, err := referenceVersion(dir)
	if err != nil {
		return err
	}
	text, err := gather(dir, s)
	if err != nil {
		return err
	}
	var rows []row
	for _, c := range schemes {
		if s.only != "" && !strings.Contains(","+s.only+",", ","+c.key+",") {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", c.name)
		if err := learn(dir, c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		var rounds []result
		for range s.rounds {
			r, err := s.round(request{Do: "round", Dir: dir, Scheme: c.key})
			for again := 0; err != nil && s.with != "" && again < 3; again++ { // the command may have lost its patience
				r, err = s.round(request{Do: "round", Dir: dir, Scheme: c.key})
			}
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			rounds = append(rounds, r)
		}
		rows = append(rows, rowsOf(c, text, rounds)...)
	}
	report := write(s, version, text, rows)
	if s.out == "-" {
		_, err = io.WriteString(os.Stdout, report)
		return err
	}
	return os.WriteFile(s.out, []byte(report), 0o644)
}

// round runs one round in a process of its own, under the -with command.
func (s settings) round(r request) (result, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return result{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	args := append(strings.Fields(s.with), self, "-work", string(raw))
	out, err := run(nil, args...)
	if err != nil {
		return result{}, err
	}
	var res result
	return res, cmp.Or(json.Unmarshal(out, &res), res.err())
}

func path(dir, name string) string { return filepath.Join(dir, name) }
