package report

import (
	"math"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/record"
)

// The split adds up over seeds; validation and whatever else a plugin does is its rest.
func TestSplit(t *testing.T) {
	seed := record.Result{PluginSeconds: 10, RPCSeconds: 0.3, HarnessSeconds: 0.75, DataSeconds: 0.5, Phases: record.Phases{Forward: 3, Backward: 5, Update: 1}}
	s := split([]record.Result{seed, seed})
	if want := (Split{6, 10, 2, 2, 0.6, 0.5, 1}); s == nil || *s != want {
		t.Fatalf("got %+v, want %+v", s, want)
	}
	total, names := 0.0, []string{}
	for _, p := range s.parts() {
		total += p.Percent
		names = append(names, p.Op)
	}
	if math.Abs(total-100) > 1e-9 || strings.Join(names, ", ") != "forward, backward, update, other, validation included, RPC, harness, waiting for data" {
		t.Errorf("%v add up to %v %%", names, total)
	}
	if split(nil) != nil || split([]record.Result{{}}) != nil {
		t.Error("a split of nothing")
	}
	// A plugin that does not report phases keeps all of its time as the rest.
	if s := split([]record.Result{{PluginSeconds: 4}}); s == nil || s.Other != 4 || len(s.parts()) != 1 {
		t.Errorf("without phases: %+v", s)
	}
}

func TestUtilisationAndSplitInEveryForm(t *testing.T) {
	rep, err := Build(fixture(t, t.TempDir(), "split", "sum"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := HTML(rep)
	if err != nil {
		t.Fatal(err)
	}
	for form, text := range map[string]string{"HTML": string(page), "Markdown": string(Markdown(rep))} {
		for _, want := range []string{"backward", "56.7 %", "of peak"} { // 17 of 30 seconds
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", form, want)
			}
		}
	}
	if !strings.Contains(string(page), "<td>100G</td><td>2.00G</td>") {
		t.Error("HTML lacks an op's rates")
	}
	found := 0
	for _, c := range tables(rep) {
		if c.name == "time_split" && len(c.lines) == 4 || c.name == "ops" && c.lines[0][5] == "bytes" && c.lines[1][5] == "1.4e+10" {
			found++
		}
	}
	if found != 2 {
		t.Errorf("%d of the tables time_split and ops are complete", found)
	}
}
