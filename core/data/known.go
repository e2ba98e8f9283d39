package data

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Known is a public corpus with a name: where its files are, and their checksums as far as they are known.
type Known struct {
	Name, About, License string
	Files                []KnownFile
	Field                string // of JSON lines and Parquet; default "text"
}

// KnownFile is one file of a corpus. Size and SHA256 are of the file as it is read: of the member, where the address is of a zip archive. Where
// they are 0 and "", nothing is pinned here, and the first fetch pins what it gets.
type KnownFile struct {
	Name   string // below the corpus's directory
	URL    string
	Member string // of the zip archive at URL; empty: the address is of the file itself
	Size   int64
	SHA256 string
}

// Catalogue lists the known corpora by name. Sums are pinned where several independent publications, or the file itself, agree on them.
var Catalogue = []Known{
	{Name: "enwik8", About: "the first 10^8 bytes of an English Wikipedia dump of 2006, with its markup", License: "CC BY-SA 3.0 and GFDL",
		Files: []KnownFile{{Name: "enwik8", URL: "https://mattmahoney.net/dc/enwik8.zip", Member: "enwik8", Size: 100_000_000,
			SHA256: "2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8"}}},
	{Name: "fineweb-edu", About: "educational web pages, the first shard of the sample of 10 billion tokens (2 GB)", License: "ODC-By 1.0",
		Files: []KnownFile{{Name: "000_00000.parquet", URL: "https://huggingface.co/datasets/HuggingFaceFW/fineweb-edu/resolve/main/sample/10BT/000_00000.parquet"}}},
	{Name: "text8", About: "10^8 letters and spaces of English Wikipedia, from enwik9", License: "CC BY-SA 3.0 and GFDL",
		Files: []KnownFile{{Name: "text8", URL: "https://mattmahoney.net/dc/text8.zip", Member: "text8", Size: 100_000_000,
			SHA256: "6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7"}}},
	{Name: "tinyshakespeare", About: "plays of Shakespeare, 1.1 MB", License: "public domain",
		Files: []KnownFile{{Name: "input.txt", URL: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt", Size: 1_115_394,
			SHA256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"}}},
	{Name: "tinystories", About: "short stories in the words of small children, the first of four shards (Eldan & Li 2023; 250 MB)", License: "CDLA-Sharing 1.0",
		Files: []KnownFile{{Name: "train-00000.parquet", URL: "https://huggingface.co/datasets/roneneldan/TinyStories/resolve/main/data/train-00000-of-00004-2d5a1467fff1081b.parquet"}}},
	{Name: "wikitext-103", About: "good and featured articles of English Wikipedia, raw (Merity et al. 2016; 540 MB): the training file", License: "CC BY-SA 3.0",
		Files: []KnownFile{{Name: "wiki.train.raw", URL: "https://wikitext.smerity.com/wikitext-103-raw-v1.zip", Member: "wikitext-103-raw/wiki.train.raw"}}},
}

// FindKnown answers the known corpus of a name.
func FindKnown(name string) (Known, bool) {
	for _, k := range Catalogue {
		if k.Name == name {
			return k, true
		}
	}
	return Known{}, false
}

// CorpusNames lists everything that CorpusConfig.Kind may be: the kinds, then the known corpora.
func CorpusNames() []string {
	names := append([]string(nil), CorpusKinds...)
	for _, k := range Catalogue {
		names = append(names, k.Name)
	}
	return names
}

// LibraryEnv overrides the directory of DefaultLibrary.
const LibraryEnv = "ARCHLAB_DATA_DIR"

// Library is a directory of fetched corpora, a subdirectory each, beside the lock file that pins what was fetched.
type Library struct{ Dir string }

// DefaultLibrary is $ARCHLAB_DATA_DIR, else "corpora" in the cache's directory.
func DefaultLibrary() Library {
	if dir := os.Getenv(LibraryEnv); dir != "" {
		return Library{dir}
	}
	if c := DefaultCache(); c.Dir != "" {
		return Library{filepath.Join(c.Dir, "corpora")}
	}
	return Library{"corpora"}
}

// Path is where a file of a corpus lies.
func (l Library) Path(k Known, f KnownFile) string { return filepath.Join(l.Dir, k.Name, f.Name) }

// LockFile is the name of the file that pins sums on first fetch.
const LockFile = "corpora.lock"

// Pin is what the lock file remembers of a file.
type Pin struct {
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	URL     string `json:"url"`     // it was fetched from
	Fetched string `json:"fetched"` // when, in UTC
}

// Pins reads the lock file; one that is not there pins nothing. Keys are "corpus/file".
func (l Library) Pins() (map[string]Pin, error) {
	path := filepath.Join(l.Dir, LockFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Pin{}, nil
	}
	if err != nil {
		return nil, errorf(ErrNotFound, path, "cannot read").cause(err)
	}
	pins := map[string]Pin{}
	if err := json.Unmarshal(raw, &pins); err != nil {
		return nil, errorf(ErrCorrupt, path, "not a lock file of corpora").cause(err).hint("delete it, to trust what is fetched next")
	}
	return pins, nil
}

// Pinned answers what a file must be: by the catalogue, else by the lock file.
func (l Library) Pinned(k Known, f KnownFile) (KnownFile, error) {
	if f.SHA256 != "" {
		return f, nil
	}
	pins, err := l.Pins()
	if err != nil {
		return f, err
	}
	if p, ok := pins[k.Name+"/"+f.Name]; ok {
		f.SHA256, f.Size = p.SHA256, p.Size
	}
	return f, nil
}

// Verify holds a file at path against what it must be; where nothing is pinned it only has to be there.
func (f KnownFile) Verify(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return errorf(ErrNotFound, path, "cannot read").cause(err)
	}
	defer file.Close()
	if f.SHA256 == "" {
		return nil
	}
	h := sha256.New()
	n, err := io.Copy(h, file)
	if err != nil {
		return errorf(ErrNotFound, path, "cannot read").cause(err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return errorf(ErrCorrupt, path, "not the corpus's file: SHA-256 %s (%d bytes), want %s (%d bytes)", got, n, f.SHA256, f.Size)
	}
	return nil
}

// newKnownSource opens a known corpus from the library, or from where the user has it: a file, or a directory with its files.
func newKnownSource(k Known, cfg CorpusConfig) (*textSource, error) {
	if cfg.Field == "" {
		cfg.Field = k.Field
	}
	library := DefaultLibrary()
	var files []textFile
	for _, f := range k.Files {
		path := library.Path(k, f)
		if cfg.Path != "" {
			path = cfg.Path
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				path = filepath.Join(cfg.Path, f.Name)
			} else if len(k.Files) > 1 {
				return nil, errorf(ErrConfig, cfg.Path, "corpus %s has %d files, expected their directory", k.Name, len(k.Files))
			}
		}
		f, err := library.Pinned(k, f)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && cfg.Path == "" {
			return nil, errorf(ErrNotFound, path, "corpus %s is not here", k.Name).
				hint("fetch it: archlab data fetch %s; or give its file as path", k.Name)
		}
		if err := f.Verify(path); err != nil {
			var bad *Error
			if errors.As(err, &bad) && errors.Is(err, ErrCorrupt) {
				return nil, bad.hint("fetch it again: archlab data fetch %s; or use the corpus text for a file of yours", k.Name)
			}
			return nil, err
		}
		files = append(files, textFile{path, f.Name})
	}
	return textSourceOf(files, cfg)
}

// String names a corpus with its size in the catalogue's words.
func (k Known) String() string { return fmt.Sprintf("%s: %s", k.Name, k.About) }
