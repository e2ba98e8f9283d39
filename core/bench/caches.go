package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Cache is one level of the memory hierarchy as seen from the first core.
type Cache struct {
	Level  int   `json:"level"`
	Bytes  int64 `json:"bytes"`
	Shared int   `json:"shared"` // logical CPUs that share it; 0 if the system does not tell
}

// assumed are the sizes of a machine that does not tell its own.
var assumed = []Cache{{Level: 1, Bytes: 32 << 10}, {Level: 2, Bytes: 512 << 10}, {Level: 3, Bytes: 16 << 20}}

// Caches lists the caches that hold data, the first level first. known is false where the system does not tell; the list
// then is a usual one.
func Caches() (list []Cache, known bool) {
	if list = cachesIn("/sys/devices/system/cpu/cpu0/cache"); len(list) > 0 {
		return list, true
	}
	return append([]Cache(nil), assumed...), false
}

// cachesIn reads the description that Linux gives of a CPU's caches.
func cachesIn(dir string) []Cache {
	var out []Cache
	for i := range 8 {
		field := func(name string) string {
			data, err := os.ReadFile(filepath.Join(dir, "index"+strconv.Itoa(i), name))
			if err != nil {
				return ""
			}
			return strings.TrimSpace(string(data))
		}
		level, err := strconv.Atoi(field("level"))
		if err != nil || field("type") == "Instruction" {
			continue
		}
		c := Cache{Level: level, Bytes: binarySize(field("size")), Shared: countCPUs(field("shared_cpu_list"))}
		if c.Bytes > 0 {
			out = append(out, c)
		}
	}
	return out
}

// binarySize reads 32K or 1M; 0 if it is neither.
func binarySize(s string) int64 {
	shift := 0
	switch {
	case strings.HasSuffix(s, "K"):
		shift = 10
	case strings.HasSuffix(s, "M"):
		shift = 20
	case strings.HasSuffix(s, "G"):
		shift = 30
	}
	n, err := strconv.ParseInt(strings.TrimRight(s, "KMG"), 10, 64)
	if err != nil || n < 0 || n > 1<<20 {
		return 0
	}
	return n << shift
}

// countCPUs counts a list such as 0-3,8.
func countCPUs(list string) int {
	n := 0
	for _, part := range strings.Split(list, ",") {
		from, to, ranged := strings.Cut(part, "-")
		a, err := strconv.Atoi(from)
		if err != nil {
			continue
		}
		b := a
		if ranged {
			if b, err = strconv.Atoi(to); err != nil {
				continue
			}
		}
		n += max(0, b-a+1)
	}
	return n
}
