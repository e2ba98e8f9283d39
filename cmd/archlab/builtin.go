package main

import (
	"sort"

	"github.com/archlab/archlab/core/family"
)

// builtins are the families inside this binary. Each is served by a process of its own, as any other plugin is.
var builtins = map[string]func() family.Family{}

// builtinNames lists them in order.
func builtinNames() []string {
	names := make([]string, 0, len(builtins))
	for n := range builtins {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
