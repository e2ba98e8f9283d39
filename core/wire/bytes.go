package wire

import (
	"io"

	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// chunkWriter turns the many writes of a file's author into messages of chunkBytes.
type chunkWriter struct {
	send func(*pb.SaveResponse) error
	buf  []byte
}

// Write implements io.Writer.
func (w *chunkWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(w.buf) == 0 && len(p) >= chunkBytes { // nothing to join it with: pass it on as it is
			if err := w.send(&pb.SaveResponse{Data: p[:chunkBytes]}); err != nil {
				return 0, err
			}
			p = p[chunkBytes:]
			continue
		}
		k := min(chunkBytes-len(w.buf), len(p))
		w.buf = append(w.buf, p[:k]...)
		p = p[k:]
		if len(w.buf) == chunkBytes {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// flush sends what is left.
func (w *chunkWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	err := w.send(&pb.SaveResponse{Data: w.buf})
	w.buf = w.buf[:0]
	return err
}

// chunkReader is the file that the messages of a Load hold.
type chunkReader struct {
	recv func() (*pb.LoadRequest, error)
	data []byte
	err  error
}

// Read implements io.Reader. A stream that breaks is an error and not an end.
func (r *chunkReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.data) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		var m *pb.LoadRequest
		if m, r.err = r.recv(); r.err == nil {
			r.data = m.GetData()
		}
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

var _ io.Reader = (*chunkReader)(nil)
