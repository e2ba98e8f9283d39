package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/sdk/conformance"
)

func ExampleRun() {
	report := conformance.Run(context.Background(), newTiny(rewindToZeroWrong), conformance.Options{
		Only: []string{"decode-steps", "decode-rewind"}, // all checks, usually
	})
	for _, r := range report.Results {
		fmt.Println(r.Status, r.Check+":", r.Meaning)
	}
	fmt.Println("conforms:", report.OK())
	// Output:
	// pass decode-steps: token by token answers what one call answers
	// fail decode-rewind: after Rewind a state answers as if the dropped tokens had never been fed
	// conforms: false
}

func TestReportForms(t *testing.T) {
	opts := conformance.Options{
		Only: []string{"describe", "sensitivity", "causality", "gradient", "loss", "decode-long"},
		Configs: []conformance.Config{{
			Name: "odd", JSON: json.RawMessage(`{"width":4}`),
			Skip:       map[string]string{"gradient": "it is someone else's"},
			Tolerances: map[string]conformance.Tolerance{"loss": {Value: 1, Reason: "wide on purpose"}},
		}},
		Quick: true,
	}
	r := conformance.Run(t.Context(), newTiny(ignoresContext), opts)
	var table, js bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"tiny 1.0.0", "the family\n", "config odd\n", "pass  describe", "skip  gradient", "it is someone else's",
		"fail  sensitivity", "- other tokens at position 4 move later log-probabilities by 0 nats", "tolerance: 0.01:",
		"skip  decode-long", "left out by Quick", "<= 1 ", "does not conform: 3 passed, 1 failed, 2 skipped",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
	if err := r.WriteJSON(&js); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Family                  string
		Passed, Failed, Skipped int
		Results                 []struct {
			Check, Config, Status, Skipped string
			Measured                       any
			Tolerance                      conformance.Tolerance
			Failures                       []string
		}
	}
	if err := json.Unmarshal(js.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Family != "tiny" || got.Passed != 3 || got.Failed != 1 || got.Skipped != 2 || len(got.Results) != 6 {
		t.Errorf("JSON: %+v", got)
	}
	for _, x := range got.Results {
		switch x.Check {
		case "sensitivity": // JSON has no number for infinity
			if x.Status != "fail" || x.Measured != "+Inf" || len(x.Failures) != 1 || x.Config != "odd" {
				t.Errorf("sensitivity: %+v", x)
			}
		case "loss":
			if x.Status != "pass" || x.Tolerance.Reason != "wide on purpose" {
				t.Errorf("loss: %+v", x)
			}
		}
	}
}

// mute is a family that breaks before it can be judged, in one of several ways.
type mute struct {
	family.Family
	describe, build error
	noDecode        bool
}

func (m mute) Describe(ctx context.Context) (family.Description, error) {
	if m.describe != nil {
		return family.Description{}, m.describe
	}
	d, err := m.Family.Describe(ctx)
	if m.noDecode {
		d.Capabilities.Decode, d.Capabilities.DraftHeads = false, false
	}
	return d, err
}

func (m mute) Build(ctx context.Context, req family.BuildRequest) (family.Model, family.Card, error) {
	if m.build != nil {
		return nil, family.Card{}, m.build
	}
	model, card, err := m.Family.Build(ctx, req)
	if m.noDecode && model != nil {
		model = undecoded{model}
	}
	return model, card, err
}

type undecoded struct{ family.Model }

func (undecoded) Open(context.Context, int) ([]family.StateID, error) {
	return nil, family.Errorf(family.Unimplemented, "", "no decoding")
}

func TestFamiliesThatCannotBeJudged(t *testing.T) {
	broken := errors.New("out of order")
	for name, fam := range map[string]family.Family{
		"no description": mute{Family: newTiny(honest), describe: broken},
		"no model":       mute{Family: newTiny(honest), build: broken},
	} {
		r := conformance.Run(t.Context(), fam, conformance.Options{Quick: true})
		if r.OK() || r.Failed == 0 {
			t.Errorf("%s: %d passed, %d failed", name, r.Passed, r.Failed)
		}
		for _, x := range r.Results {
			if x.Status == conformance.Fail && len(x.Failures) == 0 {
				t.Errorf("%s: %s fails without saying why", name, x.Check)
			}
		}
	}
}

func TestFamilyWithoutDecodeConforms(t *testing.T) {
	r := conformance.Run(t.Context(), mute{Family: newTiny(honest), noDecode: true}, conformance.Options{Quick: true})
	if !r.OK() {
		t.Errorf("failed: %v", r.FailedChecks())
	}
	for _, x := range r.Results {
		if strings.HasPrefix(x.Check, "decode-") && x.Status != conformance.Skip {
			t.Errorf("%s: %s, want it skipped", x.Check, x.Status)
		}
	}
	// Announcing nothing and answering all the same is not honest.
	r = conformance.Run(t.Context(), describedBy{mute{Family: newTiny(honest), noDecode: true}, newTiny(honest)}, conformance.Options{Quick: true})
	if got := r.FailedChecks(); len(got) != 1 || got[0] != "capabilities" {
		t.Errorf("failed: %v, want capabilities alone", got)
	}
}

// describedBy builds by one family and describes itself by another.
type describedBy struct {
	description family.Family
	family.Family
}

func (d describedBy) Describe(ctx context.Context) (family.Description, error) {
	return d.description.Describe(ctx)
}
