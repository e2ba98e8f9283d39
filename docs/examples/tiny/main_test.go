package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/host"
	"github.com/archlab/archlab/core/sdk/conformance"
)

// The plugin conforms as its readers would find it: built, started as a process, and judged over the wire.
func TestConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archlab-plugin-tiny")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	h := host.New(host.Options{})
	defer h.Close()
	p, err := h.Launch(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	conformance.Test(t, p.Family(), conformance.Options{})
}

// README.md shows this very program.
func TestReadme(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := shows(string(readme), string(program)); err != "" {
		t.Error(err)
	}
}

// shows says what is wrong with the block of Go in a page that should hold a program less its comment.
func shows(page, program string) string {
	_, block, ok := strings.Cut(page, "```go\n")
	block, _, closed := strings.Cut(block, "```\n")
	if !ok || !closed {
		return "the page has no block of Go"
	}
	_, code, _ := strings.Cut(program, "\npackage main\n")
	want, got := strings.Split("package main\n"+code, "\n"), strings.Split(block, "\n")
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(want):
			return "the page goes on with: " + got[i]
		case i >= len(got):
			return "the page lacks: " + want[i]
		case want[i] != got[i]:
			return "the page has: " + got[i] + "\nthe program has: " + want[i]
		}
	}
	return ""
}

func TestShows(t *testing.T) {
	const program = "// A comment.\npackage main\n\nfunc main() {}\n"
	for name, c := range map[string]struct {
		page string
		ok   bool
	}{
		"the same":    {"text\n```go\npackage main\n\nfunc main() {}\n```\n", true},
		"no block":    {"text\n", false},
		"not closed":  {"```go\npackage main\n\nfunc main() {}\n", false},
		"other words": {"```go\npackage main\n\nfunc main() { f() }\n```\n", false},
		"shorter":     {"```go\npackage main\n```\n", false},
		"longer":      {"```go\npackage main\n\nfunc main() {}\n\nfunc f() {}\n```\n", false},
	} {
		if got := shows(c.page, program); (got == "") != c.ok {
			t.Errorf("%s: %q", name, got)
		}
	}
}
