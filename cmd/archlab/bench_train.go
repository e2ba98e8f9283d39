package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/bench"
	"github.com/archlab/archlab/core/family"
)

// benchTrain is the command line of bench train.
type benchTrain struct {
	hostOptions
	benchOutput
	families              []string
	preset, config        string
	vocab, batch, context int
	precision             string
	threads, steps        int
	recompute             bool
}

// benchShape is a size at which families are compared, and each built-in's config of about as many active parameters.
type benchShape struct {
	vocab, batch, context int
	configs               map[string]string
}

// benchShapes: b is a narrow GPT-2 where arithmetic rules, c a narrower one where everything around it does.
var benchShapes = map[string]benchShape{
	"b": {4096, 8, 256, map[string]string{
		"transformer": `{"preset":"gpt2","layers":4,"width":256,"heads":4}`,
		"mamba":       `{"layers":7,"width":256}`,
		"moe":         `{"layers":4,"width":256,"heads":4}`,
		"mtp":         `{"layers":4,"width":256,"heads":4,"extra":3}`,
	}},
	"c": {512, 16, 256, map[string]string{
		"transformer": `{"preset":"gpt2","layers":4,"width":128,"heads":4}`,
		"mamba":       `{"layers":7,"width":128}`,
		"moe":         `{"layers":4,"width":128,"heads":4}`,
		"mtp":         `{"layers":4,"width":128,"heads":4,"extra":3}`,
	}},
}

func benchTrainCommand() *cobra.Command {
	var o benchTrain
	c := &cobra.Command{
		Use: "train", Short: "Measure training steps of families: tokens a second, utilisation, and where the time goes", Args: exactly(),
		Long: "train runs each family in its plugin process, in turns, and holds what it reaches against limits measured in the same run.\n" +
			"Utilisation is that of the model's own FLOPs (by the card) over the FP32 peak of a loop on registers.",
		Example: "  archlab bench train\n  archlab bench train --family transformer --family mamba --preset c\n" +
			"  archlab bench train --family transformer --config '{\"layers\":2,\"width\":512}' --context 1024 --batch 2",
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	o.hostOptions.flags(c)
	o.benchOutput.flags(c)
	f := c.Flags()
	f.StringArrayVar(&o.families, "family", nil, "family to measure (repeatable; default: all built-ins)")
	f.StringVar(&o.preset, "preset", "b", "shape: b (vocabulary 4096, width 256, 8 x 256 tokens) or c (512, 128, 16 x 256)")
	f.StringVar(&o.config, "config", "", "the family's config as JSON, instead of the preset's")
	f.IntVar(&o.vocab, "vocab", 0, "vocabulary (0: the preset's)")
	f.IntVar(&o.batch, "batch", 0, "sequences of a step (0: the preset's)")
	f.IntVar(&o.context, "context", 0, "tokens of a sequence (0: the preset's)")
	f.StringVar(&o.precision, "precision", string(family.FP32), "precision of the models")
	f.IntVar(&o.threads, "threads", 0, "threads of a plugin (0: all cores)")
	f.BoolVar(&o.recompute, "recompute", false, "measure each family a second time with what is inside of blocks computed again in the backward pass")
	f.IntVar(&o.steps, "steps", 7, "steps that are timed")
	return c
}

func (o *benchTrain) run(c *cobra.Command) error {
	loads, err := o.workloads()
	if err != nil {
		return err
	}
	f, err := o.fleet(nil)
	if err != nil {
		return err
	}
	defer f.close()
	m, list, err := o.measure(c.Context(), f, loads)
	if err != nil {
		return interrupted(c.Context(), err)
	}
	return o.write(c.OutOrStdout(), bench.Report{Machine: m, Trainings: list}, func(w io.Writer) error { return bench.WriteTrainings(w, m, list) })
}

// workloads turns the command line into what is measured.
func (o *benchTrain) workloads() ([]bench.Workload, error) {
	shape, ok := benchShapes[o.preset]
	if !ok {
		return nil, usageError{fmt.Sprintf("--preset: got %q, want b or c", o.preset), ""}
	}
	if o.config != "" && !json.Valid([]byte(o.config)) {
		return nil, usageError{"--config: not valid JSON", `for example --config '{"layers":2}'`}
	}
	if o.steps < 1 {
		return nil, usageError{fmt.Sprintf("--steps: got %d, want at least 1", o.steps), ""}
	}
	for _, x := range []struct {
		name     string
		value    int
		standard *int
	}{{"vocab", o.vocab, &shape.vocab}, {"batch", o.batch, &shape.batch}, {"context", o.context, &shape.context}} {
		if x.value < 0 {
			return nil, usageError{fmt.Sprintf("--%s: got %d, want at least 1", x.name, x.value), ""}
		}
		if x.value > 0 {
			*x.standard = x.value
		}
	}
	threads, err := threadCount(o.threads)
	if err != nil {
		return nil, err
	}
	names := o.families
	if len(names) == 0 {
		for name := range shape.configs {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	var out []bench.Workload
	for _, name := range names {
		config := shape.configs[name]
		if o.config != "" {
			config = o.config
		}
		if config == "" {
			config = "{}"
		}
		w := bench.Workload{
			Name: name, Family: name, Config: json.RawMessage(config), Precision: family.Precision(o.precision),
			Vocab: shape.vocab, Batch: shape.batch, Context: shape.context, Threads: threads,
		}
		out = append(out, w)
		if o.recompute {
			w.Name, w.Recompute = name+" recomputed", family.RecomputeBlock
			out = append(out, w)
		}
	}
	return out, nil
}

// measure takes the machine's limits and then the steps of all models in turns, and the limits once more: what is shown is
// the better of both, so that a slow start does not flatter the models.
func (o *benchTrain) measure(ctx context.Context, f *fleet, loads []bench.Workload) (*bench.Machine, []*bench.Training, error) {
	sessions := make([]bench.Session, len(loads)) // first, so that what is wrong with a config shows at once
	for i, w := range loads {
		var err error
		if sessions[i], err = f.benchSession(ctx, w); err != nil {
			return nil, nil, err
		}
	}
	limits := bench.MachineOptions{CPU: cpuName(), Threads: loads[0].Threads, Rounds: 5}
	m, err := bench.MeasureMachine(ctx, limits)
	if err != nil {
		return nil, nil, err
	}
	var trials []*bench.Trial
	for i, w := range loads {
		t, err := bench.NewTrial(ctx, w, sessions[i])
		if err != nil {
			return nil, nil, err
		}
		trials = append(trials, t)
	}
	show := progress(os.Stderr, "training")
	for i := range o.steps {
		for _, t := range trials {
			if err := t.Run(ctx, 1); err != nil {
				return nil, nil, err
			}
		}
		if show != nil {
			show(float64(i+1) / float64(o.steps))
		}
	}
	again, err := bench.MeasureMachine(ctx, limits)
	if err != nil {
		return nil, nil, err
	}
	m.TakeBetter(again)
	var list []*bench.Training
	for _, t := range trials {
		r, err := t.Result(ctx, m)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, r)
	}
	return m, list, nil
}

// benchSession launches a workload's family and builds its model.
func (f *fleet) benchSession(ctx context.Context, w bench.Workload) (bench.Session, error) {
	p, err := f.host.Launch(ctx, w.Family)
	if err != nil {
		return bench.Session{}, missing(err, w.Family, f.host)
	}
	m, card, err := p.Family().Build(ctx, w.BuildRequest())
	if err != nil {
		_ = p.Close()
		return bench.Session{}, fmt.Errorf("%s: %w", w.Name, err)
	}
	return bench.Session{Model: m, Card: card, PeakRSS: p.PeakRSS}, nil
}
