package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/experiment"
)

func configCommand() *cobra.Command {
	return group("config", "Check and show experiment files", configCheckCommand(), configShowCommand(), configSchemaCommand())
}

func configSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of experiment files, for editors", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(experiment.Schema())
			return err
		},
	}
}

func configCheckCommand() *cobra.Command {
	var opts hostOptions
	var sets []string
	c := &cobra.Command{
		Use: "check FILE", Short: "List everything that is wrong with an experiment, without reading data", Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			file, plan, err := checkExperiment(c, args[0], sets, opts)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: ok: %d models, %d trainings\n", file.Path, len(plan.Models), plan.Trainings)
			return err
		},
	}
	opts.flags(c)
	setFlag(c, &sets)
	return c
}

func configShowCommand() *cobra.Command {
	var opts hostOptions
	var sets []string
	var asJSON bool
	c := &cobra.Command{
		Use: "show FILE", Short: "Print the resolved experiment, the plan and the model cards, without training", Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			file, plan, err := checkExperiment(c, args[0], sets, opts)
			if err != nil {
				return err
			}
			return show(c.OutOrStdout(), file, plan, asJSON)
		},
	}
	opts.flags(c)
	setFlag(c, &sets)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// setFlag adds --set. StringArray, not StringSlice: values may hold commas.
func setFlag(c *cobra.Command, sets *[]string) {
	c.Flags().StringArrayVar(sets, "set", nil, "override a key, e.g. --set train.batch=8 (repeatable)")
}

// checkExperiment reads, checks and plans an experiment with the vocabulary that its file asks for.
func checkExperiment(c *cobra.Command, path string, sets []string, opts hostOptions) (*experiment.File, *experiment.Plan, error) {
	file, err := experiment.Read(path, sets)
	if err != nil {
		return nil, nil, err
	}
	fleet := opts.fleet(file)
	defer fleet.close()
	competitors, err := fleet.competitors(c.Context(), file)
	if err != nil {
		return nil, nil, err
	}
	vocab, err := nominalVocab(file)
	if err != nil {
		return nil, nil, err
	}
	plan, err := file.Plan(c.Context(), competitors, vocab)
	return file, plan, err
}

// show prints an experiment and its plan.
func show(w io.Writer, file *experiment.File, plan *experiment.Plan, asJSON bool) error {
	if asJSON {
		exp, err := file.JSON()
		if err != nil {
			return err
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"experiment": exp, "plan": plan})
	}
	text, err := file.YAML()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n# plan: %d trainings (%d models, %d seeds)\n\n", text, plan.Trainings, len(plan.Models), len(plan.Seeds))
	return showPlan(w, file, plan)
}

// showPlan prints one line a model.
func showPlan(w io.Writer, file *experiment.File, plan *experiment.Plan) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "model\tfamily\tparameters\tactive\tembedding\ttrain FLOPs/token\tstate bytes\tsteps\ttokens\tFLOPs\tweights+optimizer\tmatched\t")
	for _, m := range plan.Models {
		steps, tokens, flops := "by clock", "by clock", "by clock"
		if m.Steps > 0 {
			steps, tokens, flops = fmt.Sprint(m.Steps), short(float64(m.Tokens)), short(m.FLOPs)
		}
		cost, _ := m.Card.Cost(file.Data.Context)
		matched := "-"
		if m.Knob != "" {
			matched = fmt.Sprintf("%s (%.1f%% off)", m.Knob, 100*m.Off)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", m.Name, m.Family, short(float64(m.Card.Parameters)), short(float64(m.Card.ActiveParameters)),
			short(float64(m.Card.Embedding)), short(m.TrainFLOPs), short(float64(cost.StateBytes)), steps, tokens, flops, short(float64(m.Memory))+"B", matched)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, m := range plan.Models {
		fmt.Fprintf(w, "\n# %s: %s\n", m.Name, m.Card.Config)
	}
	return nil
}

// short writes a number with three digits and a suffix.
func short(x float64) string {
	for _, u := range []struct {
		scale float64
		name  string
	}{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "K"}} {
		if x >= u.scale {
			return fmt.Sprintf("%.3g%s", x/u.scale, u.name)
		}
	}
	return fmt.Sprintf("%.3g", x)
}
