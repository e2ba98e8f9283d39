package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCachePrunesTheLeastRecentlyUsed(t *testing.T) {
	c := Cache{Dir: t.TempDir(), DiskLimit: 350}
	put := func(name string) {
		t.Helper()
		err := c.write(filepath.Join(c.Dir, "kind", name), func(f *os.File) error {
			_, err := f.Write(make([]byte, 100))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	age := func(name string, hours int) {
		t.Helper()
		at := time.Now().Add(-time.Duration(hours) * time.Hour)
		if err := os.Chtimes(filepath.Join(c.Dir, "kind", name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"a", "b", "c"} {
		put(name)
		age(name, 9-i)
	}
	write(t, filepath.Join(c.Dir, "kind", ".tmp-young"), nil)
	write(t, filepath.Join(c.Dir, "kind", ".tmp-crashed"), make([]byte, 50))
	age(".tmp-crashed", 5)
	c.used(filepath.Join(c.Dir, "kind", "a"))
	put("d") // 400 bytes: only b has to go, and what a crash left goes anyway
	var left []string
	files, err := os.ReadDir(filepath.Join(c.Dir, "kind"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		left = append(left, f.Name())
	}
	if got := strings.Join(left, " "); got != ".tmp-young a c d" {
		t.Errorf("left %s", got)
	}
	c.DiskLimit = 1
	put("f")
	if _, err := os.Stat(filepath.Join(c.Dir, "kind", "f")); err != nil {
		t.Errorf("the file just written is gone: %v", err)
	}
}

func TestCacheWriteThatFails(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	path := filepath.Join(c.Dir, "kind", "a")
	if err := c.write(path, func(*os.File) error { return fmt.Errorf("no") }); err == nil {
		t.Error("the error is lost")
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 0 {
		t.Errorf("left %v", files)
	}
}

func TestDefaultCache(t *testing.T) {
	t.Setenv(CacheEnv, "/somewhere")
	if got := DefaultCache().Dir; got != "/somewhere" {
		t.Errorf("got %q", got)
	}
	t.Setenv(CacheEnv, "")
	t.Setenv("XDG_CACHE_HOME", "/cache")
	t.Setenv("HOME", "/home")
	if got := DefaultCache().Dir; filepath.Base(got) != "archlab" {
		t.Errorf("got %q", got)
	}
}
