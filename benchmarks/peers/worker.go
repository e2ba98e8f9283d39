package main

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed src
var sources embed.FS

// unpack writes the peers' programs to a directory.
func unpack(dir string) error {
	files, err := sources.ReadDir("src")
	if err != nil {
		return err
	}
	for _, f := range files {
		data, err := sources.ReadFile("src/" + f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// answer is a line that a worker prints.
type answer struct {
	Ready      bool      `json:"ready"`
	Parameters int64     `json:"parameters"`
	Torch      string    `json:"torch"`
	Version    string    `json:"version"`
	Core       string    `json:"core"`
	Seconds    []float64 `json:"seconds"`
	RSS        int64     `json:"rss"`
	Rate       float64   `json:"rate"`
	Error      string    `json:"error"`
}

// A worker is a peer's process: it answers each line on its input with one line of JSON, and sleeps in between.
type worker struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	log   *bytes.Buffer
	ready answer
	rss   int64
}

// settings of PyTorch and OpenBLAS that make them neither slow nor somebody else's: kernels chosen by the CPU, OpenMP threads.
var unset = []string{"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "OMP_NUM_THREADS"}

// bigHeap keeps freed memory for the next step: two to three times quicker where activations are large, at the price of memory.
var bigHeap = []string{"MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_=100000000000", "MALLOC_TOP_PAD_=268435456"}

// openMP is where Debian keeps the OpenBLAS that shares OpenMP's threads with PyTorch.
const openMP = "/usr/lib/x86_64-linux-gnu/openblas-openmp"

func environment(more ...string) []string {
	var env []string
next:
	for _, e := range os.Environ() {
		for _, u := range unset {
			if strings.HasPrefix(e, u+"=") {
				continue next
			}
		}
		env = append(env, e)
	}
	if _, err := os.Stat(openMP); err == nil {
		env = append(env, "LD_LIBRARY_PATH="+openMP)
	}
	return append(env, more...)
}

// start runs a worker and waits until it is ready.
func start(ctx context.Context, dir string, env []string, name string, args ...string) (*worker, error) {
	w := &worker{cmd: exec.CommandContext(ctx, name, args...), log: &bytes.Buffer{}}
	w.cmd.Dir, w.cmd.Env, w.cmd.Stderr = dir, env, w.log
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = bufio.NewScanner(out)
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	if w.ready, err = w.read(); err == nil && !w.ready.Ready {
		err = errors.New("not ready")
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *worker) read() (answer, error) {
	var a answer
	if !w.out.Scan() {
		lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
		return a, fmt.Errorf("%s ended: %s", filepath.Base(w.cmd.Path), lines[len(lines)-1])
	}
	return a, json.Unmarshal(w.out.Bytes(), &a)
}

// ask sends a line and reads the answer.
func (w *worker) ask(format string, args ...any) (answer, error) {
	if _, err := fmt.Fprintf(w.in, format+"\n", args...); err != nil {
		return answer{}, err
	}
	return w.read()
}

// steps takes training steps and answers the seconds of each.
func (w *worker) steps(n int) ([]float64, error) {
	a, err := w.ask("%d", n)
	w.rss = max(w.rss, a.RSS)
	return a.Seconds, err
}

func (w *worker) peakRSS() int64 { return w.rss }

func (w *worker) close() {
	_ = w.in.Close()
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}

// compile builds a C or C++ program of the scratch directory.
func (b *bench) compile(compiler, source string, flags ...string) (string, error) {
	out := filepath.Join(b.dir, strings.TrimSuffix(source, filepath.Ext(source)))
	cmd := exec.CommandContext(b.ctx, compiler, append([]string{source, "-o", out}, flags...)...)
	cmd.Dir = b.dir
	if text, err := cmd.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		return "", fmt.Errorf("%s %s: %w: %s", compiler, source, err, first)
	}
	return out, nil
}
