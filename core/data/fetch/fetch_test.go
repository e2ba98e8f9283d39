package fetch

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/archlab/archlab/core/data"
)

var ctx = context.Background()

func sum(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }

// content is a file of a few hundred kilobytes.
func content(version string) []byte {
	return []byte(strings.Repeat("some text of version "+version+"\n", 10_000))
}

// server serves one file and can misbehave; it counts the requests and keeps their headers.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	body     []byte
	etag     string
	cutAfter []int // bytes sent by each request before the connection breaks; 0: all
	noRanges bool
	status   []int // of each request; 0: as it should be
	requests []http.Header
	paths    []string
}

func newServer(t *testing.T, body []byte) *server {
	s := &server{body: body, etag: `"v1"`}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.requests)
	s.requests, s.paths = append(s.requests, r.Header.Clone()), append(s.paths, r.URL.Path)
	body, etag, cut, status := s.body, s.etag, 0, 0
	if n < len(s.cutAfter) {
		cut = s.cutAfter[n]
	}
	if n < len(s.status) {
		status = s.status[n]
	}
	s.mu.Unlock()
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	if cut > 0 {
		w = &cutter{w, cut}
	}
	if s.noRanges {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// cutter breaks the connection after so many bytes of a body.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) > c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left])
		if f, ok := c.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// fetcher has no patience between attempts and says what happens to said.
func fetcher(t *testing.T) (f Fetcher, said *[]string) {
	said = new([]string)
	var mu sync.Mutex
	return Fetcher{Library: data.Library{Dir: t.TempDir()}, Wait: func(ctx context.Context, _ int) error { return ctx.Err() },
		Client: &http.Client{Transport: &http.Transport{DisableCompression: true}},
		Say: func(s string) {
			mu.Lock()
			defer mu.Unlock()
			*said = append(*said, s)
		}}, said
}

func corpus(s *server, pinned []byte) data.Known {
	f := data.KnownFile{Name: "file.txt", URL: s.URL + "/file.txt"}
	if pinned != nil {
		f.SHA256, f.Size = sum(pinned), int64(len(pinned))
	}
	return data.Known{Name: "small", Files: []data.KnownFile{f}}
}

func mustFetch(t *testing.T, f Fetcher, k data.Known, want []byte) {
	t.Helper()
	if err := f.Fetch(ctx, k); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(f.Library.Path(k, k.Files[0]))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("the file has %d bytes, want %d: %v", len(got), len(want), err)
	}
	files, err := filepath.Glob(filepath.Join(f.Library.Dir, k.Name, "[^.]*"))
	if err != nil || len(files) != 1 {
		t.Errorf("left %q", files)
	}
}

func TestFetch(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	f, said := fetcher(t)
	var last int64
	f.Progress = func(name string, have, size int64) {
		if have < last || size != int64(len(body)) || name != "small/file.txt" {
			t.Errorf("progress %s %d of %d after %d", name, have, size, last)
		}
		last = have
	}
	mustFetch(t, f, corpus(s, body), body)
	if last != int64(len(body)) {
		t.Errorf("progress ends at %d", last)
	}
	mustFetch(t, f, corpus(s, body), body)
	if len(s.requests) != 1 || !strings.Contains(strings.Join(*said, "\n"), "is here and verified") {
		t.Errorf("%d requests, said %q", len(s.requests), *said)
	}
	// What was changed on the disk is noticed and fetched again.
	path := f.Library.Path(corpus(s, body), corpus(s, body).Files[0])
	if err := os.WriteFile(path, []byte("other"), 0o666); err != nil {
		t.Fatal(err)
	}
	last = 0
	mustFetch(t, f, corpus(s, body), body)
}

func TestInterruptedTransferIsResumed(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	s.cutAfter = []int{100_000, 50_000}
	f, said := fetcher(t)
	mustFetch(t, f, corpus(s, body), body)
	if len(s.requests) != 3 {
		t.Fatalf("%d requests", len(s.requests))
	}
	for i := range 3 {
		if got := s.requests[i].Get("Range"); (got == "") != (i == 0) || i > 0 && s.requests[i].Get("If-Range") != `"v1"` {
			t.Errorf("request %d: Range %q, If-Range %q", i, got, s.requests[i].Get("If-Range"))
		}
	}
	if !strings.Contains(strings.Join(*said, "\n"), "going on at byte") {
		t.Errorf("said %q", *said)
	}
}

// A process that was killed leaves a part; the next one goes on with it.
func TestAnotherProcessGoesOn(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	s.cutAfter = []int{123_456}
	f, _ := fetcher(t)
	f.Retries = -1
	err := f.Fetch(ctx, corpus(s, body))
	if !errors.Is(err, ErrNetwork) || !strings.Contains(err.Error(), "interrupted after") {
		t.Fatalf("got %v", err)
	}
	part, err := os.Stat(filepath.Join(f.Library.Dir, "small", "file.txt.part"))
	if err != nil || part.Size() == 0 {
		t.Fatalf("no part: %v", err)
	}
	mustFetch(t, f, corpus(s, body), body)
	if got, want := s.requests[1].Get("Range"), fmt.Sprintf("bytes=%d-", part.Size()); got != want {
		t.Errorf("Range %q, want %q", got, want)
	}
}

func TestWrongChecksum(t *testing.T) {
	s := newServer(t, content("two"))
	f, _ := fetcher(t)
	err := f.Fetch(ctx, corpus(s, content("one")))
	var e *data.Error
	if !errors.Is(err, data.ErrCorrupt) || !errors.As(err, &e) || !strings.Contains(e.Message, sum(content("two"))) || !strings.Contains(e.Message, sum(content("one"))) {
		t.Fatalf("got %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(f.Library.Dir, "small", "[^.]*")); len(files) != 0 {
		t.Errorf("left %q", files)
	}
}

func TestServerWithoutRanges(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	s.cutAfter, s.noRanges = []int{100_000}, true
	f, said := fetcher(t)
	mustFetch(t, f, corpus(s, body), body)
	if !strings.Contains(strings.Join(*said, "\n"), "sends the file from its beginning") {
		t.Errorf("said %q", *said)
	}
}

// If-Range makes a server send the new file whole where the old one was begun.
func TestFileThatChangesBetween(t *testing.T) {
	one, two := content("one"), content("two and longer")
	s := newServer(t, one)
	s.cutAfter = []int{100_000}
	f, _ := fetcher(t)
	f.Wait = func(context.Context, int) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.body, s.etag = two, `"v2"`
		return nil
	}
	mustFetch(t, f, corpus(s, nil), two)
}

// A server that ignores If-Range and sends a range of another version is caught by its tag.
func TestRangeOfAnotherVersion(t *testing.T) {
	one, two := content("one"), content("six")
	var n atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, tag := one, `"v1"`
		if n.Add(1) > 1 {
			body, tag = two, `"v2"`
		}
		r.Header.Del("If-Range")
		w.Header().Set("ETag", tag)
		if n.Load() == 1 {
			w = &cutter{w, 100_000}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}))
	defer srv.Close()
	f, _ := fetcher(t)
	k := data.Known{Name: "small", Files: []data.KnownFile{{Name: "file.txt", URL: srv.URL}}}
	mustFetch(t, f, k, two)
}

// Without a tag or date nothing tells that a part is of the same file: it is begun again.
func TestServerWithoutValidators(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	s.etag, s.cutAfter = "", []int{100_000}
	f, _ := fetcher(t)
	mustFetch(t, f, corpus(s, body), body)
	if got := s.requests[1].Get("Range"); got != "" {
		t.Errorf("Range %q", got)
	}
}

func TestCompletePartNeedsNoTransfer(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	f, _ := fetcher(t)
	k := corpus(s, body)
	dir := filepath.Join(f.Library.Dir, "small")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"file.txt.part": string(body), "file.txt.part.json": fmt.Sprintf(`{"url":%q,"etag":"\"v1\"","size":%d}`, k.Files[0].URL, len(body))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	mustFetch(t, f, k, body)
	if len(s.requests) != 1 {
		t.Errorf("%d requests", len(s.requests))
	}
}

func TestStatuses(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	s.status = []int{503, 429}
	f, _ := fetcher(t)
	mustFetch(t, f, corpus(s, body), body)
	s = newServer(t, body)
	s.status = []int{404, 404}
	f, _ = fetcher(t)
	err := f.Fetch(ctx, corpus(s, body))
	if !errors.Is(err, ErrNetwork) || !strings.Contains(err.Error(), "404") || len(s.requests) != 1 {
		t.Errorf("%d requests, %v", len(s.requests), err)
	}
}

func TestOffline(t *testing.T) {
	s := newServer(t, nil)
	s.Close()
	f, _ := fetcher(t)
	err := f.Fetch(ctx, corpus(s, content("one")))
	var e *data.Error
	if !errors.As(err, &e) || e.Message != "cannot reach the server" || !strings.Contains(e.Hint(), "HTTPS_PROXY") || !strings.Contains(e.Hint(), "{name: small, path: FILE}") {
		t.Errorf("got %v with %+v", err, e)
	}
}

func TestSilentServer(t *testing.T) {
	body := content("one")
	var n atomic.Int32
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if n.Add(1) == 1 {
			_, _ = w.Write(body[:1000])
			w.(http.Flusher).Flush()
			<-release
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}))
	defer srv.Close()
	defer close(release)
	f, said := fetcher(t)
	f.Stall = 200 * time.Millisecond
	mustFetch(t, f, data.Known{Name: "small", Files: []data.KnownFile{{Name: "file.txt", URL: srv.URL}}}, body)
	if !strings.Contains(strings.Join(*said, "\n"), "nothing came for 200ms") {
		t.Errorf("said %q", *said)
	}
}

func TestMirrorAndProxy(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	f, _ := fetcher(t)
	k := corpus(s, body)
	k.Files[0].URL = "http://original.invalid/some/where/file.txt"
	f.Mirror = s.URL + "/corpora/"
	mustFetch(t, f, k, body)
	if s.paths[0] != "/corpora/small/file.txt" {
		t.Errorf("asked for %s", s.paths[0])
	}
	// A proxy is asked for the whole address.
	f, _ = fetcher(t)
	t.Setenv("HTTP_PROXY", s.URL)
	f.Client.Transport.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(os.Getenv("HTTP_PROXY")) }
	mustFetch(t, f, k, body)
	if d := (Fetcher{}).withDefaults(); d.Client.Transport.(*http.Transport).Proxy == nil {
		t.Error("the default client knows no proxy")
	}
}

func zipped(t *testing.T, members map[string][]byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range members {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchives(t *testing.T) {
	body := content("one")
	s := newServer(t, zipped(t, map[string][]byte{"dir/file.txt": body, "other": nil}))
	f, _ := fetcher(t)
	k := corpus(s, body)
	k.Files[0].Member = "dir/file.txt"
	mustFetch(t, f, k, body)
	k.Files[0].Member, k.Name = "none", "again"
	if err := f.Fetch(ctx, k); err == nil || !strings.Contains(err.Error(), "the archive has no none") {
		t.Errorf("got %v", err)
	}
	s.body = []byte("not an archive")
	if err := f.Fetch(ctx, k); err == nil || !strings.Contains(err.Error(), "not a zip archive") {
		t.Errorf("got %v", err)
	}
}

func TestFirstFetchPins(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	f, said := fetcher(t)
	f.now = func() time.Time { return time.Unix(1e9, 0) }
	k := corpus(s, nil)
	mustFetch(t, f, k, body)
	pins, err := f.Library.Pins()
	want := data.Pin{SHA256: sum(body), Size: int64(len(body)), URL: k.Files[0].URL, Fetched: "2001-09-09T01:46:40Z"}
	if err != nil || pins["small/file.txt"] != want || !strings.Contains(strings.Join(*said, "\n"), "trusted on first fetch") {
		t.Errorf("pins %+v, %v; said %q", pins, err, *said)
	}
	// From now on another file is refused.
	if err := os.Remove(f.Library.Path(k, k.Files[0])); err != nil {
		t.Fatal(err)
	}
	s.body, s.etag = content("two"), `"v2"`
	if err := f.Fetch(ctx, k); !errors.Is(err, data.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(f.Library.Dir, data.LockFile), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := f.Fetch(ctx, k); !errors.Is(err, data.ErrCorrupt) || !strings.Contains(err.Error(), "lock file") {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentFetches(t *testing.T) {
	body := content("one")
	s := newServer(t, body)
	f, _ := fetcher(t)
	k := corpus(s, body)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = f.Fetch(ctx, k) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if len(s.requests) != 1 {
		t.Errorf("%d requests for one file", len(s.requests))
	}
	mustFetch(t, f, k, body)
}

func TestCancelledFetch(t *testing.T) {
	s := newServer(t, content("one"))
	f, _ := fetcher(t)
	gone, cancel := context.WithCancel(ctx)
	f.Progress = func(string, int64, int64) { cancel() }
	if err := f.Fetch(gone, corpus(s, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 5-9/*", "bytes */10", "bytes -1--1/-1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if from, size, ok := contentRange(s); ok && (from < 0 || size < 0) {
			t.Errorf("%q: from %d of %d", s, from, size)
		}
	})
}
