package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/sdk"
)

// servePluginCommand is how the host runs a built-in: this binary again, as the plugin.
func servePluginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve-plugin NAME", Short: "Serve a built-in family (run by archlab itself)", Hidden: true, Args: exactly("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			fam, ok := builtins[args[0]]
			if !ok {
				return usageError{fmt.Sprintf("no built-in family %q", args[0]), "built-ins: " + strings.Join(builtinNames(), ", ")}
			}
			sdk.Serve(fam())
			return nil
		},
	}
}
