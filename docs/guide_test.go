package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAddingAProtocol follows adding-a-protocol.md in a copy of the protocols: its decoder compiles, is listed by the generator, makes the capture that
// the page shows, and passes the tests that every protocol must pass.
func TestAddingAProtocol(t *testing.T) {
	page := pages(t)["adding-a-protocol.md"]
	block := func(path, fence string) string {
		t.Helper()
		m := regexp.MustCompile("(?s)`" + regexp.QuoteMeta(path) + "`.*?\n```" + fence + "\n(.*?)```\n").FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("adding-a-protocol.md has no block for %s", path)
		}
		return m[1]
	}
	code, capture := block("protocols/pelican/pelican.go", "go"), block("testdata/pelican/drive.tcp", "")
	golden := regexp.MustCompile("(?s)the refusals \\(`!`\\):\n\n```\n(.*?)```\n").FindStringSubmatch(page)
	if golden == nil {
		t.Fatal("adding-a-protocol.md does not show the finished capture")
	}

	dir := t.TempDir()
	for _, name := range []string{"protocols", "testdata"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		raw, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, string(raw))
	}
	write("protocols/pelican/pelican.go", code)
	write("testdata/pelican/drive.tcp", capture)
	write("docs/event.md", "")
	write("docs/adding-a-protocol.md", page)
	write("README.md", pages(t)[filepath.Join(root, "README.md")])

	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	if out := run("gofmt", "-l", "protocols/pelican"); out != "" {
		t.Errorf("not gofmt-ed: %s", out)
	}
	run("go", "vet", "./protocols/pelican")
	run("go", "generate", "./protocols/all")
	for _, name := range []string{"event.md", "event.schema.json"} {
		if raw, err := os.ReadFile(filepath.Join(dir, "docs", name)); err != nil || len(raw) == 0 {
			t.Errorf("docs/%s was not made: %v", name, err)
		}
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "README.md")); err != nil || !strings.Contains(string(raw), "| `pelican` | 5098 TCP, UDP |") {
		t.Errorf("the README's table lacks the new protocol: %v", err)
	}
	run("go", "test", "./protocols/all", "-run", "TestGolden/pelican", "-update")
	got, err := os.ReadFile(filepath.Join(dir, "testdata/pelican/drive.tcp"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != golden[1] {
		t.Errorf("the finished capture is\n%sadding-a-protocol.md shows\n%s", got, golden[1])
	}
	run("go", "test", "./protocols/all", "-run", "^(TestGolden|TestCutAnywhere)$/^pelican$")
	run("go", "run", "-C", "protocols/all", "scaffold.go", "acme-two")
	run("go", "vet", "./protocols/acme-two")
	run("go", "test", "./protocols/all", "-run", "^(TestNoiseBetweenFrames|TestDetection|TestEvent.*|TestAttributeNames|TestNotesChangeNothing|TestResynchronisation|TestChecksumGuards|TestCommandsStayOne|TestOneNameOneThing)$")
}
