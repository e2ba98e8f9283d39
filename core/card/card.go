package card

import (
	"github.com/archlab/archlab/core/experiment"
)

// Card is a card's file, as read. The tags are those of experiment files.
type Card struct {
	Name       string            `key:"name" required:"true" doc:"Name of the card and of its runs: letters, digits, dots, dashes and underscores."`
	Claim      string            `key:"claim" required:"true" doc:"What the paper claims, in a sentence."`
	Paper      Paper             `key:"paper" required:"true" doc:"Where the claim is made."`
	Setting    string            `key:"setting" required:"true" enum:"faithful|scaled" doc:"faithful: the paper's own setting; scaled: a smaller one, and scaled says in what."`
	Scaled     []string          `key:"scaled" max:"32" doc:"Everything in which the experiment is not the paper's."`
	Experiment experiment.Object `key:"experiment" required:"true" doc:"The experiment, as a file for archlab run would hold it but for its name."`
	Cases      []Case            `key:"cases" max:"32" doc:"Variants of the experiment, one run each; without any the experiment as it is."`
	Checks     []Check           `key:"checks" required:"true" min:"1" max:"64" doc:"What has to hold of the results."`
	Notes      []string          `key:"notes" max:"32" doc:"What was found: why a red card is red, what its curves show."`
	Beside     []string          `key:"beside" max:"12" enum:"params|active_params|state_bytes|train_flops|tokens|seconds|tokens_per_second|loss|loss_at_equal_seconds|accuracy|lengths|learning_rate" doc:"Quantities of every model that are printed beside the checks and judge nothing."`

	doc *experiment.Document
}

// Paper says who claims it.
type Paper struct {
	Cite    string `json:"cite" key:"cite" required:"true" doc:"Authors, year, title."`
	URL     string `json:"url" key:"url" required:"true" doc:"Where it can be read."`
	Where   string `json:"where" key:"where" required:"true" doc:"Section, figure or table."`
	Setting string `json:"setting" key:"setting" required:"true" doc:"The published setting: data, sizes, steps, learning rates."`
	Result  string `json:"result" key:"result" required:"true" doc:"The published result, as numbers where there are numbers."`
}

// Case is one variant of the experiment.
type Case struct {
	Name string   `json:"name" key:"name" required:"true" doc:"In tables and directories."`
	Set  []string `json:"set" key:"set" required:"true" min:"1" max:"64" doc:"Overrides as of --set, path=value each."`
}

// Check is one thing that has to hold. Exactly one of at_least, at_most and near says of what; decided may stand alone or
// beside them.
type Check struct {
	That    string   `key:"that" required:"true" doc:"What is checked, in words."`
	Model   string   `key:"model" required:"true" doc:"A model of the experiment."`
	Over    string   `key:"over" doc:"Another model: what is judged is the difference model - over."`
	Cases   []string `key:"cases" max:"32" doc:"The cases that it is judged in; all when absent."`
	Measure string   `key:"measure" default:"accuracy" enum:"accuracy|sequence_accuracy|loss|bpb" doc:"accuracy: of single targets; sequence_accuracy: of whole sequences; loss: nats a token; bpb: bits per byte of text."`
	Length  int      `key:"length" min:"1" unit:"count" doc:"Judge the test at this one of eval.lengths rather than at the length of training."`
	Split   string   `key:"split" default:"test" enum:"test|validation|heldout" doc:"The split that is scored; heldout: validation and test together."`
	Seeds   string   `key:"seeds" default:"mean" enum:"mean|every" doc:"mean: the mean over seeds has to hold; every: each seed has to."`
	AtLeast *float64 `key:"at_least" doc:"The smallest value that holds."`
	AtMost  *float64 `key:"at_most" doc:"The largest value that holds."`
	Near    *float64 `key:"near" doc:"The expected value, met within a tolerance."`
	Within  *float64 `key:"within" over:"0" doc:"The tolerance of near, absolute."`
	Decided bool     `key:"decided" doc:"The report's paired comparison over seeds and items, corrected for the number of pairs, must find model better than over."`
}
