// Package train is the training harness: it takes every model of an experiment through the same steps on the same
// batches, keeps the records, and survives what may happen on the way. It sees families only through core/family and
// knows nothing of processes, files of configuration, or reports.
//
// A run is a list of jobs, one a model and seed, taken one after the other: two models that trained at the same time
// would share the machine's cores and memory bandwidth, and neither's tokens a second would mean anything. Seeds are
// the outer loop, so that a run that is stopped early still holds every model.
//
//	outcome, err := train.Run(ctx, run, jobs, train.Options{Recipe: recipe, Data: data, Evaluate: evaluate})
//
// What one model does (dies, hangs, diverges) ends its own job as a record.Failure and never another's.
package train
