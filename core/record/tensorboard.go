package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"sort"
	"time"
)

// Scalars writes a TensorBoard event file: TFRecord frames (length, masked CRC32C of the length, data, masked CRC32C of
// the data) that each hold one tensorflow.Event message with scalar summaries. Formats: tensorflow/core/lib/io/record_writer.h
// and tensorflow/core/util/event.proto.
type Scalars struct {
	f    *os.File
	path string
	size int64
}

// OpenScalars opens an event file for appending. With keep >= 0 the file is cut to keep bytes, as OpenLog does; a new
// file starts with the version event that readers ask for.
func OpenScalars(path string, keep int64) (*Scalars, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open event file: %w", err)
	}
	s := &Scalars{f: f, path: path}
	st, err := f.Stat()
	if err == nil {
		s.size = st.Size()
		if keep >= 0 && keep <= s.size {
			s.size = keep
		} else {
			s.size = wholeFrames(f, s.size)
		}
		err = truncate(f, s.size)
	}
	if err == nil && s.size == 0 {
		// Event{wall_time=1, file_version=3}
		event := appendDouble(nil, 1, 0)
		err = s.frame(appendBytes(event, 3, []byte("brain.Event:2")))
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open event file %s: %w", path, err)
	}
	return s, nil
}

// Add writes the values at one step. Values that are not finite are written as they are: TensorBoard shows them.
func (s *Scalars) Add(step int, at time.Time, values map[string]float64) error {
	tags := make([]string, 0, len(values))
	for tag := range values {
		tags = append(tags, tag)
	}
	sort.Strings(tags)
	var summary []byte
	for _, tag := range tags {
		// Summary.Value{tag=1, simple_value=2}
		value := appendBytes(nil, 1, []byte(tag))
		value = append(value, 2<<3|5)
		value = binary.LittleEndian.AppendUint32(value, math.Float32bits(float32(values[tag])))
		summary = appendBytes(summary, 1, value)
	}
	// Event{wall_time=1, step=2, summary=5}
	event := appendDouble(nil, 1, float64(at.UnixNano())/1e9)
	event = append(event, 2<<3) // a varint
	event = binary.AppendUvarint(event, uint64(step))
	return s.frame(appendBytes(event, 5, summary))
}

// Sync makes what was added last, and answers the number of bytes that are then in the file.
func (s *Scalars) Sync() (int64, error) { return s.size, s.f.Sync() }

// Close closes the file.
func (s *Scalars) Close() error { return s.f.Close() }

// frame writes one TFRecord in one write.
func (s *Scalars) frame(data []byte) error {
	buf := binary.LittleEndian.AppendUint64(make([]byte, 0, len(data)+16), uint64(len(data)))
	buf = binary.LittleEndian.AppendUint32(buf, maskedCRC(buf))
	buf = append(buf, data...)
	buf = binary.LittleEndian.AppendUint32(buf, maskedCRC(data))
	if _, err := s.f.Write(buf); err != nil {
		_ = truncate(s.f, s.size)
		return fmt.Errorf("append to %s: %w", s.path, err)
	}
	s.size += int64(len(buf))
	return nil
}

// wholeFrames answers how many of the first size bytes are whole frames.
func wholeFrames(f *os.File, size int64) int64 {
	var at int64
	var head [8]byte
	for at+16 <= size {
		if _, err := f.ReadAt(head[:], at); err != nil {
			return at
		}
		n := binary.LittleEndian.Uint64(head[:])
		if n > uint64(size) || at+16+int64(n) > size {
			return at
		}
		at += 16 + int64(n)
	}
	return at
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is TFRecord's checksum: CRC32C rotated and offset, so that a checksum of data that holds checksums is not weak.
func maskedCRC(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// appendBytes appends a length-delimited protobuf field.
func appendBytes(b []byte, field byte, v []byte) []byte {
	b = append(b, field<<3|2)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// appendDouble appends a protobuf field of type double.
func appendDouble(b []byte, field byte, v float64) []byte {
	b = append(b, field<<3|1)
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}
