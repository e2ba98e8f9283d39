package tokenizer

import "unicode/utf8"

// Byte-level tokenizers write each byte of a token as a letter that can be seen (Radford et al. 2019): printable bytes of Latin-1 as
// themselves, the others as U+0100 and on, so that a space is Ġ. Inside the pipeline words stay bytes; tokens are spelled so in files.

// visibleRunes has the letter of each byte, visibleBytes the byte of each letter plus one (0 for other code points).
var visibleRunes, visibleBytes = func() (runes [256]rune, bytes [512]uint16) {
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE) {
			r = next
			next++
		}
		runes[b] = r
		bytes[r] = uint16(b) + 1
	}
	return
}()

// visible spells bytes in visible letters.
func visible(raw []byte) string {
	out := make([]byte, 0, len(raw)*2)
	for _, b := range raw {
		out = utf8.AppendRune(out, visibleRunes[b])
	}
	return string(out)
}

// appendVisible appends the bytes that visible letters stand for; not ok, and dst as it was, when one of them stands for none.
func appendVisible(dst []byte, token string) ([]byte, bool) {
	n := len(dst)
	for _, r := range token {
		if r >= 512 || visibleBytes[r] == 0 {
			return dst[:n], false
		}
		dst = append(dst, byte(visibleBytes[r]-1))
	}
	return dst, true
}
