//go:build linux

package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if part := os.Getenv(partVariable); part != "" {
		if err := runPart(part); err != nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", part, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestSmoke runs every row for a moment and writes the document, so that neither rots. Figures are not looked at.
func TestSmoke(t *testing.T) {
	for _, program := range []string{"redis-server", "initdb"} {
		_, err := exec.LookPath(program)
		if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program); err != nil && len(found) == 0 {
			if os.Getenv("TRACKGATE_TEST_ALL") == "1" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	t.Chdir("../..")
	t.Setenv("DATABASE_URL", "")
	dir := t.TempDir()
	trackgate := filepath.Join(dir, "trackgate")
	if out, err := exec.Command("go", "build", "-o", trackgate, "./cmd/trackgate").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	var log strings.Builder
	b := &bench{size: smokeSize, trackgate: trackgate, log: &log}
	kept := filepath.Join(dir, "results.json")
	byHand := filepath.Join(dir, "reliability.md")
	if err := os.WriteFile(byHand, []byte("before\n<!-- bench l -->\nold\n<!-- /bench -->\nbetween\n<!-- bench z -->\nkept\n<!-- /bench -->\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.run("", dir, kept, false); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	for letter := 'a'; letter <= 'm'; letter++ {
		if b.results.table(string(letter)) == (&results{}).table(string(letter)) {
			t.Errorf("no row of group %c", letter)
		}
	}
	if err := b.results.writeReliability(dir); err != nil {
		t.Fatal(err)
	}
	want := "before\n<!-- bench l -->\n" + b.results.table("l") + "\n" + b.results.Machine.sentence() + "\n<!-- /bench -->\nbetween\n<!-- bench z -->\nkept\n<!-- /bench -->\nafter\n"
	if got, err := os.ReadFile(byHand); err != nil || string(got) != want {
		t.Errorf("reliability.md: %v\n%s", err, got)
	}
	first, err := os.ReadFile(filepath.Join(dir, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.run("", dir, kept, true); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(filepath.Join(dir, "performance.md")); string(again) != string(first) {
		t.Error("the document of the kept results differs")
	}
	for _, p := range b.results.Plots {
		raw, err := os.ReadFile(filepath.Join(dir, "performance", p.Name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, p.Name, string(raw))
		if !strings.Contains(string(first), "performance/"+p.Name+".svg") {
			t.Errorf("the document does not show %s", p.Name)
		}
	}
	if n := strings.Count(string(first), ".svg)"); n != len(b.results.Plots) {
		t.Errorf("the document shows %d plots of %d", n, len(b.results.Plots))
	}
}

func wellFormed(t *testing.T, name, text string) {
	t.Helper()
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Errorf("%s: a point without a place", name)
	}
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func TestAxis(t *testing.T) {
	p := &plot{Series: []series{{Points: [][2]float64{{100, 3}, {10_000, 47}}}}}
	x, y := p.axis(0, true), p.axis(1, false)
	if x.part(1000) != 0.5 || len(x.ticks) != 3 {
		t.Errorf("logarithmic: %v, ticks %v", x.part(1000), x.ticks)
	}
	if y.part(25) != 0.5 || y.ticks[len(y.ticks)-1] != 50 {
		t.Errorf("linear: %v, ticks %v", y.part(25), y.ticks)
	}
}

// TestStoreRate knows that the store takes batches: what lies between two of them is no lag.
func TestStoreRate(t *testing.T) {
	var points []storePoint
	for at := time.Duration(0); at <= 8*time.Second; at += watchEvery {
		batches := float64(at / (400 * time.Millisecond))
		points = append(points, storePoint{at: at, records: 8000 * batches})
	}
	for from := time.Second; from < 2*time.Second; from += 70 * time.Millisecond {
		if got := storeRate(points, from, from+5*time.Second); got != 20_000 {
			t.Errorf("from %v: %v records/s, not 20000", from, got)
		}
	}
	if got := storeRate(points, time.Second, time.Second+300*time.Millisecond); got != 0 {
		t.Errorf("one batch gives a rate of %v", got)
	}
}

func TestIMEI(t *testing.T) {
	if got, want := imei(12345), "860000000123453"; len(got) != 15 || got[:14] != want[:14] {
		t.Errorf("got %s, want %s", got, want)
	}
}
