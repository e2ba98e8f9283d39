// The archlab plugin that serves the mtp family from a process of its own.
package main

import (
	"github.com/archlab/archlab/core/sdk"
	"github.com/archlab/archlab/plugins/mtp"
)

func main() { sdk.Serve(mtp.Family()) }
