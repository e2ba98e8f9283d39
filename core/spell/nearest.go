// Package spell finds the name that a misspelt one was meant to be.
package spell

import "strings"

// Nearest answers the candidate closest to s by edit distance, if one is close enough to be meant.
func Nearest(s string, candidates []string) (string, bool) {
	best, dist := "", 1<<30
	for _, c := range candidates {
		if d := distance(strings.ToLower(s), strings.ToLower(c)); d < dist {
			best, dist = c, d
		}
	}
	return best, best != "" && dist <= max(1, (len(s)+2)/3) && dist < max(len(s), len(best))
}

// distance is the number of insertions, deletions, substitutions and swaps of neighbours that turn a into b (optimal
// string alignment).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20
	}
	var d [66][66]int
	for i := 0; i <= len(a); i++ {
		for j := 0; j <= len(b); j++ {
			switch {
			case i == 0:
				d[i][j] = j
				continue
			case j == 0:
				d[i][j] = i
				continue
			}
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
