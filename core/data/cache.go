package data

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// CacheEnv overrides the directory of DefaultCache.
const CacheEnv = "ARCHLAB_CACHE_DIR"

// Cache is a directory of things that can be computed again: learned vocabularies and encoded streams. Its files are named by
// the hash of what they were computed from, written to a temporary name and renamed, so concurrent runs share it safely. A
// file that is damaged is computed again; a directory that cannot be written costs time only.
type Cache struct {
	Dir string              // empty: cache nothing
	Log func(string, error) // told what could not be read or written; may be nil
	// DiskLimit bounds the bytes of each kind of file; the least recently used go first. 0 is 2 GB.
	DiskLimit int64
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

// cacheError is a failure of the cache's disk, as opposed to one of what was to be cached: it costs time only.
type cacheError struct{ error }

// write makes a file: fill writes a temporary one, which then takes its name. Failures of the disk are cacheErrors. Nothing waits for
// the disk: what a power cut leaves is found damaged and made again.
func (c Cache) write(path string, fill func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return cacheError{err}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return cacheError{err}
	}
	err = fill(f)
	if e := f.Close(); err == nil && e != nil {
		err = cacheError{e}
	}
	if err == nil {
		if e := os.Rename(f.Name(), path); e != nil {
			err = cacheError{e}
		}
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	c.prune(path)
	return nil
}

// prune removes the least recently used files beside path until they fit in DiskLimit; path itself stays. Readers keep what they have
// open, and a file that vanishes between two calls is made again.
func (c Cache) prune(path string) {
	type file struct {
		path string
		info os.FileInfo
	}
	var files []file
	var total int64
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return
	}
	for _, d := range list {
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		p := filepath.Join(filepath.Dir(path), d.Name())
		if strings.HasPrefix(d.Name(), ".tmp-") {
			// Somebody may be writing a young temporary file; an old one was left by a crash.
			if time.Since(info.ModTime()) > time.Hour {
				os.Remove(p)
			}
			continue
		}
		total += info.Size()
		if p != path {
			files = append(files, file{p, info})
		}
	}
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()), cmp.Compare(a.path, b.path))
	})
	for _, f := range files {
		if total <= c.limit() {
			return
		}
		if os.Remove(f.path) == nil {
			total -= f.info.Size()
		}
	}
}

// used marks a file as recently used.
func (c Cache) used(path string) {
	now := time.Now()
	// A cache on a read-only disk still serves.
	_ = os.Chtimes(path, now, now)
}

func (c Cache) limit() int64 {
	if c.DiskLimit > 0 {
		return c.DiskLimit
	}
	return 2 << 30
}
