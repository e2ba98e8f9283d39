// Package core_test holds the one rule about the whole house: imports run one way.
package core_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/archlab/archlab/"

// allowed lists, for each room, the rooms that its code may import (tests may import more). A room stands for all
// packages below it; a longer name takes precedence, and "=" before a name takes the package alone without what is below it.
var allowed = map[string][]string{
	"core/family":          {},
	"core/kernel":          {},
	"core/safetensors":     {},
	"core/stats":           {},
	"core/spell":           {},
	"core/engine":          {"core/kernel"},
	"core/nn":              {"core/engine", "core/kernel"},
	"core/model":           {"core/nn", "core/engine", "core/kernel", "core/family", "core/safetensors"},
	"core/wire":            {"core/family"},
	"core/host":            {"core/wire", "core/family"},
	"core/sdk":             {"core/wire", "core/family"},
	"core/sdk/conformance": {"core/family", "core/safetensors"},
	"core/data":            {"core/family", "core/data/tokenizer", "core/spell"},
	"core/data/tokenizer":  {},
	"core/record":          {"core/family"},
	"core/experiment":      {"core/family", "core/data", "core/train", "core/spell"},
	"core/train":           {"core/family", "core/record"},
	"core/eval":            {"core/family", "core/record", "core/stats"},
	"core/ttc":             {"core/family", "core/record", "core/stats"},
	"core/tuning":          {"core/record", "core/stats"},
	"core/report":          {"core/family", "core/record", "core/stats", "core/tuning"},
	"core/card":            {"core/experiment", "core/record", "core/report"},
	"core/bench":           {"core/family", "core/kernel"},
	"plugins/transformer":  family,
	"plugins/mamba":        family,
	"plugins/moe":          family,
	"plugins/mtp":          family,
	"plugins/internal":     {"core", "plugins"}, // for the families' tests only
	"docs/examples":        family,
	"cmd/archlab":          {"core", "plugins"},
	"benchmarks":           {"core", "plugins"},
}

// family is what a family's code may import.
var family = []string{"core/model", "core/nn", "core/family", "=core/sdk"}

// foreign lists who may import a package that is not ours.
var foreign = map[string][]string{
	"gorgonia.org":               {"core/nn", "core/engine", "plugins"}, // of plugins, model.go: TestOneFileOfAFamily
	"google.golang.org/grpc":     {"core/wire", "core/host", "=core/sdk"},
	"google.golang.org/protobuf": {"core/wire", "core/host", "=core/sdk", "core/data/tokenizer"},
	"github.com/golang/protobuf": {},
	"github.com/hashicorp":       {"core/wire", "core/host", "=core/sdk"},
	"github.com/spf13/cobra":     {"cmd"},
	"gopkg.in/yaml.v3":           {"core/experiment", "cmd"},
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

// among says whether one of rooms holds a package.
func among(pkg string, rooms []string) bool {
	return slices.Contains(rooms, "="+pkg) || room(pkg, rooms) != ""
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
			if to := room(ours, keys(allowed)); to != from && !among(ours, allowed[from]) {
				out = append(out, name+" imports "+ours)
			}
			continue
		}
		if lib := room(imp, keys(foreign)); lib != "" && !among(name, foreign[lib]) {
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
		"a logger of go-plugin in eval":  {ImportPath: module + "core/eval", Imports: []string{"github.com/hashicorp/go-hclog"}},
		"go-plugin outside of its rooms": {ImportPath: module + "core/train", Imports: []string{"github.com/hashicorp/go-plugin"}},
		"Gorgonia in the harness":        {ImportPath: module + "core/data/task", Imports: []string{"gorgonia.org/gorgonia"}},
		"gRPC in the harness":            {ImportPath: module + "core/eval", Imports: []string{"google.golang.org/grpc"}},
		"a status of gRPC in a family":   {ImportPath: module + "plugins/moe", Imports: []string{"google.golang.org/grpc/status"}},
		"protobuf in the records":        {ImportPath: module + "core/record", Imports: []string{"google.golang.org/protobuf/proto"}},
		"gRPC in the suite":              {ImportPath: module + "core/sdk/conformance", Imports: []string{"google.golang.org/grpc/codes"}},
		"old protobuf anywhere":          {ImportPath: module + "core/wire", Imports: []string{"github.com/golang/protobuf/proto"}},
		"a family judges itself":         {ImportPath: module + "plugins/mamba", Imports: []string{module + "core/sdk/conformance"}},
		"a plugin judges itself":         {ImportPath: module + "plugins/mamba/cmd/archlab-plugin-mamba", Imports: []string{module + "core/sdk/conformance"}},
		"a family runs what tests share": {ImportPath: module + "plugins/mtp", Imports: []string{module + "plugins/internal/familytest"}},
		"a family reaches below nn":      {ImportPath: module + "plugins/mtp", Imports: []string{module + "core/engine"}},
		"a part of Gorgonia in the host": {ImportPath: module + "core/host", Imports: []string{"gorgonia.org/vecf32"}},
		"an example with the engine":     {ImportPath: module + "docs/examples/tiny", Imports: []string{module + "core/engine"}},
		"an example with Gorgonia":       {ImportPath: module + "docs/examples/tiny", Imports: []string{"gorgonia.org/gorgonia"}},
		"a room nobody planned":          {ImportPath: module + "core/util"},
	} {
		if len(violations(p)) != 1 {
			t.Errorf("%s: got %v, want one violation", name, violations(p))
		}
	}
}

// strays answers the files of a family's code, by path below plugins/, that import Gorgonia and are not its model.go.
func strays(files map[string][]string) []string {
	var out []string
	for path, imports := range files {
		dir, base := filepath.Split(filepath.ToSlash(path))
		model := base == "model.go" && strings.Count(dir, "/") == 1
		if model || strings.HasSuffix(base, "_test.go") {
			continue
		}
		for _, imp := range imports {
			if room(imp, []string{"gorgonia.org"}) != "" {
				out = append(out, path+" imports "+imp+"; only a family's model.go may")
			}
		}
	}
	slices.Sort(out)
	return out
}

// A family's graph is in one file, so that nobody has to look for it.
func TestOneFileOfAFamily(t *testing.T) {
	files := map[string][]string{}
	err := filepath.WalkDir("../plugins", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		rel, err := filepath.Rel("../plugins", path)
		if err != nil {
			return err
		}
		files[rel], err = imports(path)
		return err
	})
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files of families: %v", len(files), err)
	}
	for _, s := range strays(files) {
		t.Error(s)
	}
	gorgonia, tensor := []string{"fmt", "gorgonia.org/gorgonia"}, []string{"gorgonia.org/tensor"}
	for path, c := range map[string]struct {
		imports []string
		strays  int
	}{
		"moe/model.go":                    {gorgonia, 0},
		"moe/config.go":                   {gorgonia, 1},
		"moe/cost.go":                     {tensor, 1},
		"moe/cmd/archlab-plugin-moe/x.go": {gorgonia, 1},
		"moe/cmd/model.go":                {gorgonia, 1},
		"internal/familytest/curve.go":    {tensor, 1},
		"moe/model_test.go":               {gorgonia, 0},
		"moe/other.go":                    {[]string{"fmt"}, 0},
	} {
		if got := strays(map[string][]string{path: c.imports}); len(got) != c.strays {
			t.Errorf("%s with %v: got %v, want %d strays", path, c.imports, got, c.strays)
		}
	}
}

// imports answers what a file imports.
func imports(path string) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, imp := range parsed.Imports {
		out = append(out, strings.Trim(imp.Path.Value, "`\""))
	}
	return out, nil
}

// Built-in families are imported by one file of the command alone.
func TestOneFileKnowsTheFamilies(t *testing.T) {
	files, err := filepath.Glob("../cmd/archlab/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of the command: %v", err)
	}
	for _, f := range files {
		list, err := imports(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range list {
			if strings.HasPrefix(imp, module+"plugins/") && filepath.Base(f) != "builtin.go" {
				t.Errorf("%s imports %s; only builtin.go may", f, imp)
			}
		}
	}
}
