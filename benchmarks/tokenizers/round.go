package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// request is what one process is to do: a round, or our part of one.
type request struct {
	Do      string // "round", "encode", "train", "sentencepiece"
	Dir     string
	Scheme  string
	Threads int
	Python  string // for SentencePiece
}

// timing is what one process measured: seconds by what was done.
type timing struct {
	Seconds map[string]float64 // "stream", "documents", "stream with offsets", "documents with offsets", "train"
	Hashes  []uint32           // of the ids of each document
}

// result is one round: timings by who and on how many threads, as in "ours 2".
type result struct {
	Timings   map[string]timing
	Documents int
	Differ    int // documents
	Problem   string
}

func (r result) err() error {
	if r.Problem != "" {
		return errors.New(r.Problem)
	}
	return nil
}

var errNoReference = errors.New("the npm package tokenizers is not found")

//go:embed reference.js
var reference string

// referenceVersion writes the reference's part, and sees that it runs.
func referenceVersion(dir string) (string, error) {
	if err := os.WriteFile(path(dir, "reference.js"), []byte(reference), 0o600); err != nil {
		return "", err
	}
	out, err := run(nil, "node", path(dir, "reference.js"), "version")
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoReference, err)
	}
	return string(out), nil
}

// run runs a command and answers what it prints.
func run(env []string, args ...string) ([]byte, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %.500s", args[0], err, stderr.String())
	}
	return out, nil
}

// answer does what a request asks for and prints the result.
func answer(raw string) error {
	var r request
	if err := json.Unmarshal([]byte(raw), &r); err != nil {
		return err
	}
	var v any
	var err error
	if r.Do == "round" || r.Do == "sentencepiece" {
		one := turn
		if r.Do == "sentencepiece" {
			one = sentencePieceTurn
		}
		var res result
		if res, err = one(r); err != nil {
			res.Problem = err.Error()
		}
		v, err = res, nil
	} else {
		v, err = ours(r)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(v)
}

// turn measures ours and the reference's, one after the other, on one thread and on two.
func turn(r request) (result, error) {
	res := result{Timings: map[string]timing{}}
	self, err := os.Executable()
	if err != nil {
		return res, err
	}
	for _, do := range []string{"encode", "train"} {
		for _, threads := range []int{1, 2} {
			r.Do, r.Threads = do, threads
			raw, err := json.Marshal(r)
			if err != nil {
				return res, err
			}
			n := fmt.Sprint(threads)
			for _, who := range []struct {
				name string
				env  []string
				args []string
			}{
				{"ours", []string{"GOMAXPROCS=" + n}, []string{self, "-work", string(raw)}},
				{"reference", []string{"RAYON_NUM_THREADS=" + n, "TOKENIZERS_PARALLELISM=true"}, []string{"node", path(r.Dir, "reference.js"), do, r.Dir, r.Scheme, n}},
			} {
				out, err := run(who.env, who.args...)
				if err != nil {
					return res, err
				}
				var t timing
				if err := json.Unmarshal(out, &t); err != nil {
					return res, fmt.Errorf("%s: %w", strings.Join(who.args[:1], " "), err)
				}
				res.Timings[do+" "+who.name+" "+n] = t
			}
			if do == "encode" {
				a, b := res.Timings["encode ours "+n].Hashes, res.Timings["encode reference "+n].Hashes
				if len(a) != len(b) || len(a) == 0 {
					return res, fmt.Errorf("%d documents were encoded, by the reference %d", len(a), len(b))
				}
				res.Documents = len(a)
				differ := 0
				for i := range a {
					if a[i] != b[i] {
						differ++
					}
				}
				res.Differ = max(res.Differ, differ)
			}
		}
	}
	for k, t := range res.Timings {
		t.Hashes = nil
		res.Timings[k] = t
	}
	return res, nil
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
