package load

import (
	"os"
	"strconv"
	"strings"
)

// peakMemory is the most that this process had in memory, in bytes; 0 where the system does not tell.
func peakMemory() int64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(raw), "VmHWM:")
	field := strings.Fields(after)
	if len(field) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(field[0], 10, 64)
	return kib << 10
}
