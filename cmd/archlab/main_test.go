package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/archlab/archlab/core/train/traintest"
)

// TestMain makes this binary archlab itself with one family more, so that the host's re-execution of the running binary
// serves it in a real plugin process.
func TestMain(m *testing.M) {
	builtins["bigram"] = traintest.Bigram
	testscript.Main(m, map[string]func(){"archlab": func() { os.Exit(execute(os.Args[1:])) }})
}

func TestScripts(t *testing.T) {
	configs, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(e *testscript.Env) error {
		e.Setenv("ARCHLAB_CACHE_DIR", filepath.Join(e.WorkDir, "cache"))
		e.Setenv("CONFIGS", configs)
		return nil
	}})
}
