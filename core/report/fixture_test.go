package report

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

var keep = flag.String("keep", "", "directory that receives the fixture's report, to look at it in a browser")

// fixture writes the records of a run: three models and a control; "solid" is clearly best, "twin" repeats "solid"'s
// level with its own noise, "frail" loses one of its seeds, "ngram" is the control.
func fixture(t testing.TB, root, name, checksum string) string {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	run, err := record.Create(root, name, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	check(err)
	defer func() { check(run.Close()) }()
	m := record.Manifest{
		Name: name, Description: "Four models on a made-up text.", Archlab: "test", State: "finished", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Machine: record.Machine{OS: "linux", Arch: "amd64", CPU: "Example CPU <2 GHz> & more", Cores: 2, Go: "go1.26", Features: []string{"AVX2"}},
		Config:  json.RawMessage(`{}`),
		Data:    record.Data{Corpus: "example", Checksum: checksum, Bytes: 1 << 20, Documents: 12, Tokenizer: "bpe", Fingerprint: "f00d", Vocab: 512, Notes: []string{"3 generated files were left out"}},
		Seeds:   []uint64{1, 2, 3},
		Seconds: record.RunSeconds{Total: 130, Prepare: 10, Train: 100, Eval: 20, Plugin: 97, RPC: 1.5, Harness: 1, Checkpoint: 0.5},
	}
	levels := map[string]float64{"solid": 1.8, "twin": 1.8, "frail": 2.1, "ngram": 2.6}
	r := rand.New(rand.NewPCG(5, 6))
	for _, model := range []string{"solid", "twin", "frail", "ngram"} {
		card := family.Card{Family: model, Config: json.RawMessage(`{"width":64}`), Parameters: 800_000, ActiveParameters: 750_000, Embedding: 65_536,
			Precision: family.FP32, Tensors: []family.TensorInfo{{Name: "embed", Shape: []int{512, 128}, DType: "F32"}},
			Costs: []family.Cost{{T: 256, TrainFLOPs: 5e6, PrefillFLOPs: 1.6e6, DecodeFLOPs: 1.7e6, StateBytes: 262144}}}
		m.Models = append(m.Models, record.Model{Name: model, Family: model, Control: model == "ngram", Plugin: record.Plugin{Builtin: true}, Card: card,
			Description: family.Description{Papers: []family.Paper{{Title: "A paper", URL: "https://example.org/paper"}}}})
		for _, seed := range m.Seeds {
			dir, err := run.MakeModelDir(model, seed)
			check(err)
			res := record.Result{Model: model, Seed: seed, Status: "finished", Steps: 500, Tokens: 1_000_000, FLOPs: 5e12, Seconds: 30, TokensPerSecond: 33_000, FLOPsPerSecond: 1.6e11, Utilisation: 0.7, PeakRSS: 200 << 20}
			level := levels[model]
			if model != "ngram" {
				level += 0.003 * r.NormFloat64()
				log, err := record.OpenLog(filepath.Join(dir, "metrics.jsonl"), -1)
				check(err)
				for step := 1; step <= 500; step++ {
					x := record.Metric{Kind: "train", Step: step, Tokens: int64(step) * 2000, FLOPs: float64(step) * 1e10, Seconds: float64(step) * 0.06, Loss: level + 3*math.Exp(-float64(step)/80) + 0.05*r.NormFloat64()}
					check(log.Append(x))
					if step%50 == 0 {
						x.Kind, x.Loss = "validation", level+3*math.Exp(-float64(step)/80)
						x.BPB = x.Loss / math.Ln2 / 2.5
						check(log.Append(x))
					}
				}
				check(log.Close())
				res.Profile = &family.Profile{Ops: []family.OpProfile{{Op: "linear", Calls: 10, Nanoseconds: 7e9, FLOPs: 7e11, Bytes: 14e9}, {Op: "attention", Calls: 10, Nanoseconds: 2e9}}}
				res.PluginSeconds, res.RPCSeconds, res.HarnessSeconds = 29.5, 0.3, 0.2
				res.Phases = record.Phases{Forward: 10, Backward: 17, Update: 1}
				for _, at := range []int{64, 256, 1024} {
					res.Decode = append(res.Decode, record.DecodePoint{T: at, TokensPerSecond: 3000 - float64(at), StateBytes: int64(at) * 1024, CardStateBytes: int64(at) * 1024, CardFLOPs: 1.7e6})
				}
				for k, n := range []int{64, 128} {
					res.Lengths = append(res.Lengths, record.TaskScore{Task: "induction", Parameter: "length", Length: n, T: n, Setting: "scaled down: length 64 (paper 256)", Unit: "answer",
						Items: 100, Sequences: 100, Accuracy: 1 - 0.1*float64(seed)*float64(k), Low: 0.2, High: 1, Chance: 0.125, Loss: 0.5})
				}
				for _, n := range []int{1, 4, 16} {
					for _, s := range []string{"majority", "best_of_n"} {
						p := record.TTCPoint{Task: "addition", Strategy: s, Samples: n, Problems: 50, Tokens: float64(20 * n), FLOPs: 3e7 * float64(n), Seconds: 0.01 * float64(n)}
						for k := range 50 {
							ok := k < 20+n
							p.Solved = append(p.Solved, ok)
							if ok {
								p.Correct++
							}
						}
						p.Accuracy = p.Correct / 50
						res.TTC = append(res.TTC, p)
					}
				}
			}
			s := record.Score{Split: "test"}
			for item := range 60 {
				q := record.SequenceLoss{Weight: 255, Bytes: 640, Correct: 100}
				q.Loss = q.Weight * (level + 0.1*math.Sin(float64(item)) + 0.005*r.NormFloat64())
				s.Sequences = append(s.Sequences, q)
				s.Loss += q.Loss
				s.Tokens += 255
				s.Bytes += 640
			}
			s.BPB = s.Loss / math.Ln2 / float64(s.Bytes)
			s.Loss /= float64(s.Tokens)
			s.Perplexity, s.Accuracy = math.Exp(s.Loss), 100.0/255
			s.ByPosition = []record.PositionLoss{{From: 0, To: 1, Loss: level + 2, Count: 60}, {From: 1, To: 2, Loss: level + 1, Count: 60}, {From: 2, To: 256, Loss: level, Count: 1000}}
			res.Test, res.Validation = &s, &s
			if model == "frail" && seed == 3 {
				res.Status, res.Test = "failed", nil
				res.Failure = &record.Failure{Step: 120, Kind: "died", Message: "plugin frail died: signal: killed", Log: []string{"panic: <script>alert(1)</script>"}}
			}
			check(run.WriteResult(res))
		}
	}
	check(run.WriteConfig([]byte(fmt.Sprintf("name: %s\n", name))))
	check(run.WriteManifest(m))
	return run.Dir
}

// change rewrites a fixture's manifest.
func change(t testing.TB, dir string, f func(*record.Manifest)) {
	t.Helper()
	r, err := record.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	f(&r.Manifest)
	if err := record.WriteJSON(filepath.Join(dir, "manifest.json"), r.Manifest); err != nil {
		t.Fatal(err)
	}
}
