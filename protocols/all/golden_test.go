package all

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

var update = flag.Bool("update", false, "rewrite the expectations of the captures in testdata")

// captures calls visit for each capture of testdata with its protocol.
func captures(t testing.TB, visit func(path string, p *protocols.Protocol, c *protocols.Capture)) {
	t.Helper()
	for _, p := range Protocols {
		paths, _ := filepath.Glob(filepath.Join("../../testdata", p.Name, "*.[tu][cd]p"))
		if len(paths) == 0 {
			t.Errorf("%s has no captures in testdata/%s", p.Name, p.Name)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := protocols.ReadCapture(bytes.NewReader(raw), strings.HasSuffix(path, ".udp"))
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			visit(path, p, c)
		}
	}
}

// TestGolden compares what each capture means with what its file says. Run it with -update, read the diff, commit it.
func TestGolden(t *testing.T) {
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		t.Run(strings.TrimPrefix(path, "../../testdata/"), func(t *testing.T) {
			var got, want bytes.Buffer
			c.Decode(p).WriteTo(&got)
			c.WriteTo(&want)
			if bytes.Equal(got.Bytes(), want.Bytes()) {
				return
			}
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			g, w := strings.Split(got.String(), "\n"), strings.Split(want.String(), "\n")
			for i := range g {
				if i >= len(w) || g[i] != w[i] {
					wanted := "nothing"
					if i < len(w) {
						wanted = w[i]
					}
					t.Fatalf("line %d\n got: %s\nwant: %s", i+1, g[i], wanted)
				}
			}
			t.Fatalf("got %d lines, want %d", len(g), len(w))
		})
	})
}
