package all

import (
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// TestOneNameOneThing fails when two protocols use a name for values of different types or units.
func TestOneNameOneThing(t *testing.T) {
	type use struct {
		protocol string
		protocols.Attribute
	}
	first := map[string]use{}
	for _, p := range Protocols {
		for name, a := range p.Attributes {
			b, ok := first[name]
			if !ok {
				first[name] = use{p.Name, a}
				continue
			}
			if a.Type != b.Type || a.Unit != b.Unit {
				t.Errorf("%s: %s %s (%s) in %s, %s %s (%s) in %s", name, a.Type, a.Unit, a.Meaning, p.Name, b.Type, b.Unit, b.Meaning, b.protocol)
			}
		}
	}
}
