package fetch

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/archlab/archlab/core/data"
)

// oldServer speaks HTTP/1.0 and ends a body by closing the connection, after the first n bytes of it at its n-th request; it knows no ranges.
func oldServer(t *testing.T, body []byte, cutAfter ...int) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1<<12))
			send := body
			if n < len(cutAfter) {
				send = body[:cutAfter[n]]
			}
			_, _ = fmt.Fprintf(c, "HTTP/1.0 200 OK\r\nETag: \"v1\"\r\n\r\n%s", send)
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestUnknownEndIsNotPinned(t *testing.T) {
	body := content("one")
	f, said := fetcher(t)
	k := data.Known{Name: "small", Files: []data.KnownFile{{Name: "file.txt", URL: oldServer(t, body, 1000) + "/file.txt"}}}
	// Nothing tells that the first transfer was cut short; so it must not become what later ones are held against.
	mustFetch(t, f, k, body[:1000])
	if pins, err := f.Library.Pins(); err != nil || len(pins) != 0 || !strings.Contains(strings.Join(*said, "\n"), "ended after 1000 bytes: it may have been cut short, so it was not pinned") {
		t.Errorf("pins %v, %v; said %q", pins, err, *said)
	}
	mustFetch(t, f, k, body)

	// Where a sum is pinned, so is the size: what is short is tried again.
	f, said = fetcher(t)
	k.Files[0] = data.KnownFile{Name: "file.txt", URL: oldServer(t, body, 1000) + "/file.txt", SHA256: sum(body), Size: int64(len(body))}
	mustFetch(t, f, k, body)
	if want := fmt.Sprintf("the connection ended after 1000 bytes of %d", len(body)); !strings.Contains(strings.Join(*said, "\n"), want) {
		t.Errorf("said %q, want %q", *said, want)
	}
}

func TestChunksHaveAnEnd(t *testing.T) {
	body := content("one")
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(body[:1000])
		w.(http.Flusher).Flush() // without a length: in chunks
		if n.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(body[1000:])
	}))
	defer s.Close()
	f, said := fetcher(t)
	k := data.Known{Name: "small", Files: []data.KnownFile{{Name: "file.txt", URL: s.URL}}}
	mustFetch(t, f, k, body)
	pins, err := f.Library.Pins()
	if err != nil || pins["small/file.txt"].SHA256 != sum(body) || !strings.Contains((*said)[0], "interrupted after") {
		t.Errorf("pins %v, %v; said %q", pins, err, *said)
	}
}

// lying is an archive whose member says that it has other sizes than it has.
func lying(t *testing.T, name string, text []byte, says uint64) []byte {
	var packed, out bytes.Buffer
	d, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = d.Write(text)
	_ = d.Close()
	z := zip.NewWriter(&out)
	w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(text), CompressedSize64: uint64(packed.Len()), UncompressedSize64: says})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(packed.Bytes())
	_ = z.Close()
	return out.Bytes()
}

func TestArchivesAreBounded(t *testing.T) {
	zeros := make([]byte, 1<<20)
	for _, c := range []struct {
		name    string
		archive []byte
		pinned  int64
		want    string
	}{
		{"a thousandfold", zipped(t, map[string][]byte{"m": zeros}), 0, "it says that it has 1048576 bytes, want at most "},
		{"more than is pinned", zipped(t, map[string][]byte{"m": content("one")}), 1000, "want at most 1000"},
		{"more than it says", lying(t, "m", zeros, 100), 0, "not a valid zip file"},
		{"more than can be", lying(t, "m", zeros, 1<<63+5), 0, "it says that it has 9223372036854775813 bytes, want at most "},
		{"less than it says", lying(t, "m", zeros[:100], 200), 0, "unexpected EOF"},
	} {
		s := newServer(t, c.archive)
		f, _ := fetcher(t)
		k := corpus(s, nil)
		k.Files[0].Member, k.Files[0].Size = "m", c.pinned
		if c.pinned > 0 {
			k.Files[0].SHA256 = sum(zeros)
		}
		if err := f.Fetch(ctx, k); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		left, err := filepath.Glob(filepath.Join(f.Library.Dir, k.Name, "[^.]*"))
		if err != nil || len(left) > 0 {
			t.Errorf("%s: left %q", c.name, left)
		}
	}
}

func TestUnpackingIsCancelled(t *testing.T) {
	body := content("one")
	s := newServer(t, zipped(t, map[string][]byte{"m": body}))
	f, _ := fetcher(t)
	stopped, cancel := context.WithCancel(ctx)
	f.Progress = func(_ string, have, size int64) {
		if have == size {
			cancel() // all has come, nothing is unpacked
		}
	}
	k := corpus(s, body)
	k.Files[0].Member = "m"
	d := &download{Fetcher: f.withDefaults(), url: k.Files[0].URL, part: filepath.Join(t.TempDir(), "part")}
	if err := d.run(ctx); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "file.txt")
	if _, _, err := d.complete(stopped, k.Files[0], to); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(to + ".unpacked"); err == nil {
		t.Error("something unpacked was left")
	}
	// What has come is kept: the next fetch unpacks it.
	if got, _, err := d.complete(ctx, k.Files[0], to); err != nil || got != sum(body) {
		t.Errorf("got %s, %v", got, err)
	}
}
