package all

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// heard is what the captures of one protocol hold.
type heard struct {
	messages, attributes, alarms map[string]bool
	events                       int
	captures                     []string            // file and what its first comment says
	sessions                     []protocols.Session // as the captures left them
}

// listen decodes every capture.
func listen(t *testing.T) map[string]*heard {
	t.Helper()
	out := make(map[string]*heard)
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		h := out[p.Name]
		if h == nil {
			h = &heard{messages: make(map[string]bool), attributes: make(map[string]bool), alarms: make(map[string]bool)}
			out[p.Name] = h
		}
		what := ""
		if len(c.Lines) > 0 && c.Lines[0].Mark == '#' {
			what = c.Lines[0].Text
		}
		h.captures = append(h.captures, fmt.Sprintf("`%s` %s", filepath.Base(path), what))
		var s protocols.Session
		var f protocols.Frame
		for i, l := range c.Lines {
			if l.Mark != '>' {
				continue
			}
			in := protocols.Input{Bytes: l.Data, Received: protocols.CaptureTime, Datagram: c.Datagram, Final: i == len(c.Lines)-1 || c.Datagram}
			_, _ = protocols.Drain(p, &s, in, &f, func(_ []byte, err error) bool {
				if err != nil {
					return true
				}
				if f.Type != "" {
					h.messages[f.Type] = true
				}
				for i := range f.Events {
					h.events++
					if a := f.Events[i].Alarm; a != "" {
						h.alarms[a] = true
					}
					for _, a := range f.Events[i].Attrs {
						if !strings.HasPrefix(a.Name, "io_") {
							h.attributes[a.Name] = true
						}
					}
				}
				return true
			})
		}
		h.sessions = append(h.sessions, s)
	})
	return out
}

// commands are the names that a protocol's Encode takes in some session, of all words that stand in its source.
func commands(t *testing.T, p *protocols.Protocol, sessions []protocols.Session) []string {
	t.Helper()
	if p.Encode == nil {
		return nil
	}
	found := make(map[string]bool)
	for _, word := range words(t, p.Name) {
		c := protocols.Command{Name: word, Text: "54455854", ID: 7, Args: arguments}
		for _, s := range append(sessions, fresh...) {
			if b, err := p.Encode(&s, c); err == nil && len(b) > 0 {
				found[word] = true
				break
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// fresh are sessions of which nothing is known but the device, without and with the option that lets commands travel in answers.
var fresh = []protocols.Session{{Device: "123456789012345"}, {Device: "123456789012345", Options: protocols.Options{Extra: "commands=answer"}}}

// arguments are something sensible for whatever a command may ask for.
var arguments = map[string]string{"seconds": "60", "minutes": "5", "hours": "1", "output": "1", "state": "1", "on": "1", "password": "123456", "interval": "60", "moving": "30",
	"parked": "300", "static": "300", "text": "hello", "message": "hello", "name": "a", "value": "1", "id": "1", "parameter": "1", "speed": "80", "kmh": "80", "host": "example.org",
	"port": "5000", "zone": "0", "number": "1", "phone": "123", "channel": "1", "count": "1", "duration": "60", "element": "1", "data": "00", "lat": "1", "lng": "2", "radius": "100"}

var wordOf = regexp.MustCompile(`^[a-z][a-z_]{2,24}$`)

// words are the plain words among the texts in a protocol's source.
func words(t *testing.T, folder string) []string {
	t.Helper()
	packages, err := filepath.Glob("../" + folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, path := range packages {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil && wordOf.MatchString(s) {
					found[s] = true
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

// renderCatalogue is docs/protocols.md.
func renderCatalogue(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("<!-- Made from the code and the captures by `make generate`; do not edit. -->\n\n# Protocols\n\n" +
		"What each decoder reads, as its code and its captures in `testdata` say. Messages, alarms and attributes are those that stand in a capture; a decoder may know more of\n" +
		"them. What the attributes mean: [event.md](event.md).\n\n| protocol | ports | messages | attributes | commands | captures |\n|---|---|---|---|---|---|\n")
	all := listen(t)
	for _, p := range Protocols {
		h := all[p.Name]
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %d | %d | %d | %d |\n", p.Name, p.Name, ports(p), len(h.messages), len(h.attributes), len(commands(t, p, h.sessions)), len(h.captures))
	}
	for _, p := range Protocols {
		h := all[p.Name]
		fmt.Fprintf(&b, "\n## %s\n\nDecodes %s.\n\n", p.Name, synopsis(t, p.Name))
		if at := ports(p); at != "" {
			fmt.Fprintf(&b, "- **Ports**: %s; a frame has at most %d bytes, %d before the login\n", at, p.MaxFrame, p.MaxLogin)
		}
		section := func(title string, names []string) {
			if len(names) > 0 {
				fmt.Fprintf(&b, "- **%s**: `%s`\n", title, strings.Join(names, "` `"))
			}
		}
		section("Messages", slices.Sorted(maps.Keys(h.messages)))
		section("Alarms", slices.Sorted(maps.Keys(h.alarms)))
		section("Attributes", slices.Sorted(maps.Keys(h.attributes)))
		section("Commands", commands(t, p, h.sessions))
		fmt.Fprintf(&b, "- **Captures**: %d, with %d events\n", len(h.captures), h.events)
		for _, c := range h.captures {
			fmt.Fprintf(&b, "  - %s\n", strings.TrimSpace(c))
		}
	}
	return b.Bytes()
}

// TestCatalogue fails when docs/protocols.md is not what the code and the captures say.
func TestCatalogue(t *testing.T) {
	const path = "../../docs/protocols.md"
	want := renderCatalogue(t)
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/protocols.md is not what the code says (%v); `make generate` writes it", err)
	}
}
