package conformance_test

import (
	"encoding/json"
	"testing"

	"github.com/archlab/archlab/core/sdk/conformance"
)

// configs under which the honest double is judged: plain; with draft heads and an auxiliary loss.
var tinyConfigs = []conformance.Config{
	{
		Name: "plain", JSON: json.RawMessage(`{"width":12,"heads":3,"drafts":1}`),
		Bad: []conformance.BadConfig{{JSON: json.RawMessage(`{"heads":5}`), Field: "heads"}},
	},
	{Name: "auxiliary", JSON: json.RawMessage(`{"width":8,"heads":1,"drafts":2,"aux":0.5,"hidden":9}`), Plain: json.RawMessage(`{"aux":0}`)},
	{Name: "switch", JSON: json.RawMessage(`{"width":12,"act":"switch"}`)}, // jumps, as routed experts have them
}

func TestHonestDoubleConforms(t *testing.T) {
	conformance.Test(t, newTiny(honest), conformance.Options{Configs: tinyConfigs})
}

// Without a plain overlay the slopes are those of the total that Train reports, auxiliary loss included.
func TestGradientOfTotalWithAuxiliaryLoss(t *testing.T) {
	config := conformance.Config{Name: "auxiliary", JSON: json.RawMessage(`{"width":8,"drafts":2,"aux":20e-1}`), Plain: json.RawMessage(`{}`)}
	conformance.Test(t, newTiny(honest), conformance.Options{Configs: []conformance.Config{config}, Only: []string{"gradient", "grad-norm", "clipping"}})
}
