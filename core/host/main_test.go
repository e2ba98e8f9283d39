package host

import (
	"fmt"
	"os"
	"testing"
)

// The test binary is the plugin too: TestMain runs one of the acts below in place of the tests when it is told to.

const actEnv = "ARCHLAB_TEST_ACT"

func TestMain(m *testing.M) {
	if act := os.Getenv(actEnv); act != "" {
		f, ok := acts[act]
		if !ok {
			fmt.Fprintf(os.Stderr, "no act %q\n", act)
			os.Exit(99)
		}
		f()
		os.Exit(0)
	}
	os.Exit(m.Run())
}
