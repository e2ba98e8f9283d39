package data

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// A file of tokens is a header of 64 bytes and then the ids, little-endian, two bytes each for vocabularies of at most 65536 ids
// and four otherwise. The header: magic [8], width uint32, crc32c of the ids uint32, count uint64, SHA-256 of the key [32], zeros [8].
const (
	tokenMagic  = "archtok1"
	tokenHeader = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func tokenWidth(vocab int) int {
	if vocab <= 1<<16 {
		return 2
	}
	return 4
}

// wideStore and narrowStore are streams in memory.
type wideStore []int32

func (s wideStore) len() int                       { return len(s) }
func (s wideStore) read(dst []int32, at int) error { copy(dst, s[at:]); return nil }
func (s wideStore) close() error                   { return nil }

type narrowStore []uint16

func (s narrowStore) len() int { return len(s) }
func (s narrowStore) read(dst []int32, at int) error {
	for i, id := range s[at : at+len(dst)] {
		dst[i] = int32(id)
	}
	return nil
}
func (s narrowStore) close() error { return nil }

// fileStore reads a file of tokens as needed; the system's page cache is its only memory.
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
func openTokenFile(path, key string, vocab int, memory int64) (tokenStore, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	store, err := checkTokenFile(f, key, vocab, memory)
	if _, onDisk := store.(*fileStore); !onDisk {
		f.Close()
	}
	return store, err
}

func checkTokenFile(f *os.File, key string, vocab int, memory int64) (tokenStore, error) {
	corrupt := func(what string) error { return errorf(ErrCorrupt, f.Name(), "not a usable file of tokens: %s", what) }
	var h [tokenHeader]byte
	if _, err := io.ReadFull(f, h[:]); err != nil || string(h[:8]) != tokenMagic {
		return nil, corrupt("no header")
	}
	width := int(binary.LittleEndian.Uint32(h[8:]))
	count := binary.LittleEndian.Uint64(h[16:])
	sum := sha256.Sum256([]byte(key))
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	payload := info.Size() - tokenHeader
	if width != tokenWidth(vocab) || !bytes.Equal(h[24:56], sum[:]) || uint64(payload) != count*uint64(width) {
		return nil, corrupt("the header does not fit")
	}
	var sink interface {
		tokenStore
		put([]int32)
	}
	if payload <= memory {
		sink = newMemory(width, int(count))
	}
	crc := crc32.New(castagnoli)
	buf := make([]byte, 1<<16)
	ids := make([]int32, len(buf)/width)
	for left := payload; left > 0; {
		b := buf[:min(int64(len(buf)), left)]
		if _, err := io.ReadFull(f, b); err != nil {
			return nil, corrupt(err.Error())
		}
		left -= int64(len(b))
		crc.Write(b)
		block := ids[:len(b)/width]
		decodeTokens(block, b, width)
		for _, id := range block {
			if id < 0 || int(id) >= vocab {
				return nil, corrupt("an id is outside the vocabulary")
			}
		}
		if sink != nil {
			sink.put(block)
		}
	}
	if crc.Sum32() != binary.LittleEndian.Uint32(h[12:]) {
		return nil, corrupt("the checksum differs")
	}
	if sink != nil {
		return sink, nil
	}
	return &fileStore{f, int(count), width}, nil
}

// memory grows a stream in memory.
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
		return wideStore(m.wide).read(dst, at)
	}
	return narrowStore(m.narrow).read(dst, at)
}
func (m *memory) close() error { return nil }

// tokenWriter collects a stream in memory up to a limit and in the cache's file at the same time. Either may fail alone.
type tokenWriter struct {
	cache Cache
	path  string
	key   string
	limit int64
	vocab int
	width int

	mem   *memory // nil once beyond the limit
	file  *os.File
	buf   *bufio.Writer
	crc   hash.Hash32
	count uint64
	word  []byte
}

func newTokenWriter(cache Cache, key string, vocab int, limit int64) *tokenWriter {
	w := &tokenWriter{cache: cache, key: key, limit: limit, vocab: vocab, width: tokenWidth(vocab)}
	w.mem = newMemory(w.width, 0)
	if cache.Dir == "" {
		return w
	}
	w.path = cache.path("tokens", ".bin", key)
	f, err := cache.create(w.path)
	if err == nil {
		_, err = f.Write(make([]byte, tokenHeader))
		w.file, w.buf, w.crc = f, bufio.NewWriterSize(f, 1<<16), crc32.New(castagnoli)
	}
	if err != nil {
		w.dropFile(err)
	}
	return w
}

func (w *tokenWriter) append(ids []int32) error {
	w.count += uint64(len(ids))
	if w.mem != nil && int64(w.count)*int64(w.width) > w.limit && w.file != nil {
		w.mem = nil
	}
	if w.mem != nil {
		w.mem.put(ids)
	}
	if w.file != nil {
		w.word = w.word[:0]
		for _, id := range ids {
			if w.width == 2 {
				w.word = binary.LittleEndian.AppendUint16(w.word, uint16(id))
			} else {
				w.word = binary.LittleEndian.AppendUint32(w.word, uint32(id))
			}
		}
		w.crc.Write(w.word)
		if _, err := w.buf.Write(w.word); err != nil {
			return w.lost(err)
		}
	}
	return nil
}

// lost gives up the file, which is fatal only when the stream is no longer in memory.
func (w *tokenWriter) lost(err error) error {
	w.dropFile(err)
	if w.mem == nil {
		return errorf(ErrTooShort, w.path, "cannot write the encoded stream, which is too large for memory").cause(err).
			hint("free disk space, or set %s to a directory with room", CacheEnv)
	}
	return nil
}

func (w *tokenWriter) dropFile(err error) {
	if err != nil {
		w.cache.log("encoded tokens are not cached", err)
	}
	if w.file != nil {
		w.file.Close()
		os.Remove(w.file.Name())
		w.file = nil
	}
}

// abandon removes an unfinished file.
func (w *tokenWriter) abandon() { w.dropFile(nil) }

func (w *tokenWriter) finish() (tokenStore, error) {
	if w.file != nil {
		if err := w.commit(); err != nil {
			if err := w.lost(err); err != nil {
				return nil, err
			}
		}
	}
	if w.mem != nil {
		return w.mem, nil
	}
	return openTokenFile(w.path, w.key, w.vocab, w.limit)
}

func (w *tokenWriter) commit() error {
	if err := w.buf.Flush(); err != nil {
		return err
	}
	var h [tokenHeader]byte
	copy(h[:], tokenMagic)
	binary.LittleEndian.PutUint32(h[8:], uint32(w.width))
	binary.LittleEndian.PutUint32(h[12:], w.crc.Sum32())
	binary.LittleEndian.PutUint64(h[16:], w.count)
	sum := sha256.Sum256([]byte(w.key))
	copy(h[24:], sum[:])
	if _, err := w.file.WriteAt(h[:], 0); err != nil {
		return err
	}
	f := w.file
	w.file = nil
	return w.cache.commit(f, w.path)
}
