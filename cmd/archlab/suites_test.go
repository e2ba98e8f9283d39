package main

import (
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The command that measures a suite again means the same suite to eval, and the same words to a shell.
func TestCommandOfASuite(t *testing.T) {
	usual := evalOptions{suite: "positions", examples: defaultExamples, tokens: defaultTokens, delimiter: defaultDelimiter}
	for name, change := range map[string]func(o *evalOptions){
		"as usual":  func(o *evalOptions) {},
		"a task":    func(o *evalOptions) { o.suite, o.preset, o.lengths, o.examples = "needle", "cpu", []int{64, 128}, 3 },
		"positions": func(o *evalOptions) { o.tokens, o.dirs = 100, []string{"my plugins", "b"} },
		"questions": func(o *evalOptions) { o.suite, o.questions, o.delimiter = "choice", "/it's/q $1.jsonl", "" },
	} {
		want := usual
		change(&want)
		args := want.args("runs/a/b")
		words, err := exec.Command("sh", "-c", "printf '%s\\0' "+commandLine(args)).Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSuffix(string(words), "\x00"), "\x00")
		if !slices.Equal(got, args) {
			t.Errorf("%s: a shell reads %q, want %q", name, got, args)
		}
		c := evalCommand()
		if err := c.ParseFlags(args[2:]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f := c.Flags()
		read := evalOptions{}
		read.suite, _ = f.GetString("suite")
		read.preset, _ = f.GetString("preset")
		read.lengths, _ = f.GetIntSlice("lengths")
		read.examples, _ = f.GetInt("examples")
		read.tokens, _ = f.GetInt64("tokens")
		read.questions, _ = f.GetString("file")
		read.delimiter, _ = f.GetString("delimiter")
		read.dirs, _ = f.GetStringArray("plugin-dir")
		if len(read.lengths) == 0 {
			read.lengths = nil
		}
		if len(read.dirs) == 0 {
			read.dirs = nil
		}
		if !reflect.DeepEqual(read, want) {
			t.Errorf("%s: eval reads %+v, want %+v", name, read, want)
		}
		if f.NArg() != 1 || f.Arg(0) != "runs/a/b" {
			t.Errorf("%s: eval measures %q", name, f.Args())
		}
	}
}
