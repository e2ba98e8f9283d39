// The archlab plugin that serves the moe family from a process of its own.
package main

import (
	"github.com/archlab/archlab/core/sdk"
	"github.com/archlab/archlab/plugins/moe"
)

func main() { sdk.Serve(moe.Family()) }
