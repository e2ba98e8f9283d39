package main

import (
	"sort"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/plugins/mamba"
	"github.com/archlab/archlab/plugins/moe"
	"github.com/archlab/archlab/plugins/mtp"
	"github.com/archlab/archlab/plugins/transformer"
)

// builtins are the families inside this binary. Each is served by a process of its own, as any other plugin is.
var builtins = map[string]func() family.Family{
	"mamba":       mamba.Family,
	"moe":         moe.Family,
	"mtp":         mtp.Family,
	"transformer": transformer.Family,
}

// builtinNames lists them in order.
func builtinNames() []string {
	names := make([]string, 0, len(builtins))
	for n := range builtins {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
