package gateway

import (
	"runtime"
	"testing"
)

func TestMakeRoom(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	c := &Config{Loops: 3}
	t.Setenv("GOMAXPROCS", "2")
	if c.MakeRoom(); runtime.GOMAXPROCS(0) != before {
		t.Errorf("%d threads run, though the environment says how many", runtime.GOMAXPROCS(0))
	}
	t.Setenv("GOMAXPROCS", "")
	if c.MakeRoom(); runtime.GOMAXPROCS(0) != cores+3 {
		t.Errorf("%d threads run, %d cores and 3 event loops", runtime.GOMAXPROCS(0), cores)
	}
	if n := (&Config{}).EventLoops(); n != max(1, cores-1) {
		t.Errorf("%d event loops on %d cores", n, cores)
	}
	if n := (&Config{Loops: 10_000}).EventLoops(); n != maxLoops {
		t.Errorf("%d event loops, at most %d", n, maxLoops)
	}
}
