package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// CacheEnv overrides the directory of DefaultCache.
const CacheEnv = "ARCHLAB_CACHE_DIR"

// Cache is a directory of things that can be computed again: learned vocabularies and encoded streams. Its files are named by
// the hash of what they were computed from, written to a temporary name and renamed, so concurrent runs share it safely. A
// file that is damaged is computed again; a directory that cannot be written costs time only.
type Cache struct {
	Dir string              // empty: cache nothing
	Log func(string, error) // told what could not be read or written; may be nil
}

// DefaultCache is $ARCHLAB_CACHE_DIR, else "archlab" in the user's cache directory, else no cache.
func DefaultCache() Cache {
	if dir := os.Getenv(CacheEnv); dir != "" {
		return Cache{Dir: dir}
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return Cache{}
	}
	return Cache{Dir: filepath.Join(dir, "archlab")}
}

func (c Cache) log(what string, err error) {
	if c.Log != nil {
		c.Log(what, err)
	}
}

// path is where the value of a kind computed from the given keys lives.
func (c Cache) path(kind, ext string, keys ...string) string {
	h := sha256.New()
	for _, k := range keys {
		fmt.Fprintf(h, "%d:%s", len(k), k)
	}
	return filepath.Join(c.Dir, kind, hex.EncodeToString(h.Sum(nil))[:40]+ext)
}

// create opens a temporary file beside path, to be finished with commit.
func (c Cache) create(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	return os.CreateTemp(filepath.Dir(path), ".tmp-*")
}

// commit gives a temporary file its name, durably, or removes it.
func (c Cache) commit(f *os.File, path string) error {
	err := f.Sync()
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func (c Cache) write(path string, fill func(io.Writer) error) error {
	f, err := c.create(path)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		f.Close()
		os.Remove(f.Name())
		return err
	}
	return c.commit(f, path)
}
