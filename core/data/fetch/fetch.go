// Package fetch downloads the known corpora of core/data: it resumes what was interrupted, verifies checksums, pins those that nobody knows
// yet, and leaves whole files only.
//
//	f := fetch.Fetcher{Library: data.DefaultLibrary()}
//	err := f.Fetch(ctx, corpus)
package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/archlab/archlab/core/data"
)

// ErrNetwork is the kind of errors of servers and of the way to them.
var ErrNetwork = errors.New("cannot download")

// MirrorEnv names a mirror: a directory by HTTP that holds NAME/FILE for each corpus, as the library does. Files of a mirror are verified as any.
const MirrorEnv = "ARCHLAB_DATA_MIRROR"

// Fetcher downloads corpora into a library. Only Library has to be set.
type Fetcher struct {
	Library data.Library
	Mirror  string       // address of a directory with NAME/FILE, instead of the corpora's own addresses
	Client  *http.Client // default: one that honours HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and gives up on a silent server
	Retries int          // attempts after the first; default 4, negative: none
	// Wait is called before attempt n = 1, 2, ...; default: 1, 2, 4, ... seconds.
	Wait func(ctx context.Context, attempt int) error
	// Progress is told what of a file is here, and its size or 0 where the server does not say. May be nil.
	Progress func(name string, have, size int64)
	// Say is told in a sentence what happens otherwise. May be nil.
	Say func(sentence string)
	// Stall is how long a connection may be silent; default 60 s.
	Stall time.Duration
	now   func() time.Time
}

// Fetch makes sure that a corpus's files are in the library and are what they should be. Concurrent fetches of one corpus wait for each
// other, across processes.
func (f Fetcher) Fetch(ctx context.Context, k data.Known) error {
	f = f.withDefaults()
	dir := filepath.Join(f.Library.Dir, k.Name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return &data.Error{Kind: data.ErrNotFound, Where: dir, Message: "cannot make the directory", Err: err, Advice: "set " + data.LibraryEnv + " to where there is room"}
	}
	unlock, err := f.lock(ctx, filepath.Join(dir, ".lock"), "another process fetches "+k.Name+": waiting for it")
	if err != nil {
		return err
	}
	defer unlock()
	for _, file := range k.Files {
		if err := f.file(ctx, k, file); err != nil {
			return fmt.Errorf("fetch %s: %w", k.Name, err)
		}
	}
	return nil
}

func (f Fetcher) withDefaults() Fetcher {
	if f.Stall == 0 {
		f.Stall = time.Minute
	}
	if f.Client == nil {
		f.Client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: f.Stall, ForceAttemptHTTP2: true,
			DialContext: (&net.Dialer{Timeout: 30 * time.Second}).DialContext, TLSHandshakeTimeout: 30 * time.Second, DisableCompression: true}}
	}
	if f.Retries == 0 {
		f.Retries = 4
	}
	if f.Wait == nil {
		f.Wait = func(ctx context.Context, attempt int) error {
			t := time.NewTimer(time.Second << min(attempt-1, 5))
			defer t.Stop()
			select {
			case <-t.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	if f.Progress == nil {
		f.Progress = func(string, int64, int64) {}
	}
	if f.Say == nil {
		f.Say = func(string) {}
	}
	if f.now == nil {
		f.now = time.Now
	}
	return f
}

// lock waits for a lock between processes; it goes with the process that holds it.
func (f Fetcher) lock(ctx context.Context, path, waiting string) (unlock func(), err error) {
	l := flock.New(path)
	ok, err := l.TryLock()
	if err == nil && !ok {
		if waiting != "" {
			f.Say(waiting)
		}
		_, err = l.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil {
		return nil, &data.Error{Kind: data.ErrNotFound, Where: path, Message: "cannot lock", Err: err}
	}
	return func() { _ = l.Unlock() }, nil
}

// file makes sure of one file.
func (f Fetcher) file(ctx context.Context, k data.Known, file data.KnownFile) error {
	want, err := f.Library.Pinned(k, file)
	if err != nil {
		return err
	}
	path := f.Library.Path(k, file)
	if _, err := os.Stat(path); err == nil && want.SHA256 != "" {
		err := want.Verify(path)
		if err == nil {
			f.Say(fmt.Sprintf("%s is here and verified", path))
			return nil
		}
		f.Say(fmt.Sprintf("%v: fetching it again", err))
	}
	d := &download{Fetcher: f, name: k.Name + "/" + file.Name, url: file.URL, part: path + ".part"}
	if f.Mirror != "" {
		d.url = mirrored(f.Mirror, k.Name, file)
	}
	if want.Member == "" {
		d.size = want.Size
	}
	if err := d.run(ctx); err != nil {
		return err
	}
	sum, size, err := d.complete(ctx, want, path)
	if err != nil {
		return err
	}
	if want.SHA256 != "" {
		return nil
	}
	if d.open && want.Member == "" { // an archive that was cut short has no directory
		f.Say(fmt.Sprintf("%s: the server did not say how long the file is, and the connection ended after %d bytes: it may have been cut short, so it was not pinned", d.name, size))
		return nil
	}
	return f.pin(ctx, k.Name+"/"+file.Name, data.Pin{SHA256: sum, Size: size, URL: d.url, Fetched: f.now().UTC().Format(time.RFC3339)})
}
