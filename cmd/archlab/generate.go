package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/ttc"
)

// generateOptions is the command line of generate.
type generateOptions struct {
	hostOptions
	model       string
	modelSeed   uint64
	prompt      string
	tokens      int
	temperature float64
	topK        int
	seed        uint64
}

func generateCommand() *cobra.Command {
	var o generateOptions
	c := &cobra.Command{
		Use: "generate RUN", Short: "Stream a sample from a trained model of a run", Args: exactly("RUN"),
		Example: "  archlab generate runs/quickstart/20260102-150405 --model transformer --prompt 'func main() {'",
		RunE: func(c *cobra.Command, args []string) error {
			return interrupted(c.Context(), o.generate(c.Context(), args[0], c.OutOrStdout()))
		},
	}
	o.flags(c)
	f := c.Flags()
	f.StringVar(&o.model, "model", "", "name of the model (required where the run has several)")
	f.Uint64Var(&o.modelSeed, "model-seed", 0, "which of the model's seeds (default: the first)")
	f.StringVar(&o.prompt, "prompt", "", "text to continue")
	f.IntVar(&o.tokens, "tokens", 200, "tokens to generate at most")
	f.Float64Var(&o.temperature, "temperature", 0.8, "0 takes the likeliest token each time")
	f.IntVar(&o.topK, "top-k", 0, "draw from the k likeliest tokens; 0: from all")
	f.Uint64Var(&o.seed, "seed", 1, "of sampling")
	return c
}

// check refuses what no model could do.
func (o *generateOptions) check() error {
	switch {
	case o.tokens < 1:
		return usageError{fmt.Sprintf("--tokens: got %d, want at least 1", o.tokens), ""}
	case !(o.temperature >= 0 && o.temperature <= 100):
		return usageError{fmt.Sprintf("--temperature: got %v, want 0 to 100", o.temperature), ""}
	case o.topK < 0:
		return usageError{fmt.Sprintf("--top-k: got %d, want at least 0", o.topK), ""}
	}
	return nil
}

func (o *generateOptions) generate(ctx context.Context, dir string, stdout io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	r, file, err := openRun(dir)
	if err != nil {
		return err
	}
	m, seed, err := o.choose(r)
	if err != nil {
		return err
	}
	if file.Data.Task != nil && !isTextTask(file.Data.Task) {
		return fmt.Errorf("the run's task %s has tokens without a text", file.Data.Task.Name)
	}
	tok, err := loadTokenizer(r)
	if err != nil {
		return err
	}
	fleet, err := o.fleet(file)
	if err != nil {
		return err
	}
	defer fleet.close()
	ckpt, err := pick(r, m.Name, seed, newestCheckpoint)
	if err != nil {
		return err
	}
	s, err := fleet.trained(ctx, ckpt, file, m, seed, tok.Fingerprint(), file.Longest(eval.DecodeSteps))
	if err != nil {
		return err
	}
	defer s.Close()
	prompt := data.PromptTokens(tok, []byte(o.prompt))
	out := newTextStream(stdout, tok, prompt)
	if _, err := io.WriteString(stdout, o.prompt); err != nil {
		return err
	}
	_, err = ttc.Generate(ctx, s.Model, prompt, ttc.Sampling{Temperature: o.temperature, TopK: min(o.topK, tok.Vocab()),
		MaxTokens: o.tokens, Stop: tok.EOD(), Seed: o.seed}, out.token)
	if e := out.flush(); err == nil {
		err = e
	}
	return err
}

// choose answers the model and seed that the command line names.
func (o *generateOptions) choose(r *record.Reader) (record.Model, uint64, error) {
	var names []string
	var found *record.Model
	for i, m := range r.Manifest.Models {
		if m.Control {
			continue
		}
		names = append(names, m.Name)
		if m.Name == o.model || o.model == "" {
			found = &r.Manifest.Models[i]
		}
	}
	list := "models: " + strings.Join(names, ", ")
	switch {
	case o.model == "" && len(names) > 1:
		return record.Model{}, 0, usageError{"missing --model: the run has several", list}
	case found == nil:
		if near, ok := experiment.Nearest(o.model, names); ok {
			list = fmt.Sprintf("did you mean %q?", near)
		}
		return record.Model{}, 0, usageError{fmt.Sprintf("the run has no model %q", o.model), list}
	}
	seed := o.modelSeed
	if seed == 0 {
		seed = r.Manifest.Seeds[0]
	}
	if !slices.Contains(r.Manifest.Seeds, seed) {
		return record.Model{}, 0, usageError{fmt.Sprintf("the run has no model seed %d", seed), fmt.Sprintf("seeds: %v", r.Manifest.Seeds)}
	}
	return *found, seed, nil
}
