package jt808

import (
	"bytes"
	"strings"
)

// family is a line of devices whose alarms and items differ from the others'.
type family uint8

const (
	familyOther   family = iota
	familyPadlock        // G-360P, G-508P
	familyAsset          // AL300, GL100 of AOVX
	familyVL300          // of AOVX
	familyVideo          // MV models: bus and truck recorders
	familyWatch          // C5 watches
	familyG10
	familyDT800
	familyCamera // JC dash cameras
)

var families = [...]struct {
	prefix string
	family family
}{
	{"G-360P", familyPadlock}, {"G-508P", familyPadlock}, {"G360P", familyPadlock}, {"G508P", familyPadlock},
	{"AL300", familyAsset}, {"GL100", familyAsset}, {"VL300", familyVL300}, {"MV", familyVideo}, {"C5", familyWatch},
	{"G10", familyG10}, {"DT800", familyDT800}, {"JC", familyCamera},
}

// family is that of the model that the operator named, else of the firmware that the record itself names.
func (c *call) family() family {
	model := c.s.Options.Model
	if model == "" {
		return c.record.family
	}
	for _, f := range families {
		if len(model) >= len(f.prefix) && strings.EqualFold(model[:len(f.prefix)], f.prefix) {
			return f.family
		}
	}
	return familyOther
}

// familyOf is the family of a firmware, as in AOVX_GL100-LA_H2.0.
func familyOf(firmware []byte) family {
	model, ok := bytes.CutPrefix(firmware, []byte("AOVX_"))
	if !ok {
		return familyOther
	}
	for _, f := range families {
		if bytes.HasPrefix(model, []byte(f.prefix)) {
			return f.family
		}
	}
	return familyOther
}
