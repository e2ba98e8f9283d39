package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/archlab/archlab/core/data"
)

// download is one file on its way: PART holds what has come, PART.json which version of the file that is a part of.
type download struct {
	Fetcher
	name, url, part string
	size            int64 // that the transfer must have; 0: not known
	open            bool  // the transfer ended with its connection, which says nothing of whether it was whole
}

// version tells versions of a remote file apart.
type version struct {
	URL      string `json:"url"`
	ETag     string `json:"etag,omitempty"` // a strong one
	Modified string `json:"last_modified,omitempty"`
	Size     int64  `json:"size,omitempty"` // 0: not known
}

// validator is what If-Range may hold (RFC 9110, section 13.1.5): a strong tag, else a date.
func (v version) validator() string {
	if v.ETag != "" {
		return v.ETag
	}
	return v.Modified
}

// mirrored is the address of a file on a mirror. An archive keeps its own name, so that a mirror can hold what the source holds.
func mirrored(mirror, corpus string, file data.KnownFile) string {
	name := file.Name
	if file.Member != "" {
		name = path.Base(file.URL)
	}
	return strings.TrimRight(mirror, "/") + "/" + corpus + "/" + name
}

// transient errors are worth another attempt.
type transient struct{ error }

func (t transient) Unwrap() error { return t.error }

// run fills PART, resuming and trying again.
func (d *download) run(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			if err := d.Wait(ctx, attempt); err != nil {
				return err
			}
		}
		err := d.attempt(ctx)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !errors.As(err, new(transient)) || attempt >= d.Retries {
			return d.explain(err)
		}
		d.Say(fmt.Sprintf("%s: %v; trying again", d.name, err))
	}
}

// explain says what a user can do about the last error.
func (d *download) explain(err error) error {
	e := &data.Error{Kind: ErrNetwork, Where: d.url, Message: "cannot download", Err: err,
		Advice: "run the command again to go on where it stopped"}
	var known *data.Error
	var unreachable *url.Error
	switch {
	case errors.As(err, &known):
		return known
	case isFull(err):
		e.Message, e.Advice = "no room on the disk", "free some space, or set "+data.LibraryEnv+" to another disk; what has come so far is kept and gone on with"
	case errors.As(err, &unreachable):
		e.Message = "cannot reach the server"
		e.Err = unreachable.Err
		e.Advice = "is this machine online? HTTPS_PROXY names a proxy, --mirror or " + MirrorEnv + " a mirror; or get the file elsewhere and give its path: corpus: {name: " +
			strings.SplitN(d.name, "/", 2)[0] + ", path: FILE}"
	}
	return e
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// attempt asks for what is missing and appends it.
func (d *download) attempt(ctx context.Context) (err error) {
	have, old := d.state()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return &data.Error{Kind: data.ErrConfig, Where: d.url, Message: "not an address", Err: err}
	}
	req.Header.Set("User-Agent", "archlab")
	req.Header.Set("Accept-Encoding", "identity") // ranges are of the file itself
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		req.Header.Set("If-Range", old.validator())
	}
	resp, err := d.Client.Do(req)
	if err != nil {
		return transient{err}
	}
	defer resp.Body.Close()
	now := version{URL: d.url, Modified: resp.Header.Get("Last-Modified")}
	if tag := resp.Header.Get("ETag"); strings.HasPrefix(tag, `"`) {
		now.ETag = tag
	}
	switch resp.StatusCode {
	case http.StatusOK: // the whole file: a first request, a server without ranges, or a file that has changed
		if have > 0 {
			d.Say(fmt.Sprintf("%s: the server sends the file from its beginning", d.name))
		}
		have = 0
		now.Size = max(0, resp.ContentLength)
	case http.StatusPartialContent:
		from, size, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || from != have || old.Size > 0 && size > 0 && size != old.Size || old.ETag != "" && now.ETag != "" && now.ETag != old.ETag {
			d.forget()
			return transient{fmt.Errorf("the server answered with another range or version: Content-Range %q", resp.Header.Get("Content-Range"))}
		}
		now.Size = size
		d.Say(fmt.Sprintf("%s: going on at byte %d", d.name, have))
	case http.StatusRequestedRangeNotSatisfiable:
		if _, size, ok := contentRange(resp.Header.Get("Content-Range")); ok && size == have {
			d.open = false
			return nil // all of it had come
		}
		d.forget()
		return transient{errors.New("the server has another version of the file")}
	default:
		err := fmt.Errorf("the server answered %s", resp.Status)
		if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout {
			return transient{err}
		}
		return &data.Error{Kind: ErrNetwork, Where: d.url, Message: err.Error(),
			Advice: "the file may have moved: --mirror names another place, or give its path in the experiment"}
	}
	// HTTP knows the end of a body by its length, by chunks or by frames; else its end is that of the connection (RFC 9112, section 6.3).
	d.open = resp.ProtoMajor < 2 && resp.ContentLength < 0 && len(resp.TransferEncoding) == 0
	if err = d.receive(resp.Body, have, now, cancel); err != nil && errors.As(context.Cause(ctx), new(stalled)) {
		return transient{context.Cause(ctx)}
	}
	return err
}

// stalled is a connection on which nothing comes.
type stalled struct{ after time.Duration }

func (s stalled) Error() string { return fmt.Sprintf("nothing came for %v", s.after) }

// receive writes a body behind the first have bytes of PART.
func (d *download) receive(body io.Reader, have int64, now version, cancel context.CancelCauseFunc) error {
	// The version is there before the bytes: what a crash leaves is known.
	note, err := json.Marshal(now)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(d.part, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(have); err != nil {
		return err
	}
	if err := os.WriteFile(d.part+".json", note, 0o666); err != nil {
		return err
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return err
	}
	watchdog := time.AfterFunc(d.Stall, func() { cancel(stalled{d.Stall}) })
	defer watchdog.Stop()
	buf := make([]byte, 1<<16)
	for {
		n, err := body.Read(buf)
		watchdog.Reset(d.Stall)
		if n > 0 {
			if _, err := f.Write(buf[:n]); err != nil {
				return err
			}
			have += int64(n)
			d.Progress(d.name, have, now.Size)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return transient{fmt.Errorf("interrupted after %d bytes: %w", have, err)}
		}
	}
	if now.Size > 0 && have != now.Size {
		return transient{fmt.Errorf("got %d bytes of %d", have, now.Size)}
	}
	if d.open && have < d.size {
		return transient{fmt.Errorf("the connection ended after %d bytes of %d", have, d.size)}
	}
	return f.Close()
}

// state is how much has come, and of what. What cannot be told to be of one version is begun again.
func (d *download) state() (have int64, v version) {
	info, err := os.Stat(d.part)
	if err != nil {
		return 0, version{}
	}
	raw, err := os.ReadFile(d.part + ".json")
	if err != nil || json.Unmarshal(raw, &v) != nil || v.URL != d.url || v.validator() == "" {
		return 0, version{}
	}
	return info.Size(), v
}

// forget drops what has come.
func (d *download) forget() {
	_ = os.Remove(d.part)
	_ = os.Remove(d.part + ".json")
}

// contentRange reads "bytes FROM-TO/SIZE" and "bytes */SIZE"; a size of * is 0.
func contentRange(s string) (from, size int64, ok bool) {
	var to int64
	if n, _ := fmt.Sscanf(s, "bytes %d-%d/%d", &from, &to, &size); n == 3 {
		return from, size, from >= 0 && to >= from && size > to
	}
	if n, _ := fmt.Sscanf(s, "bytes %d-%d/*", &from, &to); n == 2 {
		return from, 0, from >= 0 && to >= from
	}
	if n, _ := fmt.Sscanf(s, "bytes */%d", &size); n == 1 {
		return 0, size, size >= 0
	}
	return 0, 0, false
}
