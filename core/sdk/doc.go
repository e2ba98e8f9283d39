// Package sdk is what the author of a plugin in Go imports: Serve, which turns a family into a plugin's process, and
// Unimplemented, which answers the calls that a family does not have. The checks that judge a family live in
// sdk/conformance. The package does not start plugins (core/host does).
//
// A whole plugin:
//
//	package main
//
//	import (
//		"example.org/mymodel"
//		"github.com/archlab/archlab/core/sdk"
//	)
//
//	func main() { sdk.Serve(mymodel.Family()) }
//
// Built as archlab-plugin-mymodel and put on PATH, it is a family like any other. docs/examples/tiny is one with its model.
package sdk
