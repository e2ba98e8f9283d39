package tokenizer

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
)

// buildCharsmap is a precompiled_charsmap of rules: a block of 256 units for the children of each node of the trie.
func buildCharsmap(rules map[string]string) []byte {
	var replacements []byte
	units := make([]uint32, 256)
	for i := range units {
		units[i] = 1 << 31 // no byte's label
	}
	type node struct{ at, block uint32 }
	nodes := map[string]node{}
	open := func(at uint32) node {
		n := node{at, uint32(len(units))}
		for range 256 {
			units = append(units, 1<<31)
		}
		units[at] |= (at ^ n.block) << 10
		return n
	}
	units[0] = 0
	nodes[""] = open(0)
	for _, key := range slices.Sorted(maps.Keys(rules)) {
		at := nodes[""]
		for i := range len(key) {
			next, ok := nodes[key[:i+1]]
			if !ok {
				child := at.block ^ uint32(key[i])
				units[child] = uint32(key[i])
				next = open(child)
				nodes[key[:i+1]] = next
			}
			at = next
		}
		units[at.at] |= 1 << 8
		units[at.block] = 1<<31 | uint32(len(replacements))
		replacements = append(append(replacements, rules[key]...), 0)
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		out = binary.LittleEndian.AppendUint32(out, u)
	}
	return append(out, replacements...)
}

func precompile(t testing.TB, rules map[string]string) *precompiled {
	t.Helper()
	p, err := newPrecompiled(buildCharsmap(rules))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func normalized(n normalizer, s string) string {
	var in text
	in.reset([]byte(s), 0, false)
	n.normalize(&in)
	return string(in.b)
}

func TestPrecompiledIsTheReferences(t *testing.T) {
	raw, err := os.ReadFile("testdata/precompiled.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Rules map[string]string
		Cases [][2]string
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	p := precompile(t, golden.Rules)
	if len(golden.Cases) < 1000 {
		t.Fatalf("%d cases", len(golden.Cases))
	}
	wrong := 0
	for _, c := range golden.Cases {
		if got := normalized(p, c[0]); got != c[1] {
			if wrong++; wrong < 20 {
				t.Errorf("%+q: got %+q, the reference %+q", c[0], got, c[1])
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d differ", wrong, len(golden.Cases))
	}
}

func TestPrecompiledKnowsWhereBytesComeFrom(t *testing.T) {
	p := precompile(t, map[string]string{"\u2122": "TM", "e\u0301": "\u00e9", "\u00ad": "", "\u00bd": "1/2", "\ufb01x": "y"})
	for _, c := range []struct {
		in, out string
		from    []span
	}{
		{"a\u2122b", "aTMb", []span{{0, 1}, {1, 4}, {1, 4}, {4, 5}}},
		{"e\u0301!", "\u00e9!", []span{{0, 1}, {0, 1}, {3, 4}}},
		{"a\u00adb", "ab", []span{{0, 1}, {3, 4}}},
		{"\u00bd", "1/2", []span{{0, 2}, {0, 2}, {0, 2}}},
	} {
		var in text
		in.reset([]byte(c.in), 0, true)
		p.normalize(&in)
		if string(in.b) != c.out || !slices.Equal(in.from, c.from) {
			t.Errorf("%q: %q from %v, want %q from %v", c.in, in.b, in.from, c.out, c.from)
		}
	}
}

func TestParseCharsmapRefuses(t *testing.T) {
	good := buildCharsmap(map[string]string{"a": "b"})
	for name, raw := range map[string][]byte{
		"nothing":               nil,
		"no trie":               {0, 0, 0, 0, 1, 2, 3, 4},
		"a trie that is cut":    good[:1000],
		"a trie of 3 bytes":     append([]byte{3, 0, 0, 0}, good[4:]...),
		"a size of 4 gigabytes": append([]byte{0xfc, 0xff, 0xff, 0xff}, good[4:]...),
	} {
		if _, err := parseCharsmap(raw); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := newPrecompiled(append(slices.Clone(good), 0xff)); err == nil {
		t.Error("a replacement that is not UTF-8: no error")
	}
}

func FuzzPrecompiled(f *testing.F) {
	f.Add(buildCharsmap(map[string]string{"a": "b", "ab": "c", "\u00e9": "e"}), []byte("abc\u00e9\u0301\xff"))
	f.Add(buildCharsmap(nil), []byte("a"))
	f.Fuzz(func(t *testing.T, raw, input []byte) {
		if p, err := newPrecompiled(raw); err == nil {
			normalized(p, string(input))
		}
		n, err := newSPNormalizer(spNormalizerSpec{charsmap: raw, addDummyPrefix: true, removeExtraWhitespaces: true}, nil, false)
		if err == nil {
			normalized(n, string(input))
		}
	})
}
