package data

import (
	"bytes"
	"regexp"
)

// generatedLine is the go command's rule for generated source (`go help generate`); the line must come before the first text
// that is neither blank nor comment.
var generatedLine = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.\r?$`)

func isGenerated(text []byte) bool {
	for group := range commentGroups(text, cStyle) {
		for line := range bytes.Lines(text[group.from:group.to]) {
			if generatedLine.Match(bytes.TrimSuffix(line, []byte("\n"))) {
				return true
			}
		}
	}
	return false
}

// stripLicence removes the comment groups above the first code that state a copyright, and the blank lines that they leave at the
// top. The same few lines in thousands of files would teach a model nothing else. What is left shares memory with text unless
// something before the licence (a build constraint) has to be kept.
func stripLicence(text []byte, style comments) []byte {
	var out []byte
	kept := 0
	for g := range commentGroups(text, style) {
		if !isLicence(text[g.from:g.to]) {
			continue
		}
		out = append(out, text[kept:g.from]...)
		kept = g.to
	}
	if len(bytes.TrimSpace(out)) == 0 {
		return bytes.TrimLeft(text[kept:], " \t\r\n")
	}
	return append(bytes.TrimRight(out, "\r\n"), append([]byte("\n\n"), bytes.TrimLeft(text[kept:], "\r\n")...)...)
}

func isLicence(comment []byte) bool {
	low := bytes.ToLower(comment)
	return bytes.Contains(low, []byte("copyright")) &&
		(bytes.Contains(low, []byte("license")) || bytes.Contains(low, []byte("licence")) || bytes.Contains(low, []byte("rights reserved")))
}

type span struct{ from, to int }

// commentGroups yields the runs of comments above the first code, each run ending at a blank line or where code begins.
func commentGroups(text []byte, style comments) func(yield func(span) bool) {
	return func(yield func(span) bool) {
		group := span{-1, -1}
		for at := 0; at < len(text); {
			line := text[at:]
			if i := bytes.IndexByte(line, '\n'); i >= 0 {
				line = line[:i+1]
			}
			trimmed := bytes.TrimSpace(line)
			end := at + len(line)
			switch {
			case len(trimmed) == 0:
				if group.from >= 0 && !yield(group) {
					return
				}
				group = span{-1, -1}
				at = end
				continue
			case style.open != "" && bytes.HasPrefix(trimmed, []byte(style.open)):
				i := bytes.Index(text[at:], []byte(style.close))
				if i < 0 {
					return
				}
				end = at + i + len(style.close)
				// Code may follow on the line of the comment's end: then the group ends right there.
				if j := bytes.IndexByte(text[end:], '\n'); j >= 0 && len(bytes.TrimSpace(text[end:end+j])) == 0 {
					end += j + 1
				}
			case style.line != "" && bytes.HasPrefix(trimmed, []byte(style.line)):
			default:
				if group.from >= 0 {
					yield(group)
				}
				return
			}
			if group.from < 0 {
				group.from = at
			}
			group.to = end
			at = end
		}
		if group.from >= 0 {
			yield(group)
		}
	}
}
