package all

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/trackgate/trackgate/protocols"
)

// eventSchema compiles the schema that docs/event.schema.json holds.
func eventSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(renderSchema(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(schemaID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEventsFitTheSchema decodes each capture and holds every event of it against the schema.
func TestEventsFitTheSchema(t *testing.T) {
	schema, events := eventSchema(t), 0
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		for _, l := range c.Decode(p).Lines {
			if l.Mark != '=' {
				continue
			}
			events++
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(l.Text)))
			if err != nil {
				t.Errorf("%s: %v\n%s", path, err, l.Text)
				continue
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s: %v\n%s", path, err, l.Text)
			}
		}
	})
	if events == 0 {
		t.Error("no capture has an event")
	}
}

// TestSchemaRefuses shows that the schema says no to what an event is not.
func TestSchemaRefuses(t *testing.T) {
	schema := eventSchema(t)
	const good = `{"id":"1-2-0000000a","device":"1","protocol":"gt06","kind":"position","time":"2026-06-01T12:00:00.000Z",` +
		`"received":"2026-06-01T12:00:00.000Z","lat":1,"lng":2,"valid":true,"late":false,"attrs":{}}`
	check := func(old, replacement string, want bool) {
		t.Helper()
		text := bytes.Replace([]byte(good), []byte(old), []byte(replacement), 1)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := schema.Validate(doc); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	check("", "", true)
	check(`"late":false`, `"late":false,"alarm":"tea"`, false)
	check(`"late":false`, `"late":false,"colour":"red"`, false)
	check(`"kind":"position"`, `"kind":"alarm"`, false)             // without an alarm
	check(`"lat":1,"lng":2,"valid":true,`, ``, false)               // a position without a place
	check(`"lng":2,`, ``, false)                                    // half a fix
	check(`"lat":1`, `"lat":91`, false)                             // no place on earth
	check(`"lat":1`, `"course":360,"lat":1`, false)                 // 360 is 0
	check(`00.000Z","received"`, `00Z","received"`, false)          // milliseconds always
	check(`"attrs":{}`, `"attrs":{"ignition":1}`, false)            // a bool
	check(`"attrs":{}`, `"attrs":{"ignition":true}`, true)          //
	check(`"attrs":{}`, `"attrs":{"io_17":1}`, true)                // an element without a name
	check(`"id":"1-2-0000000a","device":"1"`, `"id":"1"`, false)    // no device
	check(`"id":"1-2-0000000a"`, `"id":"1-2-0000000A"`, false)      // lower case
	check(`"id":"1-2-0000000a"`, `"id":null`, true)                 // a frame decoded by itself, before any login
	check(`"late":false`, `"late":false,"seq":"1-1"`, false)        // compared as text, so of fixed width
	check(`"late":false`, `"late":false,"type":"event"`, true)      // as on the WebSocket
	check(`"late":false`, `"late":false,"type":"something"`, false) //
}

var (
	snake     = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	anonymous = regexp.MustCompile(`^io_[0-9]+$`)
)

// TestAttributeNames holds the dictionaries to their form: names in snake_case, known types, a meaning each, and one type for one name.
func TestAttributeNames(t *testing.T) {
	check := func(owner, name string, a protocols.Attribute) {
		if !snake.MatchString(name) || anonymous.MatchString(name) {
			t.Errorf("%s: %q is not snake_case", owner, name)
		}
		if schemaTypes[a.Type] == nil {
			t.Errorf("%s: %s: unknown type %q", owner, name, a.Type)
		}
		if a.Meaning == "" {
			t.Errorf("%s: %s: no meaning", owner, name)
		}
		if common, ok := protocols.Dictionary[name]; ok && common.Type != a.Type {
			t.Errorf("%s: %s is a %s, in the dictionary a %s", owner, name, a.Type, common.Type)
		}
	}
	for name, a := range protocols.Dictionary {
		check("dictionary", name, a)
	}
	for _, p := range Protocols {
		for name, a := range p.Attributes {
			check(p.Name, name, a)
		}
	}
	for name, meaning := range protocols.Alarms {
		if !snake.MatchString(name) || meaning == "" {
			t.Errorf("alarm %q: %q", name, meaning)
		}
	}
}

// TestEventsUseTheDictionary decodes each capture: attributes have names that are documented, alarms are of the list, and a protocol that sends
// the mobile signal says on which scale. What phones post is theirs to name.
func TestEventsUseTheDictionary(t *testing.T) {
	var f protocols.Frame
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		if p.Name == "http" {
			return
		}
		var s protocols.Session
		seen := make(map[string]bool)
		for _, b := range c.Segments() {
			in := protocols.Input{Bytes: b, Received: protocols.CaptureTime, Datagram: c.Datagram, Final: true}
			_, _ = protocols.Drain(p, &s, in, &f, func(_ []byte, err error) bool { // what is refused is the golden test's business
				for i := range f.Events {
					e := &f.Events[i]
					if e.Alarm != "" && protocols.Alarms[e.Alarm] == "" {
						t.Errorf("%s: alarm %q is not in protocols.Alarms", path, e.Alarm)
					}
					for n, a := range e.Attrs {
						seen[a.Name] = true
						if _, again := e.Attrs[n+1:].Get(a.Name); again {
							t.Errorf("%s: an event has attribute %q twice", path, a.Name)
						}
					}
				}
				return true
			})
		}
		for name := range seen {
			_, common := protocols.Dictionary[name]
			_, own := p.Attributes[name]
			if !common && !own && !anonymous.MatchString(name) {
				t.Errorf("%s: attribute %q is neither in protocols.Dictionary nor in %s's Attributes", path, name, p.Name)
			}
			if name == "rssi" && !own {
				t.Errorf(`%s: sends rssi: Attributes["rssi"] says on which scale`, path)
			}
		}
	})
}
