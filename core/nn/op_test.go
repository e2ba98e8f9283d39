package nn

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"testing"

	"gorgonia.org/tensor"
)

// Two ops that differ in their kind's type or in any field have different hashes: Gorgonia merges nodes by them.
func TestHashCoversEveryField(t *testing.T) {
	kinds := []Kind{
		embedding{}, embeddingGrad{}, positions{}, positionsGrad{}, shift{},
		linear{}, linearDX{}, linearDW{}, columnSums{},
		rmsNorm{}, rmsNormGrad{}, layerNorm{}, layerNormGrad{}, headNorm{}, headNormGrad{},
		activation{}, activationGrad{}, swiGLU{}, swiGLUGrad{}, gateSiLU{}, gateSiLUGrad{},
		add{}, mul{}, scale{}, columns{}, columnsGrad{}, concat{}, rotary{},
		attention{}, attentionGrad{}, causalConv{}, causalConvGrad{},
		loss{}, score{}, logits{}, scalarMul{}, scalarScaled{},
	}
	seen := map[uint32]string{}
	note := func(k Kind, what string) {
		o := &op{kind: k}
		if other, ok := seen[o.Hashcode()]; ok {
			t.Errorf("%s has the hash of %s", what, other)
		}
		seen[o.Hashcode()] = what
	}
	for _, k := range kinds {
		note(k, fmt.Sprintf("%T", k))
		vary(t, reflect.TypeOf(k), func(v reflect.Value, field string) {
			note(v.Interface().(Kind), fmt.Sprintf("%T with another %s", k, field))
		})
	}
}

// vary calls f with a value of the struct type for each of its fields, that field being not zero.
func vary(t *testing.T, typ reflect.Type, f func(v reflect.Value, field string)) {
	for i := range typ.NumField() {
		v := reflect.New(typ).Elem()
		x := v.Field(i)
		switch x.Kind() {
		case reflect.Int:
			x.SetInt(7)
		case reflect.Float32, reflect.Float64:
			x.SetFloat(0.1)
		case reflect.Bool:
			x.SetBool(true)
		case reflect.String:
			x.SetString("seven")
		case reflect.Slice:
			x.Set(reflect.MakeSlice(x.Type(), 1, 1))
		case reflect.Struct:
			vary(t, x.Type(), func(inner reflect.Value, field string) {
				x.Set(inner)
				f(v, typ.Field(i).Name+"."+field)
			})
			continue
		default:
			t.Fatalf("%v has a field %s of kind %v, which does not hash by value", typ, typ.Field(i).Name, x.Kind())
		}
		f(v, typ.Field(i).Name)
	}
}

// Gorgonia merges two nodes of one op whose inputs' 32-bit hashes agree; Apply must not let it.
func TestHashCollision(t *testing.T) {
	const d = 3
	a, b := collidingNames(t, tensor.Shape{1, d})
	g := NewGraph(1, Training)
	x, y := g.Param(a, Constant(0), 1, d), g.Param(b, Constant(0), 1, d)
	if x == y || x.Hashcode() != y.Hashcode() {
		t.Fatalf("%s and %s: want two parameters with one hash, have %x and %x", a, b, x.Hashcode(), y.Hashcode())
	}
	if p, q := GELU(x), GELU(y); p == q || p.Graph().From(q.ID()).Len() != 1 {
		t.Error("two ops on different inputs became one node")
	}
	if first, again := GELU(x), GELU(x); first != again {
		t.Error("one op on one input became two nodes")
	}
}

// collidingNames finds two names whose input nodes have the same hash.
func collidingNames(t *testing.T, shape tensor.Shape) (string, string) {
	t.Helper()
	typ := signature(tensor.Float32, shape)
	seen := map[uint32]string{}
	for i := range 1 << 20 {
		name := fmt.Sprint("p", i)
		h := fnv.New32a()
		fmt.Fprintf(h, "%v%v%s\x00", typ, shape, name) // as gorgonia.Node.WriteHash
		if other, ok := seen[h.Sum32()]; ok {
			return other, name
		}
		seen[h.Sum32()] = name
	}
	t.Fatal("no two names collide")
	return "", ""
}
