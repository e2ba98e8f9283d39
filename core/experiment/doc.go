// Package experiment reads experiment files: strict YAML, checked to the last key, resolved to one value a setting, and
// planned: which models of which size are trained for how many steps on how many seeds. It starts no process and reads
// no data.
//
//	exp, err := experiment.Read("configs/quickstart.yaml", experiment.Set("train.batch=8"))
//
// One description drives everything: the struct tags in config.go say each key's default, range and meaning. The
// decoder, the JSON Schema and the printed resolution are made from them, so that they cannot disagree.
//
// Errors are a Problems value: all that is wrong with a file at once, each with line, column, key path, what was
// expected, and the nearest key where one was misspelt.
package experiment
