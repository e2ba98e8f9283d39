package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sizes says how much text there is.
type sizes struct {
	documents     int
	encode, train int // bytes
}

// gather puts together natural text of this machine: Go's sources and documentation, manuals, and locales in many languages. It writes
// docs.json (documents to encode), stream.json (the same as one document) and train.txt.
func gather(dir string, s settings) (sizes, error) {
	out, err := run(nil, "go", "env", "GOROOT")
	if err != nil {
		return sizes{}, err
	}
	goroot := strings.TrimSpace(string(out))
	roots := []string{filepath.Join(goroot, "src"), filepath.Join(goroot, "doc"), "/usr/share/doc", "/usr/share/i18n/locales", "/usr/share/perl"}
	var lists [][]string
	for _, root := range roots {
		var files []string
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return sizes{}, err
		}
		lists = append(lists, files)
	}
	var documents []string
	var train bytes.Buffer
	encode := 0
	// A file of each root in turn, spread over all that it has.
	for i := 0; train.Len() < s.trainMB<<20; i++ {
		any := false
		for _, files := range lists {
			if i >= len(files) {
				continue
			}
			any = true
			raw, err := os.ReadFile(files[i*7919%len(files)])
			if err != nil || len(raw) < 100 || bytes.IndexByte(raw, 0) >= 0 {
				continue
			}
			text := strings.ToValidUTF8(string(raw[:min(len(raw), 64<<10)]), "\uFFFD")
			train.WriteString(text)
			if encode < s.encodeMB<<20 {
				documents = append(documents, text)
				encode += len(text)
			}
		}
		if !any {
			break
		}
	}
	if encode < s.encodeMB<<20 {
		return sizes{}, errors.New("not as much text on this machine as asked for")
	}
	for name, docs := range map[string][]string{"docs.json": documents, "stream.json": {strings.Join(documents, "")}} {
		raw, err := json.Marshal(docs)
		if err != nil {
			return sizes{}, err
		}
		if err := os.WriteFile(path(dir, name), raw, 0o600); err != nil {
			return sizes{}, err
		}
	}
	return sizes{documents: len(documents), encode: encode, train: train.Len()}, os.WriteFile(path(dir, "train.txt"), train.Bytes(), 0o600)
}
