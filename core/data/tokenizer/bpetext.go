package tokenizer

// appendText appends the ids of text that scan cuts in words; the model must be one over raw bytes. This is the quick way: no pieces, no
// offsets, and words that were seen lately cost a look into a table.
func (b *BPE) appendText(dst []int32, text []byte, scan func([]byte) int) []int32 {
	s := b.scratch()
	for at := 0; at < len(text); {
		n := scan(text[at:])
		if n == 1 && b.level.first[text[at]] >= 0 {
			dst = append(dst, b.level.first[text[at]])
			at++
			continue
		}
		if n <= slotBytes {
			lo, hi := wordKey(text, at, n)
			if w := s.cache.find(lo, hi); w != nil {
				dst = append(dst, w.ids[:w.n]...)
			} else {
				dst = b.shortIDs(dst, text[at:at+n], lo, hi, s)
			}
		} else {
			dst = b.longIDs(dst, text[at:at+n], s)
		}
		at += n
	}
	b.pool.Put(s)
	return dst
}

func (b *BPE) shortIDs(dst []int32, word []byte, lo, hi uint64, s *bpeScratch) []int32 {
	if ids, ok := s.cache.long[string(word)]; ok {
		return append(dst, ids...)
	}
	from := len(dst)
	dst = b.appendIDs(dst, word, s)
	if ids := dst[from:]; len(ids) > 0 && len(ids) <= 3 {
		s.cache.put(lo, hi, ids)
	} else {
		s.cache.keep(word, ids)
	}
	return dst
}

func (b *BPE) longIDs(dst []int32, word []byte, s *bpeScratch) []int32 {
	if len(word) > longestInCache {
		return b.appendIDs(dst, word, s)
	}
	if ids, ok := s.cache.long[string(word)]; ok {
		return append(dst, ids...)
	}
	from := len(dst)
	dst = b.appendIDs(dst, word, s)
	s.cache.keep(word, dst[from:])
	return dst
}

// appendIDs appends the ids of one word, from nothing.
func (b *BPE) appendIDs(dst []int32, word []byte, s *bpeScratch) []int32 {
	if b.level.words != nil {
		if id, ok := b.level.words[string(word)]; ok {
			return append(dst, id)
		}
	}
	s.word = b.symbols(s.word[:0], word, s)
	for _, p := range s.merge(&b.pairs, s.word) {
		dst = append(dst, p.id)
	}
	return dst
}
