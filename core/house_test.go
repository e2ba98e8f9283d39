// Package core_test holds the one rule about the whole house: imports run one way.
package core_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/archlab/archlab/"

// allowed lists, for each room, the rooms that its code may import (tests may import more). A room stands for all
// packages below it; a longer name takes precedence.
var allowed = map[string][]string{
	"core/family":          {},
	"core/kernel":          {},
	"core/safetensors":     {},
	"core/stats":           {},
	"core/engine":          {"core/kernel"},
	"core/nn":              {"core/engine", "core/kernel"},
	"core/model":           {"core/nn", "core/engine", "core/kernel", "core/family", "core/safetensors"},
	"core/wire":            {"core/family"},
	"core/host":            {"core/wire", "core/family"},
	"core/sdk":             {"core/wire", "core/family"},
	"core/sdk/conformance": {"core/family", "core/safetensors"},
	"core/data":            {"core/family"},
	"core/record":          {"core/family"},
	"core/experiment":      {"core/family", "core/data", "core/train"},
	"core/train":           {"core/family", "core/record"},
	"core/eval":            {"core/family", "core/record"},
	"core/ttc":             {"core/family", "core/record", "core/stats"},
	"core/report":          {"core/family", "core/record", "core/stats"},
	"plugins/transformer":  {"core/model", "core/nn", "core/family", "core/sdk", "plugins/internal"},
	"plugins/mamba":        {"core/model", "core/nn", "core/family", "core/sdk", "plugins/internal"},
	"plugins/moe":          {"core/model", "core/nn", "core/family", "core/sdk", "plugins/internal"},
	"plugins/mtp":          {"core/model", "core/nn", "core/family", "core/sdk", "plugins/internal"},
	"plugins/internal":     {"core", "plugins"}, // for the families' tests only
	"cmd/archlab":          {"core", "plugins"},
	"benchmarks":           {"core", "plugins"},
}

// foreign lists who may import a package that is not ours.
var foreign = map[string][]string{
	"gorgonia.org/gorgonia":          {"core/nn", "core/engine", "core/model", "plugins"},
	"gorgonia.org/tensor":            {"core/nn", "core/engine", "core/model", "plugins"},
	"github.com/hashicorp/go-plugin": {"core/wire", "core/host", "core/sdk"},
	"github.com/spf13/cobra":         {"cmd"},
	"gopkg.in/yaml.v3":               {"core/experiment", "cmd"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// room answers the longest name in rooms that holds a package.
func room(pkg string, rooms []string) string {
	best := ""
	for _, r := range rooms {
		if (pkg == r || strings.HasPrefix(pkg, r+"/")) && len(r) > len(best) {
			best = r
		}
	}
	return best
}

func keys(m map[string][]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// violations answers what a package's imports break.
func violations(p listed) []string {
	var out []string
	name := strings.TrimPrefix(p.ImportPath, module)
	if len(p.Imports) == 0 && name == "core" {
		return nil // this test
	}
	from := room(name, keys(allowed))
	if from == "" {
		return []string{name + " is in no room of the house"}
	}
	for _, imp := range p.Imports {
		if ours, ok := strings.CutPrefix(imp, module); ok {
			if to := room(ours, keys(allowed)); to != from && room(ours, allowed[from]) == "" {
				out = append(out, name+" imports "+ours)
			}
			continue
		}
		if lib := room(imp, keys(foreign)); lib != "" && room(name, foreign[lib]) == "" {
			out = append(out, name+" imports "+imp)
		}
	}
	return out
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		for _, v := range violations(p) {
			t.Error(v)
		}
	}
}

func TestTheRuleCanFail(t *testing.T) {
	for name, p := range map[string]listed{
		"core imports a family":          {ImportPath: module + "core/train", Imports: []string{module + "plugins/mamba"}},
		"a family imports another":       {ImportPath: module + "plugins/moe", Imports: []string{module + "plugins/transformer"}},
		"upwards":                        {ImportPath: module + "core/kernel", Imports: []string{module + "core/engine"}},
		"the harness sees the wire":      {ImportPath: module + "core/eval", Imports: []string{module + "core/wire"}},
		"go-plugin outside of its rooms": {ImportPath: module + "core/train", Imports: []string{"github.com/hashicorp/go-plugin"}},
		"Gorgonia in the harness":        {ImportPath: module + "core/data/task", Imports: []string{"gorgonia.org/gorgonia"}},
		"a room nobody planned":          {ImportPath: module + "core/util"},
	} {
		if len(violations(p)) != 1 {
			t.Errorf("%s: got %v, want one violation", name, violations(p))
		}
	}
}

// Built-in families are imported by one file of the command alone.
func TestOneFileKnowsTheFamilies(t *testing.T) {
	files, err := filepath.Glob("../cmd/archlab/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of the command: %v", err)
	}
	for _, f := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range parsed.Imports {
			if strings.HasPrefix(imp.Path.Value, `"`+module+"plugins/") && filepath.Base(f) != "builtin.go" {
				t.Errorf("%s imports %s; only builtin.go may", f, imp.Path.Value)
			}
		}
	}
}
