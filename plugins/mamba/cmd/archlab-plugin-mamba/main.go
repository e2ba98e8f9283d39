// The archlab plugin that serves the mamba family from a process of its own.
package main

import (
	"github.com/archlab/archlab/core/sdk"
	"github.com/archlab/archlab/plugins/mamba"
)

func main() { sdk.Serve(mamba.Family()) }
