package all

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	_ "embed"

	"github.com/trackgate/trackgate/protocols"
)

// What the decoders declare is made into documents: the reference of the event for people, docs/event.md, and for programs, docs/event.schema.json,
// and the README's table of protocols. `go generate ./protocols/all` writes them, through TestEventReference with -update.

//go:embed event.md.tmpl
var eventTemplate string

const schemaID = "https://github.com/trackgate/trackgate/docs/event.schema.json"

// TestEventReference fails when a document is not what the code says.
func TestEventReference(t *testing.T) {
	for path, want := range map[string][]byte{
		"../../docs/event.md":          renderEvent(t),
		"../../docs/event.schema.json": renderSchema(t),
		"../../README.md":              renderReadme(t, "../../README.md"),
	} {
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the code says; `make generate` writes it", strings.TrimPrefix(path, "../../"))
		}
	}
}

// renderReadme puts the table of protocols between its marks in the README.
func renderReadme(t *testing.T, path string) []byte {
	t.Helper()
	const begin, end = "<!-- protocols: made by `make generate` -->\n", "<!-- end of protocols -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(raw), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no marks around the table of protocols", path)
	}
	var b bytes.Buffer
	b.WriteString(head + begin + "| protocol | port | what it is |\n|---|---|---|\n")
	for _, p := range Protocols {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Name, ports(p), synopsis(t, p.Name))
	}
	b.WriteString(end + tail)
	return b.Bytes()
}

// ports says where a protocol's devices dial.
func ports(p *protocols.Protocol) string {
	switch {
	case p.TCP == 0 && p.UDP == 0:
		return ""
	case p.TCP == p.UDP:
		return fmt.Sprintf("%d TCP, UDP", p.TCP)
	case p.UDP == 0:
		return fmt.Sprintf("%d TCP", p.TCP)
	case p.TCP == 0:
		return fmt.Sprintf("%d UDP", p.UDP)
	}
	return fmt.Sprintf("%d TCP, %d UDP", p.TCP, p.UDP)
}

// synopsis is what the first sentence of a protocol's package comment says that it decodes.
func synopsis(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob("../" + folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if _, what, ok := strings.Cut(new(doc.Package).Synopsis(f.Doc.Text()), " decodes "); ok {
			return strings.TrimSuffix(what, ".")
		}
	}
	t.Errorf("protocols/%s: the package comment begins: Package %s decodes ...", folder, folder)
	return ""
}

// attributeRow is a line of a table of names.
type attributeRow struct {
	Name string
	protocols.Attribute
}

func rows(m map[string]protocols.Attribute) []attributeRow {
	var out []attributeRow
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, attributeRow{name, m[name]})
	}
	return out
}

func renderEvent(t *testing.T) []byte {
	t.Helper()
	type alarm struct{ Name, Meaning string }
	type section struct {
		Name string
		Own  []attributeRow
		RSSI string
	}
	data := struct {
		LateAfter, FutureBeyond, HistoryWindow string
		MaxText, MaxIdentity                   int
		Example                                string
		Alarms                                 []alarm
		Dictionary                             []attributeRow
		Protocols                              []section
	}{
		LateAfter:     fmt.Sprintf("%d s", protocols.LateAfter/1000),
		FutureBeyond:  fmt.Sprintf("%d min", protocols.FutureBeyond/60_000),
		HistoryWindow: fmt.Sprintf("%d days", protocols.HistoryWindow/86_400_000),
		MaxText:       protocols.MaxText,
		MaxIdentity:   protocols.MaxIdentity,
		Example:       exampleEvent(t),
		Dictionary:    rows(protocols.Dictionary),
	}
	for _, name := range slices.Sorted(maps.Keys(protocols.Alarms)) {
		data.Alarms = append(data.Alarms, alarm{name, protocols.Alarms[name]})
	}
	for _, p := range Protocols {
		own := maps.Clone(p.Attributes)
		delete(own, "rssi")
		data.Protocols = append(data.Protocols, section{p.Name, rows(own), p.Attributes["rssi"].Meaning})
	}
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	tmpl, err := template.New("event.md").Funcs(template.FuncMap{"cell": cell}).Parse(eventTemplate)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// exampleEvent is an event as programs see it, spread over lines.
func exampleEvent(t *testing.T) string {
	t.Helper()
	at := protocols.CaptureTime
	e := protocols.Event{Vehicle: "truck-7", Device: "356307042441013", Protocol: "teltonika", Time: at - 2_000, Received: at, FP: 0x1d9c47a2,
		Session: at - 600_000, Counter: 41}
	e.SetFix(54.6872, 25.2797, true)
	e.SetAlt(112)
	e.SetSpeed(47)
	e.SetCourse(81)
	e.SetSats(13)
	e.Bool("ignition", true)
	e.Dec("power_v", 13_870, 3)
	e.Int("odometer_m", 5_240_117)
	e.Int(protocols.IOKey(17), 3)
	var b bytes.Buffer
	if err := json.Indent(&b, e.AppendJSON(nil), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type object = map[string]any

// schemaTypes are the JSON forms of an attribute's type.
var schemaTypes = map[string]object{
	"number": {"type": "number"},
	"bool":   {"type": "boolean"},
	"text":   {"type": "string"},
	"list":   {"type": "array"},
	"object": {"type": "object"},
}

func renderSchema(t *testing.T) []byte {
	t.Helper()
	text := func(pattern, about string) object {
		return object{"type": "string", "pattern": pattern, "description": about}
	}
	number := func(low, high any, about string) object {
		o := object{"type": "number", "description": about}
		if low != nil {
			o["minimum"] = low
		}
		if high != nil {
			o["maximum"] = high
		}
		return o
	}
	date := func(about string) object {
		o := text(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, about)
		o["format"] = "date-time"
		return o
	}
	orNull := func(o object) object { o["type"] = []string{"string", "null"}; return o }
	identity := func(about string) object {
		return object{"type": "string", "minLength": 1, "maxLength": protocols.MaxIdentity, "description": about}
	}
	var kinds []string
	for k := protocols.Position; k <= protocols.CommandResult; k++ {
		kinds = append(kinds, k.String())
	}
	course := number(0, nil, "degrees clockwise from north")
	course["exclusiveMaximum"] = 360
	when := func(kind string, required ...string) object {
		return object{"if": object{"properties": object{"kind": object{"const": kind}}}, "then": object{"required": required}}
	}
	schema := object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         schemaID,
		"title":       "Trackgate event",
		"description": "One normalised record of a tracker, whatever its protocol. docs/event.md explains it.",
		"type":        "object",
		"required":    []string{"id", "device", "protocol", "kind", "time", "received", "late", "attrs"},
		"properties": object{
			"type":     object{"enum": []string{"location:update", "event"}, "description": "on the WebSocket and SSE only"},
			"id":       orNull(text(`^.+-[0-9]+-[0-9a-f]{8}$`, "stable: the same record sent again by the device has the same id; null without a device")),
			"seq":      text(`^[0-9]{13}-[0-9]{10}$`, "place within the connection, compared as text"),
			"vehicle":  identity("what the device is mounted on"),
			"device":   orNull(identity("IMEI or the protocol's own identity; null in `decode` before any login")),
			"protocol": text(`^[a-z0-9-]+$`, "folder of the decoder"),
			"kind":     object{"enum": kinds},
			"time":     date("the device's time of the fix; `received` where it sent none"),
			"received": date("when the gateway read it"),
			"lat":      number(-90, 90, "degrees, WGS84"),
			"lng":      number(-180, 180, "degrees, WGS84"),
			"valid":    object{"type": "boolean", "description": "the device vouches for the coordinates"},
			"alt":      number(nil, nil, "metres above sea level"),
			"speed":    number(0, nil, "km/h"),
			"course":   course,
			"sats":     object{"type": "integer", "minimum": 0, "maximum": 255, "description": "satellites used"},
			"hdop":     number(0, nil, "horizontal dilution of precision"),
			"late":     object{"type": "boolean", "description": "never moves the live position"},
			"alarm":    object{"enum": slices.Sorted(maps.Keys(protocols.Alarms))},
			"attrs":    attributeSchema(),
		},
		"additionalProperties": false,
		"dependentRequired":    object{"lat": []string{"lng", "valid"}, "lng": []string{"lat", "valid"}, "valid": []string{"lat", "lng"}},
		"allOf":                []any{when("position", "lat", "lng"), when("alarm", "alarm")},
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// attributeSchema has each documented name with its type. Names beyond these are those of elements without a name, and what phones post.
func attributeSchema() object {
	types := make(map[string][]string)
	about := make(map[string]string)
	add := func(owner string, list map[string]protocols.Attribute) {
		for name, a := range list {
			if !slices.Contains(types[name], a.Type) {
				types[name] = append(types[name], a.Type)
			}
			text := a.Meaning
			if a.Unit != "" {
				text += ", " + a.Unit
			}
			if owner != "" {
				text = owner + ": " + text
			}
			if about[name] != "" {
				text = about[name] + "; " + text
			}
			about[name] = text
		}
	}
	add("", protocols.Dictionary)
	sorted := slices.Clone(Protocols)
	slices.SortFunc(sorted, func(a, b *protocols.Protocol) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range sorted {
		add(p.Name, p.Attributes)
	}
	properties := object{}
	for name, list := range types {
		o := object{"description": about[name]}
		if len(list) == 1 {
			maps.Copy(o, schemaTypes[list[0]])
		} else {
			slices.Sort(list)
			var any []object
			for _, kind := range list {
				any = append(any, schemaTypes[kind])
			}
			o["anyOf"] = any
		}
		properties[name] = o
	}
	return object{"type": "object", "properties": properties, "patternProperties": object{"^io_[0-9]+$": object{"type": []string{"number", "string", "boolean"}}}}
}
