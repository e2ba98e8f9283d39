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
func (d *download) complete(want data.KnownFile, path string) (sum string, size int64, err error) {
	ready := d.part
	if want.Member != "" {
		ready = path + ".unpacked"
		defer os.Remove(ready)
		if err := unpack(d.part, want.Member, ready); err != nil {
			if !isFull(err) {
				d.forget()
			}
			return "", 0, d.explain(err)
		}
	}
	sum, size, err = checksum(ready)
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

func checksum(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	if err := f.Sync(); err != nil { // what gets its name is on the disk
		return "", 0, err
	}
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// unpack writes one member of a zip archive to a file.
func unpack(archive, member, to string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("not a zip archive: %w", err)
	}
	defer z.Close()
	r, err := z.Open(member)
	if err != nil {
		return fmt.Errorf("the archive has no %s: %w", member, err)
	}
	defer r.Close()
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return fmt.Errorf("unpack %s: %w", member, err)
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
