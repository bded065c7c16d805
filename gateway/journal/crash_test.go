package journal

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childDir names the folder that a child of TestKill writes to.
const childDir = "JOURNAL_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Println(writeUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func killConfig(dir string) Config {
	return Config{Dir: dir, SegmentBytes: 256 << 10, MaxBytes: 8 << 20, Keep: 512 << 10}
}

// writeUntilKilled appends random batches, prints the journal's end after each commit and releases what is old.
func writeUntilKilled(dir string) error {
	l, err := Open(killConfig(dir))
	if err != nil {
		return err
	}
	b := l.NewBatch()
	for {
		b.Reset()
		next := l.Next()
		for n := 1 + rand.IntN(300); b.Len() < n; {
			if err := b.Add(payload(next + uint64(b.Len()))); err != nil {
				return err
			}
		}
		if _, err := l.Append(b); err != nil {
			return err
		}
		if _, err := fmt.Println(l.Next()); err != nil { // the acknowledgement
			return err
		}
		if next > 5000 {
			l.Release(next - 5000)
		}
	}
}

// TestKill kills a process that writes, again and again, and compares every record that it acknowledged.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked, torn, recycled := uint64(0), int64(0), false
	for round := range 12 {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		stop := time.Now().Add(time.Duration(50+rand.IntN(250)) * time.Millisecond)
		before := acked
		for killed := false; ; {
			line, err := lines.ReadString('\n')
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			next, err := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
			if err != nil {
				t.Fatalf("round %d: the child says %q", round, line)
			}
			acked = next
			if !killed && time.Now().After(stop) {
				killed = true
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Wait() // it was killed
		if acked == before {
			t.Fatalf("round %d: the child committed nothing", round)
		}
		l := mustOpen(t, killConfig(dir))
		if l.Next() < acked {
			t.Fatalf("round %d: journal ends at %d, acknowledged up to %d", round, l.Next(), acked)
		}
		if l.First() > 0 && l.First() > acked-5000 {
			t.Fatalf("round %d: first %d, more than was released is gone", round, l.First())
		}
		s := l.Stats()
		if s.Gaps != 0 || s.DamagedSegments != 0 {
			t.Fatalf("round %d: damage after a kill: %+v", round, s)
		}
		torn += s.TornBytes
		wantHeld(t, l)
		recycled = recycled || l.First() > 0
		fill(t, l, 10, 3) // and it goes on
		wantHeld(t, l)
		acked = l.Next()
		l.Close()
	}
	if !recycled {
		t.Error("nothing was released: the test does not reach segments in their second life")
	}
	t.Logf("%d records acknowledged and compared, %d torn bytes wiped", acked, torn)
}

// TestLockedByAnotherProcess opens a folder that a running process writes to.
func TestLockedByAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_, err = Open(killConfig(dir))
	cmd.Process.Kill()
	io.Copy(io.Discard, lines)
	cmd.Wait()
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint("process ", cmd.Process.Pid)) {
		t.Errorf("Open: %v, want an error that names process %d", err, cmd.Process.Pid)
	}
	l := mustOpen(t, killConfig(dir)) // the kernel freed the lock
	wantHeld(t, l)
}
