package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/sdk"
)

// fake is a family without mathematics: its calls answer simple functions of their input, and its config makes them fail in
// every way that a process can.
type fake struct{}

func (fake) Describe(context.Context) (family.Description, error) {
	return family.Description{
		Name: "fake", Version: "0.1.0", Summary: "Answers functions of its input.",
		ConfigSchema: json.RawMessage(`{"type":"object"}`),
		Capabilities: family.Capabilities{Decode: true, Precisions: []family.Precision{family.FP32}},
		Knob:         family.Knob{Field: "width", Min: 1, Max: 8, Step: 1},
	}, nil
}

func (fake) Build(ctx context.Context, req family.BuildRequest) (family.Model, family.Card, error) {
	var config struct {
		Act   string `json:"act"`
		Bytes int    `json:"bytes"`
	}
	if err := json.Unmarshal(req.Config, &config); err != nil {
		return nil, family.Card{}, family.Errorf(family.InvalidConfig, "", "%v", err)
	}
	if req.Vocab < 1 {
		return nil, family.Card{}, family.Errorf(family.InvalidConfig, "vocab", "got %d, want at least 1", req.Vocab)
	}
	card := family.Card{Family: "fake", Config: req.Config, Vocab: req.Vocab, Precision: family.FP32}
	if req.CardOnly {
		return nil, card, nil
	}
	return &fakeModel{act: config.Act, bytes: config.Bytes, vocab: req.Vocab}, card, nil
}

type fakeModel struct {
	sdk.Unimplemented
	act          string
	bytes, vocab int

	mu   sync.Mutex
	data []byte
}

// Train does what the model was built for.
func (m *fakeModel) Train(ctx context.Context, req family.TrainRequest) (family.TrainResult, error) {
	switch m.act {
	case "panic":
		var none []int
		return family.TrainResult{Loss: float64(none[len(req.MicroBatches)])}, nil
	case "die":
		go func() { panic("the wheels came off") }()
		select {}
	case "exit":
		fmt.Fprintln(os.Stderr, "about to leave")
		os.Exit(7)
	case "hang":
		select {} // not even its context stops it
	case "wait":
		<-ctx.Done()
		return family.TrainResult{}, ctx.Err()
	case "chatter":
		long := strings.Repeat("x", 300<<10)
		for i := range 4 {
			fmt.Println(i, long)
			fmt.Fprintln(os.Stderr, i, long)
			_, _ = os.NewFile(1, "raw stdout").WriteString(long + "\n") // as C code would
		}
		fmt.Fprintln(os.Stderr, "done chattering")
	case "child":
		child := exec.Command("sleep", "600")
		if err := child.Start(); err != nil {
			return family.TrainResult{}, err
		}
		return family.TrainResult{Loss: float64(child.Process.Pid)}, nil
	case "grow":
		m.mu.Lock()
		m.data = bytes.Repeat([]byte{1}, m.bytes)
		m.mu.Unlock()
	case "work":
		time.Sleep(20 * time.Millisecond)
	}
	loss := 0.0
	for _, b := range req.MicroBatches {
		for i, t := range b.Tokens {
			loss += float64(b.Weights[i]) * float64(t)
		}
	}
	return family.TrainResult{Loss: loss, Metrics: map[string]float64{"pid": float64(os.Getpid())}}, nil
}

// Score answers the tokens themselves.
func (m *fakeModel) Score(_ context.Context, b family.Batch) (family.ScoreResult, error) {
	if err := b.Check(m.vocab); err != nil {
		return family.ScoreResult{}, err
	}
	out := family.ScoreResult{LogProbs: make([]float32, b.B*b.T), Correct: make([]bool, b.B*b.T)}
	for i, t := range b.Tokens {
		out.LogProbs[i], out.Correct[i] = -float32(t), t == b.Targets[i]
	}
	return out, nil
}

func (m *fakeModel) Save(_ context.Context, part family.Part, w io.Writer) error {
	_, err := w.Write(bytes.Repeat([]byte(part), m.bytes))
	return err
}

func (m *fakeModel) Load(_ context.Context, part family.Part, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, bytes.Repeat([]byte(part), m.bytes)) {
		return family.Errorf(family.Corrupt, string(part), "got %d bytes that were not saved here", len(data))
	}
	return nil
}

// acts are what the test binary does when it is started as a plugin or as something like one.
var acts = map[string]func(){
	"serve": func() { sdk.Serve(fake{}) },
	"print": func() {
		fmt.Println("loading the weights ...")
		fmt.Println("loading the rest ...")
		sdk.Serve(fake{})
	},
	"silent exit": func() { fmt.Fprintln(os.Stderr, "no device found"); os.Exit(5) },
	"early panic": func() { panic("initialisation went wrong") },
	"not a plugin": func() {
		fmt.Println("usage: something else")
		os.Exit(2)
	},
	"silence":      func() { time.Sleep(10 * time.Minute) },
	"chatty":       func() { fmt.Println("hello"); time.Sleep(10 * time.Minute) },
	"version 2":    func() { fmt.Println("1|2|unix|/nowhere|grpc|"); time.Sleep(10 * time.Minute) },
	"version 0":    func() { fmt.Println("1|0|unix|/nowhere|grpc|"); time.Sleep(10 * time.Minute) },
	"core 2":       func() { fmt.Println("2|1|unix|/nowhere|grpc|"); time.Sleep(10 * time.Minute) },
	"net/rpc":      func() { fmt.Println("1|1|unix|/nowhere|netrpc|"); time.Sleep(10 * time.Minute) },
	"no tls":       func() { fmt.Println("1|1|unix|/nowhere|grpc|"); time.Sleep(10 * time.Minute) },
	"nobody home":  func() { fmt.Println("1|1|unix|/nowhere|grpc|"); time.Sleep(10 * time.Minute) },
	"dies at once": func() { fmt.Println("1|1|unix|/nowhere|grpc|"); fmt.Fprintln(os.Stderr, "oh no"); os.Exit(9) },
	"flood": func() {
		fmt.Println("1|1|unix|/nowhere|grpc|")
		_, _ = os.Stdout.WriteString(strings.Repeat("y", 1<<20) + "\n" + strings.Repeat("z", 1<<20)) // no reader, no progress
		fmt.Fprintln(os.Stderr, "got it all out")
		time.Sleep(10 * time.Minute)
	},
	"host": hostAct,
}

// hostAct is a host that launches a plugin, says its pid and its child's and waits to be killed.
func hostAct() {
	h := New(Options{Builtins: []string{"fake"}, BuiltinArgs: noArgs, Env: []string{actEnv + "=serve"}})
	p, err := h.Launch(context.Background(), "fake")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(strconv.Itoa(p.PID()))
	time.Sleep(10 * time.Minute)
}

func noArgs(string) []string { return nil }
