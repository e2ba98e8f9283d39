// Command archlab-plugin-transformer serves the transformer family as a plugin of its own.
package main

import (
	"github.com/archlab/archlab/core/sdk"
	"github.com/archlab/archlab/plugins/transformer"
)

func main() { sdk.Serve(transformer.Family()) }
