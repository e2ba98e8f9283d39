package safetensors

import "sort"

// inOrder sorts tensors and spans by offset and checks that they cover the data from 0 on, without holes or overlaps.
func inOrder(tensors []Tensor, spans [][2]int) error {
	sort.Stable(byOffset{tensors, spans})
	end := 0
	for i, s := range spans {
		switch {
		case s[0] < end:
			return corrupt(tensors[i].Name, "data_offsets %v overlap the tensor before, which ends at %d", s, end)
		case s[0] > end:
			return corrupt(tensors[i].Name, "data_offsets %v leave a hole after %d", s, end)
		}
		end = s[1]
	}
	return nil
}

type byOffset struct {
	tensors []Tensor
	spans   [][2]int
}

func (b byOffset) Len() int { return len(b.spans) }

// Less puts empty tensors before the one that starts where they are.
func (b byOffset) Less(i, j int) bool {
	if b.spans[i][0] != b.spans[j][0] {
		return b.spans[i][0] < b.spans[j][0]
	}
	return b.spans[i][1] < b.spans[j][1]
}

func (b byOffset) Swap(i, j int) {
	b.tensors[i], b.tensors[j] = b.tensors[j], b.tensors[i]
	b.spans[i], b.spans[j] = b.spans[j], b.spans[i]
}
