package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/fetch"
	"github.com/archlab/archlab/core/experiment"
)

func dataCommand() *cobra.Command {
	return group("data", "List, fetch and look at corpora", dataListCommand(), dataFetchCommand(), dataStatsCommand())
}

// listedCorpus is a known corpus as `data list --json` prints it.
type listedCorpus struct {
	Name    string       `json:"name"`
	About   string       `json:"about"`
	License string       `json:"license"`
	Here    bool         `json:"here"` // all of its files
	Files   []corpusFile `json:"files"`
}

type corpusFile struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Path   string `json:"path"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Pinned string `json:"pinned"` // "catalogue", "lock file" or "not pinned"
}

func dataListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the known corpora: where they are, what pins them, whether they are here", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := listCorpora(data.DefaultLibrary())
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(all)
			}
			tw := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "corpus\there\tsize\tSHA-256\twhat it is")
			for _, k := range all {
				here, size, sum := "no", "?", "not pinned"
				if k.Here {
					here = "yes"
				}
				if f := k.Files[0]; f.SHA256 != "" {
					size, sum = byteSize(f.Size), fmt.Sprintf("%.12s (%s)", f.SHA256, f.Pinned)
				}
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s; %s\n", k.Name, here, size, sum, k.About, k.License)
			}
			return tw.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON array, with addresses and paths")
	return c
}

func listCorpora(library data.Library) (all []listedCorpus, err error) {
	for _, k := range data.Catalogue {
		l := listedCorpus{Name: k.Name, About: k.About, License: k.License, Here: true}
		for _, f := range k.Files {
			pinned := "catalogue"
			now, err := library.Pinned(k, f)
			if err != nil {
				return nil, err
			}
			switch {
			case now.SHA256 == "":
				pinned = "not pinned"
			case f.SHA256 == "":
				pinned = "lock file"
			}
			path := library.Path(k, f)
			if _, err := os.Stat(path); err != nil {
				l.Here = false
			}
			l.Files = append(l.Files, corpusFile{Name: f.Name, URL: f.URL, Path: path, Size: now.Size, SHA256: now.SHA256, Pinned: pinned})
		}
		all = append(all, l)
	}
	return all, nil
}

func dataFetchCommand() *cobra.Command {
	var mirror string
	c := &cobra.Command{
		Use: "fetch NAME...", Short: "Download known corpora, verified and resumable",
		Long: "fetch downloads known corpora into $" + data.LibraryEnv + ", or the cache's directory. An interrupted download goes on where it stopped.\n" +
			"What is pinned by the catalogue or by " + data.LockFile + " is verified; what is not is pinned by what comes first.\n" +
			"HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{"data fetch: got no corpus, want NAME...", "archlab data list names them"}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if mirror == "" {
				mirror = os.Getenv(fetch.MirrorEnv)
			}
			if u, err := url.Parse(mirror); mirror != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
				return usageError{fmt.Sprintf("--mirror: got %q, want the address of a directory, as https://example.org/corpora", mirror), "$" + fetch.MirrorEnv + " stands for it where it is absent"}
			}
			return fetchAll(c.Context(), args, mirror, c.OutOrStdout(), os.Stderr)
		},
	}
	c.Flags().StringVar(&mirror, "mirror", "", "address of a directory with NAME/FILE to fetch from instead; default $"+fetch.MirrorEnv)
	return c
}

func fetchAll(ctx context.Context, names []string, mirror string, stdout, stderr io.Writer) error {
	var all []data.Known
	for _, name := range names {
		k, ok := data.FindKnown(name)
		if !ok {
			return hinted{fmt.Errorf("unknown corpus %q", name), knownNames(name)}
		}
		all = append(all, k)
	}
	p := &transfer{w: stderr}
	if f, ok := stderr.(*os.File); ok {
		p.live = term.IsTerminal(int(f.Fd()))
	}
	f := fetch.Fetcher{Library: data.DefaultLibrary(), Mirror: mirror, Progress: p.show, Say: p.say}
	for _, k := range all {
		if err := f.Fetch(ctx, k); err != nil {
			p.end()
			return interrupted(ctx, err)
		}
		p.end()
		for _, file := range k.Files {
			fmt.Fprintln(stdout, f.Library.Path(k, file))
		}
	}
	return nil
}

func knownNames(name string) string {
	var names []string
	for _, k := range data.Catalogue {
		names = append(names, k.Name)
	}
	if near, ok := experiment.Nearest(name, names); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known corpora: " + strings.Join(names, ", ")
}

// transfer shows downloads: a line that changes on a terminal, a line every few seconds elsewhere.
type transfer struct {
	w    io.Writer
	live bool
	open bool // a line without its end
	last time.Time
}

func (t *transfer) show(name string, have, size int64) {
	every := 5 * time.Second
	if t.live {
		every = 200 * time.Millisecond
	}
	if now := time.Now(); now.Sub(t.last) < every && have != size {
		return
	} else {
		t.last = now
	}
	line := fmt.Sprintf("%s: %s", name, byteSize(have))
	if size > 0 {
		line += fmt.Sprintf(" of %s, %d%%", byteSize(size), 100*have/size)
	}
	if t.live {
		fmt.Fprintf(t.w, "\r\x1b[K%s", line)
		t.open = true
		return
	}
	fmt.Fprintln(t.w, line)
}

func (t *transfer) say(sentence string) {
	t.end()
	fmt.Fprintln(t.w, sentence)
}

func (t *transfer) end() {
	if t.open {
		fmt.Fprintln(t.w)
		t.open = false
	}
}

// byteSize writes a number of bytes for people.
func byteSize(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
