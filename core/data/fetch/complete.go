package fetch

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/archlab/archlab/core/data"
)

// complete verifies what has come and gives it its name. What is wrong is dropped: nothing could be made of it by going on.
func (d *download) complete(ctx context.Context, want data.KnownFile, path string) (sum string, size int64, err error) {
	ready := d.part
	if want.Member != "" {
		ready = path + ".unpacked"
		defer os.Remove(ready)
		if err := unpack(ctx, d.part, want, ready); err != nil {
			if ctx.Err() != nil {
				return "", 0, err
			}
			if !isFull(err) {
				d.forget()
			}
			return "", 0, d.explain(err)
		}
	}
	sum, size, err = checksum(ctx, ready)
	if err != nil {
		return "", 0, err
	}
	if want.SHA256 != "" && sum != want.SHA256 {
		d.forget()
		return "", 0, &data.Error{Kind: data.ErrCorrupt, Where: d.url,
			Message: fmt.Sprintf("the file has SHA-256 %s (%d bytes), want %s (%d bytes)", sum, size, want.SHA256, want.Size),
			Advice:  "the source or mirror has another version, or something on the way changed it; nothing of it was kept"}
	}
	if err := os.Rename(ready, path); err != nil {
		return "", 0, err
	}
	d.forget()
	return sum, size, nil
}

func checksum(ctx context.Context, path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	if err := f.Sync(); err != nil { // what gets its name is on the disk
		return "", 0, err
	}
	h := sha256.New()
	size, err = io.Copy(h, cancelled{ctx, f})
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// cancelled is a reader that ends with its context.
type cancelled struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (c cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}

// swelling bounds what an archive may unpack to where nothing is pinned: so many times its own size. Text takes a half to a tenth; deflate can make of one byte a thousand.
const swelling = 100

// unpack writes one member of a zip archive to a file: as many bytes as are pinned or, where nothing is, as the archive says, within reason.
func unpack(ctx context.Context, archive string, want data.KnownFile, to string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("not a zip archive: %w", err)
	}
	defer z.Close()
	r, err := z.Open(want.Member)
	if err != nil {
		return fmt.Errorf("the archive has no %s: %w", want.Member, err)
	}
	defer r.Close()
	packed, err := os.Stat(archive)
	if err != nil {
		return err
	}
	member, err := r.Stat()
	if err != nil {
		return err
	}
	most := want.Size
	if most == 0 {
		most = swelling * packed.Size()
	}
	if says := uint64(member.Size()); says > uint64(most) { // a size of 2^63 and more is a negative one to package zip
		return fmt.Errorf("unpack %s: it says that it has %d bytes, want at most %d", want.Member, says, most)
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, cancelled{ctx, io.LimitReader(r, most+1)}) // whatever it says
	if err == nil && n > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("unpack %s: %w", want.Member, err)
	}
	return f.Close()
}

// pin remembers the sum of a file that the catalogue has none of.
func (f Fetcher) pin(ctx context.Context, name string, p data.Pin) error {
	path := filepath.Join(f.Library.Dir, data.LockFile)
	unlock, err := f.lock(ctx, filepath.Join(f.Library.Dir, ".lock"), "")
	if err != nil {
		return err
	}
	defer unlock()
	pins, err := f.Library.Pins()
	if err != nil {
		return err
	}
	if old, ok := pins[name]; ok && old.SHA256 == p.SHA256 {
		return nil
	}
	pins[name] = p
	raw, err := json.MarshalIndent(pins, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", append(raw, '\n'), 0o666); err != nil {
		return err
	}
	f.Say(fmt.Sprintf("%s was not pinned: trusted on first fetch, SHA-256 %s, written to %s", name, p.SHA256, path))
	return os.Rename(path+".tmp", path)
}
