package experiment

import (
	"slices"

	"github.com/archlab/archlab/core/data/task"
)

// Suite is what archlab eval measures on trained models; a plain name, or settings beside it.
type Suite struct {
	Name      string  `key:"name" required:"true" enum:"suites" doc:"What to measure; archlab eval --list describes them."`
	Preset    string  `key:"preset" enum:"cpu|paper" doc:"Tasks: a preset in place of the experiment's own settings."`
	Lengths   []int   `key:"lengths" max:"64" unit:"count" doc:"Tasks: values of the setting that measures length; long: tokens a window."`
	Examples  int     `key:"examples" min:"1" max:"1000000" unit:"count" doc:"Tasks: test sequences at each length; 256 when absent."`
	Tokens    int64   `key:"tokens" min:"1" unit:"count" doc:"positions, long: tokens of the test split; 64,000 when absent."`
	File      string  `key:"file" doc:"choice, cloze: the questions, JSON lines. Relative to the experiment file."`
	Delimiter *string `key:"delimiter" doc:"choice: what joins a choice to its context; a space when absent."`
}

// SuiteKind describes a suite that is not a task's.
type SuiteKind struct{ Name, Summary string }

// SuiteKinds are the suites for the run's own data and for text.
var SuiteKinds = []SuiteKind{
	{"task", "the run's own task, as trained"},
	{"lengths", "the run's own task at 1 to 64 times the length of its training"},
	{"positions", "text: bits per byte by position in the training context, on the corpus's test split"},
	{"long", "text: the same beyond the training context, in windows of 8 times its length"},
	{"choice", "text: multiple choice out of a file, in lm-evaluation-harness's JSON lines: acc, acc_norm, acc_bytes, bpb"},
	{"cloze", "text: continuations out of a file: acc of greedy decoding, perplexity, bpb"},
}

// SuiteNames lists all suites: tasks, the publications' suites of tasks, and those of SuiteKinds.
func SuiteNames() []string {
	names := task.Names()
	for _, k := range task.Kinds {
		if !slices.Contains(names, k.Suite) {
			names = append(names, k.Suite)
		}
	}
	for _, s := range SuiteKinds {
		names = append(names, s.Name)
	}
	return names
}
