package data

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/archlab/archlab/core/spell"
)

// fields name what a record holds, of JSON lines and of Parquet.
type fields struct {
	text string
	id   string // names documents; empty: they are named by file and line or row
}

// eachLine calls fn with every line that is not blank; it is valid until fn returns.
func eachLine(ctx context.Context, r *textReader, path string, fn func(number int, line []byte) error) error {
	var line []byte
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line = line[:0]
		var err error
		for {
			var part []byte
			part, err = r.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > maxDocument {
				return errorf(ErrFormat, fmt.Sprintf("%s:%d", path, number), "the line is longer than %d bytes, expected one JSON object a line", maxDocument)
			}
			if err != bufio.ErrBufferFull {
				break
			}
		}
		if err != nil && err != io.EOF {
			return readError(path, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if bad := fn(number, line); bad != nil {
				return bad
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// eachJSONL reads one document from each line's object. Blank lines are allowed; empty texts are errors, since they are far more often a
// wrong field than meant.
func eachJSONL(ctx context.Context, r *textReader, f textFile, names fields, fn func(Document) error) error {
	documents := 0
	err := eachLine(ctx, r, f.path, func(number int, line []byte) error {
		where := fmt.Sprintf("%s:%d", f.path, number)
		var object map[string]json.RawMessage
		if err := json.Unmarshal(line, &object); err != nil {
			return errorf(ErrFormat, where, "not a JSON object, expected one a line with a field %q", names.text).cause(err)
		}
		text, err := jsonText(object, names.text, where)
		if err != nil {
			return err
		}
		d := Document{Name: fmt.Sprintf("%s:%d", f.name, number), Text: text}
		if names.id != "" {
			if d.Name, err = jsonID(object, names.id, where); err != nil {
				return err
			}
		}
		documents++
		return fn(d)
	})
	if err == nil && documents == 0 {
		return errorf(ErrEmpty, f.path, "no lines, expected one JSON object a line with a field %q", names.text)
	}
	return err
}

// noField is the error for a record without a field or column.
func noField(where, kind, field string, have []string) *Error {
	err := errorf(ErrFormat, where, "no %s %q", kind, field)
	if near, ok := spell.Nearest(field, have); ok {
		err = err.hint("did you mean %q?", near)
	} else {
		err = err.hint("set field to the one that holds the text")
	}
	if len(have) > 10 {
		have = append(have[:10:10], "...")
	}
	whole := "the object has"
	if kind == "column" {
		whole = "the columns are"
	}
	err.Message += fmt.Sprintf(", %s %q", whole, have)
	return err
}

func jsonText(object map[string]json.RawMessage, field, where string) ([]byte, error) {
	raw, ok := object[field]
	if !ok {
		return nil, noField(where, "field", field, sortedKeys(object))
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return nil, errorf(ErrFormat, where, "field %q is not a string: %.40s", field, raw).hint("set field to the one that holds the text")
	}
	if *text == "" {
		return nil, errorf(ErrFormat, where, "field %q is empty, expected text", field)
	}
	return []byte(*text), nil
}

// jsonID takes strings as they are and numbers as they are written.
func jsonID(object map[string]json.RawMessage, field, where string) (string, error) {
	raw, ok := object[field]
	if !ok {
		return "", noField(where, "field", field, sortedKeys(object)).hint("set id to the field that names documents, or leave it out")
	}
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		return text, nil
	}
	if c := raw[0]; c == '-' || '0' <= c && c <= '9' {
		return string(raw), nil
	}
	return "", errorf(ErrFormat, where, "field %q is neither a string nor a number: %.40s", field, raw)
}
