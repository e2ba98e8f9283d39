package experiment

import (
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data/task"
)

// Each case changes the small experiment (old by new) and lists every error that must come of it, and no other.
func TestProblems(t *testing.T) {
	cases := []struct {
		name, old, new string
		sets           []string
		want           []string
	}{
		{"misspelt key", "budget: {tokens: 1M}", "budget: {tokens: 1M}\n  learning_rte: 1e-3", nil,
			[]string{`x.yaml:8:3: train.learning_rte: unknown key; did you mean "learning_rate"?`}},
		{"unknown key without a near one", "budget:", "zebra: 1\n  budget:", nil,
			[]string{"x.yaml:7:3: train.zebra: unknown key; known keys: budget, batch, micro_batches, learning_rate, schedule, optimizer, precision, recompute, not_finite, validate, checkpoint"}},
		{"duplicate key", "budget:", "batch: 4\n  batch: 8\n  budget:", nil, []string{"x.yaml:8:3: train.batch: the key is there twice"}},
		{"second document", "  budget: {tokens: 1M}", "  budget: {tokens: 1M}\n---\nname: other", nil,
			[]string{"x.yaml:8:1: a second document begins here; a file holds one experiment"}},
		{"syntax", "budget: {tokens: 1M}", "budget: {tokens: 1M", nil, []string{"x.yaml:7:1: not valid YAML: did not find expected ',' or '}'"}},
		{"wrong types", "budget: {tokens: 1M}", "budget: {tokens: lots}\n  batch: [4]\n  micro_batches: \"2\"\n  learning_rate:\n  schedule: 7", nil, []string{
			`x.yaml:7:20: train.budget.tokens: got "lots", want a number, e.g. 250, 32K, 1.5M or 2G`,
			"x.yaml:8:10: train.batch: got a list, want a number, e.g. 250, 32K, 1.5M or 2G",
			`x.yaml:9:18: train.micro_batches: got "2", want a number`,
			"x.yaml:10:17: train.learning_rate: got nothing, want a number",
			`x.yaml:11:13: train.schedule.kind: got 7, want text; write "7" in quotes if it is meant as text`}},
		{"negative budget", "tokens: 1M", "tokens: -5", nil, []string{"x.yaml:7:20: train.budget.tokens: got -5, want at least 1"}},
		{"two budgets", "{tokens: 1M}", "{tokens: 1M, seconds: 60}", nil,
			[]string{"x.yaml:7:11: train.budget: got tokens and seconds, want exactly one of tokens, flops, seconds"}},
		{"no budget", "{tokens: 1M}", "{}", nil, []string{"x.yaml:7:11: train.budget: got none, want exactly one of tokens, flops, seconds"}},
		{"tiny budget", "1M", "100", nil, []string{"x.yaml:7:20: train.budget.tokens: got 100, less than one step of batch x context = 4096 tokens"}},
		{"out of range", "budget:", "batch: 0\n  learning_rate: 11\n  optimizer: {beta1: 1, epsilon: 0}\n  budget:", nil, []string{
			"x.yaml:7:10: train.batch: got 0, want at least 1",
			"x.yaml:8:18: train.learning_rate: got 11, want at most 10",
			"x.yaml:9:22: train.optimizer.beta1: got 1, want at most 0.999999",
			"x.yaml:9:34: train.optimizer.epsilon: got 0, want more than 0"}},
		{"optimizer", "budget:", "optimizer: muno\n  budget:", nil,
			[]string{`x.yaml:7:14: train.optimizer.name: got "muno", want one of adamw, muon, lion, sgd; did you mean "muon"?`}},
		{"another optimizer's settings", "budget:", "optimizer: {name: lion, epsilon: 1e-8, nesterov: false, scale: match_rms}\n  budget:", nil, []string{
			"x.yaml:7:36: train.optimizer.epsilon: the optimizer lion has no such setting; it is a setting of adamw, muon",
			"x.yaml:7:52: train.optimizer.nesterov: the optimizer lion has no such setting; it is a setting of muon, sgd",
			"x.yaml:7:66: train.optimizer.scale: the optimizer lion has no such setting; it is a setting of muon"}},
		{"fraction of a step", "budget:", "batch: 2.5\n  budget:", nil, []string{"x.yaml:7:10: train.batch: got 2.5, want a whole number"}},
		{"enum", "budget:", "schedule: {kind: cosin}\n  budget:", nil,
			[]string{`x.yaml:7:20: train.schedule.kind: got "cosin", want one of constant, linear, cosine, wsd; did you mean "cosine"?`}},
		{"missing keys", "name: small\n", "", nil,
			[]string{`x.yaml:1:1: missing key "name": Name of the experiment, and of the directory of its runs: letters, digits, dots, dashes and underscores.`}},
		{"no models", "\n  - family: bigram", " []", nil, []string{"x.yaml:4:9: models: got 0 items, want at least 1"}},
		{"same names", "- family: bigram", "- family: bigram\n  - family: bigram", nil,
			[]string{`x.yaml:6:5: models[1].name: two models are named "bigram"; give each its own name`}},
		{"name of a control", "train:", "controls: [ngram]\ntrain:", []string{"models[0].name=ngram"},
			[]string{`x.yaml:6:12: controls[0]: a model is named "ngram" as well; give the model another name`}},
		{"name that leaves the directory", "small", "../small", nil,
			[]string{`x.yaml:1:7: name: got "../small", want letters, digits, dots, dashes and underscores, not beginning with a dot`}},
		{"corpus and task", "corpus: gosrc", "corpus: gosrc\n  task: mqar", nil, []string{"x.yaml:4:9: data.task: want exactly one of corpus, mixture and task"}},
		{"neither", "\n  corpus: gosrc", " {seed: 2}", nil, []string{"x.yaml:2:7: data: want exactly one of corpus, mixture and task"}},
		{"task's own rules", "corpus: gosrc", "task: {name: mqar, pairs: 4, memorize: 3}", nil,
			[]string{"x.yaml:3:32: data.task.memorize: the task mqar has no such setting; it is one of selective_copy, mad_selective_copy; its own are vocab, length, pairs, power_a, blank"}},
		{"task's misspelt setting", "corpus: gosrc", "task: {name: mqar, pars: 4}", nil, []string{`x.yaml:3:22: data.task.pars: unknown key; did you mean "pairs"?`}},
		{"task's misspelt shared key", "corpus: gosrc", "task: {name: mqar, exmples: 4}", nil, []string{`x.yaml:3:22: data.task.exmples: unknown key; did you mean "examples"?`}},
		{"task's setting out of range", "corpus: gosrc", "task: {name: mqar, vocab: 2K, length: 0, blank: 1}", nil, []string{
			"x.yaml:3:41: data.task.length: got 0, want at least 4", "x.yaml:3:51: data.task.blank: got 1, want true or false"}},
		{"task's settings together", "corpus: gosrc", "task: {name: mqar, pairs: 17}", nil, []string{"x.yaml:3:29: data.task.pairs: got 17, want at most a quarter of length 64"}},
		{"misspelt task", "corpus: gosrc", "task: {name: indction, vocab: 8}", nil, []string{
			`x.yaml:3:16: data.task.name: got "indction", want one of ` + strings.Join(task.Names(), ", ") + `; did you mean "induction"?`}},
		{"task's preset", "corpus: gosrc", "task: {name: mqar, preset: published}", nil, []string{`x.yaml:3:30: data.task.preset: got "published", want one of cpu, paper`}},
		{"lengths of a task", "corpus: gosrc", "task: induction\neval: {lengths: [64, 2, 64]}", nil, []string{
			"x.yaml:4:22: eval.lengths[1]: the task induction with length 2: length: got 2, want at least 3", "x.yaml:4:25: eval.lengths[2]: 64 is there twice"}},
		{"lengths of a corpus", "train:", "eval: {lengths: [64]}\ntrain:", nil, []string{
			"x.yaml:6:17: eval.lengths: lengths are those of a task, and the data are a corpus; archlab eval RUN --suite long measures text beyond the training length"}},
		{"task's context", "corpus: gosrc", "task: mqar\n  context: 7", nil, []string{"x.yaml:4:12: data.context: got 7, the task's sequences have 64 tokens; remove the key"}},
		{"task's tokens", "corpus: gosrc", "task: mqar\n  tokenizer: bytes", nil, []string{"x.yaml:4:14: data.tokenizer: a task brings its own tokens; remove the key"}},
		{"bpe without vocab", "corpus: gosrc", "corpus: gosrc\n  tokenizer: bpe", nil,
			[]string{`x.yaml:4:14: data.tokenizer: missing key "vocab": bpe needs the number of token ids, at least 257`}},
		{"text without path", "gosrc", "text", nil, []string{`x.yaml:3:11: data.corpus: missing key "path": the corpus text is files of yours`}},
		{"micro-batches", "budget:", "batch: 6\n  micro_batches: 4\n  budget:", nil,
			[]string{"x.yaml:8:18: train.micro_batches: got 4, want a divisor of train.batch, which is 6"}},
		{"merge keys", "- family: bigram", "- {<<: {name: a}, family: bigram}", nil,
			[]string{"x.yaml:5:6: models[0]: merge keys are not supported; write the keys out, or use an alias for the whole value"}},
		{"seeds twice", "train:", "seeds: {model: [1, 2, 1]}\ntrain:", nil, []string{"x.yaml:6:23: seeds.model[2]: 1 is there twice"}},
		{"negative seed", "train:", "seeds: {model: [-1]}\ntrain:", nil,
			[]string{"x.yaml:6:17: seeds.model[0]: got -1, want a whole number from 0 to 18446744073709551615"}},
		{"ttc without its task", "train:", "ttc: {samples: [0]}\ntrain:", nil, []string{
			"x.yaml:6:6: ttc.task: the models do not learn the task \"addition\": data has another one or a corpus; set data.task to {name: addition}",
			"x.yaml:6:17: ttc.samples[0]: got 0, want 1 to 4096 samples"}},
		{"match", "train:", "match: {by: size, target: 0, tolerance: 60%}\ntrain:", nil, []string{
			`x.yaml:6:13: match.by: got "size", want one of params, active_params, train_flops, state_bytes`,
			"x.yaml:6:27: match.target: got 0, want more than 0",
			"x.yaml:6:41: match.tolerance: got 60%, want at most 50%"}},
		{"duration", "train:", "limits: {call: soon}\ntrain:", nil, []string{`x.yaml:6:16: limits.call: got "soon", want a duration, e.g. 90s, 5m, 1h or a number of seconds`}},
		{"duplicate in a family's config", "- family: bigram", "- {family: bigram, config: {width: 1, width: 2}}", nil,
			[]string{"x.yaml:5:41: models[0].config.width: the key is there twice"}},
		{"not a mapping", "- family: bigram", "- bigram", nil, []string{"x.yaml:5:5: models[0]: got \"bigram\", want a mapping with the keys name, family, plugin, precision, config"}},
		{"sets", "", "", []string{"train.batch=x", "train.btach=2", "nonsense", "models.c.family=x", "models[7].family=x", "name.x=1", "train.batch=", "a..b=1", "seeds=[: ]"}, []string{
			`--set train.batch=x: train.batch: got "x", want a number, e.g. 250, 32K, 1.5M or 2G`,
			`--set train.btach=2: train.btach: unknown key; did you mean "batch"?`,
			"--set nonsense: want path=value, e.g. train.batch=8",
			"--set models.c.family=x: c: no item of that name; there are bigram",
			"--set models[7].family=x: [7]: the list has 1 items, counted from 0",
			"--set name.x=1: the path leads through a plain value",
			"--set train.batch=: the value is empty",
			`--set a..b=1: path "a..b": want keys and indices, e.g. models[0].config.width`,
			"--set seeds=[: ]: the value is not valid YAML"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := small
			if c.old != "" {
				text = strings.Replace(small, c.old, c.new, 1)
				if text == small {
					t.Fatalf("%q is not in the small experiment", c.old)
				}
			}
			_, err := Parse("x.yaml", []byte(text), c.sets)
			ps, ok := IsProblems(err)
			if !ok {
				t.Fatalf("got %v, want problems", err)
			}
			got := map[string]bool{}
			for _, p := range ps {
				got[p.Error()] = true
			}
			for _, w := range c.want {
				if !matches(got, w) {
					t.Errorf("missing: %s", w)
				}
			}
			for g := range got {
				t.Errorf("unexpected: %s", g)
			}
		})
	}
}

// matches takes one of the messages out of got: itself, or one that it begins.
func matches(got map[string]bool, want string) bool {
	for g := range got {
		if g == want || strings.HasPrefix(g, want) {
			delete(got, g)
			return true
		}
	}
	return false
}

func TestEmptyAndHostile(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		p := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+p+", ", 8) + "*" + p + "]\n"
	}
	cases := map[string]string{"": "the file is empty", "# nothing\n": "the file is empty", "[]": "got a list, want a mapping", "a: &a [*a]": "aliases", bomb: "aliases",
		strings.Repeat("[", 3000) + strings.Repeat("]", 3000): "", "\x00": "not valid YAML"}
	for text, want := range cases {
		_, err := Parse("x.yaml", []byte(text), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", text, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"batch", "budget", "learning_rate", "micro_batches"}
	for in, want := range map[string]string{"bacth": "batch", "Batch": "batch", "learning-rate": "learning_rate", "lr": "", "microbatches": "micro_batches", "x": ""} {
		if got, ok := Nearest(in, keys); ok != (want != "") || ok && got != want {
			t.Errorf("nearest(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small, "train.batch=8")
	f.Add(everything, "models[0].config={a: [1, {b: null}]}")
	f.Add("a: &a {b: *a}", "a.b.c=1")
	f.Add(strings.Replace(small, "corpus: gosrc", "task: {name: parity, min_length: 2, every: false, preset: paper}\neval: {lengths: [3, 1K]}", 1), "data.task.length=1e3")
	f.Add("name: {<<: 1}\n---\n", "data=")
	f.Fuzz(func(t *testing.T, text, set string) {
		file, err := Parse("x.yaml", []byte(text), []string{set})
		if err != nil {
			if ps, ok := IsProblems(err); !ok || len(ps) == 0 {
				t.Fatalf("%v is not a list of problems", err)
			}
			return
		}
		out, err := file.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("x.yaml", out, nil)
		if err != nil {
			t.Fatalf("the resolution does not read back: %v\n%s", err, out)
		}
		if out2, err := again.YAML(); err != nil || string(out2) != string(out) {
			t.Fatalf("printed again it differs: %v\n%s\n%s", err, out, out2)
		}
	})
}
