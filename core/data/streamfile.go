package data

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
)

// A file of tokens is a header of 64 bytes and then the ids, little-endian, two bytes each for vocabularies of at most 65536 ids
// and four otherwise. Of a Lossy tokenizer, each id is followed by the bytes of text that it stands for, and all numbers have four
// bytes. The header: magic [8], width uint32, crc32c of the ids uint32, count uint64, SHA-256 of the key [32], zeros [8].
const (
	tokenMagic  = "archtok1"
	tokenHeader = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// tokenForm is what the numbers of a stream are.
type tokenForm struct {
	vocab int
	spans bool // ids and bytes of text by turns
}

// width is the number of bytes of a number.
func (f tokenForm) width() int {
	if f.vocab <= 1<<16 && !f.spans {
		return 2
	}
	return 4
}

// holds says whether v may be at a place of the stream.
func (f tokenForm) holds(place int, v int32) bool {
	if f.spans && place%2 == 1 {
		return v >= 0 && v <= maxDocument
	}
	return v >= 0 && int(v) < f.vocab
}

// memory is a stream in memory, at the width of its file.
type memory struct {
	narrow []uint16
	wide   []int32
	width  int
}

func newMemory(width, capacity int) *memory {
	m := &memory{width: width}
	if width == 2 {
		m.narrow = make([]uint16, 0, capacity)
	} else {
		m.wide = make([]int32, 0, capacity)
	}
	return m
}

func (m *memory) put(ids []int32) {
	if m.width == 4 {
		m.wide = append(m.wide, ids...)
		return
	}
	for _, id := range ids {
		m.narrow = append(m.narrow, uint16(id))
	}
}

func (m *memory) len() int { return len(m.narrow) + len(m.wide) }

func (m *memory) read(dst []int32, at int) error {
	if m.width == 4 {
		copy(dst, m.wide[at:])
		return nil
	}
	for i, id := range m.narrow[at : at+len(dst)] {
		dst[i] = int32(id)
	}
	return nil
}

func (m *memory) close() error { return nil }

// fileStore reads a file of tokens as needed; the system's page cache is its only memory. It is for systems that cannot map files.
type fileStore struct {
	f     *os.File
	n     int
	width int
}

func (s *fileStore) len() int     { return s.n }
func (s *fileStore) close() error { return s.f.Close() }
func (s *fileStore) read(dst []int32, at int) error {
	buf := make([]byte, len(dst)*s.width)
	if _, err := s.f.ReadAt(buf, tokenHeader+int64(at)*int64(s.width)); err != nil {
		return errorf(ErrCorrupt, s.f.Name(), "cannot read tokens").cause(err).hint("delete the file; it is made again")
	}
	decodeTokens(dst, buf, s.width)
	return nil
}

// mapped is a file of tokens in the address space: read without copies into memory of our own, and shared by all processes that train on
// it. The file never changes under it, since the cache renames whole files into place and at most unlinks them.
//
// Pages that were read stay in the process's resident set until something else wants the memory. So that a stream of gigabytes does not make a
// run look, or be billed, as large as the stream, they are handed back now and then; the system's page cache keeps them.
type mapped struct {
	file  []byte // with the header
	n     int
	width int
	drawn atomic.Int64 // bytes that may have come in since pages were last handed back
}

const (
	residentBytes = 64 << 20 // of a mapped stream, about
	faultBytes    = 64 << 10 // that Linux maps around a page that is touched
)

func (m *mapped) len() int { return m.n }
func (m *mapped) read(dst []int32, at int) error {
	decodeTokens(dst, m.file[tokenHeader+at*m.width:], m.width)
	if came := int64(len(dst)*m.width) + faultBytes; m.drawn.Add(came) > residentBytes {
		m.drawn.Store(0)
		dropPages(m.file)
	}
	return nil
}
func (m *mapped) close() error {
	file := m.file
	m.file, m.n = nil, 0
	return unmapFile(file)
}

// storeOf gives random access to a checked file of tokens and takes it over.
func storeOf(f *os.File, count, width int) tokenStore {
	file, err := mapFile(f, tokenHeader+count*width)
	if err != nil {
		return &fileStore{f, count, width}
	}
	f.Close()
	return &mapped{file: file, n: count, width: width}
}

func decodeTokens(dst []int32, buf []byte, width int) {
	for i := range dst {
		if width == 2 {
			dst[i] = int32(binary.LittleEndian.Uint16(buf[2*i:]))
		} else {
			dst[i] = int32(binary.LittleEndian.Uint32(buf[4*i:]))
		}
	}
}

// openTokenFile checks a file of tokens whole, checksum and range of ids included, before anything is trained on it.
func openTokenFile(path, key string, form tokenForm) (tokenStore, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	count, err := checkTokenFile(f, key, form)
	if err != nil {
		f.Close()
		return nil, err
	}
	return storeOf(f, count, form.width()), nil
}

// checkTokenFile reads the file rather than a mapping of it, so that a check of gigabytes leaves nothing in the process's memory.
func checkTokenFile(f *os.File, key string, form tokenForm) (count int, err error) {
	corrupt := func(what string) (int, error) {
		return 0, errorf(ErrCorrupt, f.Name(), "not a usable file of tokens: %s", what)
	}
	var h [tokenHeader]byte
	if _, err := io.ReadFull(f, h[:]); err != nil || string(h[:8]) != tokenMagic {
		return corrupt("no header")
	}
	width := int(binary.LittleEndian.Uint32(h[8:]))
	sum := sha256.Sum256([]byte(key))
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	payload := info.Size() - tokenHeader
	if width != form.width() || !bytes.Equal(h[24:56], sum[:]) || payload%int64(width) != 0 || uint64(payload)/uint64(width) != binary.LittleEndian.Uint64(h[16:]) {
		return corrupt("the header does not fit")
	}
	crc := crc32.New(castagnoli)
	buf := make([]byte, 1<<16)
	ids := make([]int32, len(buf)/width)
	place := 0
	for left := payload; left > 0; {
		b := buf[:min(int64(len(buf)), left)]
		if _, err := io.ReadFull(f, b); err != nil {
			return corrupt(err.Error())
		}
		left -= int64(len(b))
		crc.Write(b)
		block := ids[:len(b)/width]
		decodeTokens(block, b, width)
		for _, id := range block {
			if !form.holds(place, id) {
				return corrupt("an id is outside the vocabulary")
			}
			place++
		}
	}
	if crc.Sum32() != binary.LittleEndian.Uint32(h[12:]) {
		return corrupt("the checksum differs")
	}
	return int(payload) / width, nil
}

// encodeFile encodes a split into a file of tokens without holding more than a few groups of documents. The store that it answers is of the
// very file that it wrote, whatever another process does to the name.
func encodeFile(ctx context.Context, corpus *Corpus, split Split, how encoding, cache Cache, path, key string) (tokenStore, error) {
	var mine *os.File
	var count uint64
	err := cache.write(path, func(f *os.File) error {
		var header [tokenHeader]byte
		if _, err := f.Write(header[:]); err != nil {
			return cacheError{err}
		}
		width, crc := how.form().width(), crc32.New(castagnoli)
		buf := bufio.NewWriterSize(f, 1<<16)
		var raw []byte
		err := encodeSplit(ctx, corpus, split, how, func(ids []int32) error {
			raw = encodeTokens(raw[:0], ids, width)
			count += uint64(len(ids))
			crc.Write(raw)
			if _, err := buf.Write(raw); err != nil {
				return cacheError{err}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := buf.Flush(); err != nil {
			return cacheError{err}
		}
		copy(header[:], tokenMagic)
		binary.LittleEndian.PutUint32(header[8:], uint32(width))
		binary.LittleEndian.PutUint32(header[12:], crc.Sum32())
		binary.LittleEndian.PutUint64(header[16:], count)
		sum := sha256.Sum256([]byte(key))
		copy(header[24:], sum[:])
		if _, err := f.WriteAt(header[:], 0); err != nil {
			return cacheError{err}
		}
		if mine, err = os.Open(f.Name()); err != nil {
			return cacheError{err}
		}
		return nil
	})
	if err != nil {
		if mine != nil {
			mine.Close()
		}
		return nil, err
	}
	return storeOf(mine, int(count), how.form().width()), nil
}

func encodeTokens(dst []byte, ids []int32, width int) []byte {
	for _, id := range ids {
		if width == 2 {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(id))
		} else {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(id))
		}
	}
	return dst
}
