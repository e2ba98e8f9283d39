package record

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// event is what TensorBoard would see.
type event struct {
	wall    float64
	step    uint64
	version string
	values  map[string]float32
}

// bitwiseCRC is CRC-32C straight from its definition: reflected polynomial 0x82F63B78, all ones before and after.
func bitwiseCRC(data []byte) uint32 {
	c := ^uint32(0)
	for _, b := range data {
		c ^= uint32(b)
		for range 8 {
			c = c>>1 ^ 0x82F63B78&-(c&1)
		}
	}
	return ^c
}

func mask(c uint32) uint32 { return (c>>15 | c<<17) + 0xa282ead8 }

// parseEvents reads TFRecords and the protobufs in them by other means than the writer's.
func parseEvents(t *testing.T, data []byte) []event {
	t.Helper()
	var out []event
	for len(data) > 0 {
		if len(data) < 12 || binary.LittleEndian.Uint32(data[8:]) != mask(bitwiseCRC(data[:8])) {
			t.Fatalf("event %d: the length's checksum is wrong", len(out))
		}
		n := binary.LittleEndian.Uint64(data)
		body := data[12 : 12+n]
		if binary.LittleEndian.Uint32(data[12+n:]) != mask(bitwiseCRC(body)) {
			t.Fatalf("event %d: the data's checksum is wrong", len(out))
		}
		out = append(out, parseEvent(t, body))
		data = data[16+n:]
	}
	return out
}

func parseEvent(t *testing.T, b []byte) event {
	t.Helper()
	e := event{values: map[string]float32{}}
	fields(t, b, func(num protowire.Number, v uint64, bytes []byte) {
		switch num {
		case 1:
			e.wall = math.Float64frombits(v)
		case 2:
			e.step = v
		case 3:
			e.version = string(bytes)
		case 5:
			fields(t, bytes, func(_ protowire.Number, _ uint64, value []byte) {
				var tag string
				fields(t, value, func(num protowire.Number, v uint64, bytes []byte) {
					if num == 1 {
						tag = string(bytes)
					} else {
						e.values[tag] = math.Float32frombits(uint32(v))
					}
				})
			})
		}
	})
	return e
}

// fields walks a message.
func fields(t *testing.T, b []byte, each func(num protowire.Number, v uint64, bytes []byte)) {
	t.Helper()
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		var v uint64
		var bytes []byte
		switch typ {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			v, n = protowire.ConsumeFixed64(b)
		case protowire.Fixed32Type:
			var w uint32
			w, n = protowire.ConsumeFixed32(b)
			v = uint64(w)
		default:
			bytes, n = protowire.ConsumeBytes(b)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		each(num, v, bytes)
	}
}

func TestScalars(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	s, err := OpenScalars(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1234, 500_000_000)
	var keep int64
	for step := range 300 {
		if err := s.Add(step, at, map[string]float64{"train/loss": 1 / float64(step+1), "b": math.Inf(1)}); err != nil {
			t.Fatal(err)
		}
		if step == 199 {
			if keep, err = s.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = s.Close()
	read := func() []event {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return parseEvents(t, data)
	}
	events := read()
	if len(events) != 301 || events[0].version != "brain.Event:2" {
		t.Fatalf("%d events, the first is %+v", len(events), events[0])
	}
	want := event{wall: 1234.5, step: 299, values: map[string]float32{"train/loss": 1.0 / 300, "b": float32(math.Inf(1))}}
	if got := events[300]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// A torn frame goes, and so does what came after a checkpoint.
	if err := os.Truncate(path, keep+10); err != nil {
		t.Fatal(err)
	}
	for _, k := range []int64{-1, keep, keep + 1000} {
		if s, err = OpenScalars(path, k); err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		if events = read(); len(events) != 201 || events[200].step != 199 {
			t.Errorf("keep %d: %d events remain", k, len(events))
		}
	}
}
