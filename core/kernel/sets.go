package kernel

// Set is an instruction set that kernels are written for.
type Set struct {
	Name    string   `json:"name"`
	Active  bool     `json:"active"`
	Missing []string `json:"missing,omitempty"` // features that it needs and this CPU or operating system lacks
}

// Sets lists the instruction sets of this architecture from plain Go to the fastest.
func Sets() []Set {
	var out []Set
	for i := range isas {
		s := Set{Name: isas[i].name, Active: &isas[i] == active}
		for _, f := range isas[i].need {
			if !hasAll([]string{f}) {
				s.Missing = append(s.Missing, f)
			}
		}
		out = append(out, s)
	}
	return out
}
