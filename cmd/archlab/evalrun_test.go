package main

import (
	"reflect"
	"testing"

	"github.com/archlab/archlab/core/record"
)

// What is kept while checkpoints are still to be measured names them; what is kept at the end does not.
func TestKeptSoFarNamesTheRest(t *testing.T) {
	todo := checkpoints([]record.Model{{Name: "a"}, {Name: "b"}}, []uint64{1, 2})
	x := record.Evaluation{Notes: []string{"first"}}
	if got, want := soFar(x, todo[2:]).Notes, []string{"first", "b seed 1 was not measured yet", "b seed 2 was not measured yet"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(x.Notes) != 1 || len(soFar(x, todo[4:]).Notes) != 1 {
		t.Errorf("the evaluation's own notes became %q", x.Notes)
	}
}
