package teltonika

import (
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

//go:generate go run ./internal/avlgen

// element is what an IO id means to one family of devices: a row of avl-ids.csv.
type element struct {
	name   string // attribute
	mark   uint64 // one bit, of the attribute's name: see recordReader.marks
	factor int32  // the attribute is raw x factor / 10^scale
	id     uint16
	scale  uint8
	width  uint8 // bytes of the value; a value of another width is not this element. 0: any
	plain  uint8 // width, when the element is a number, or a flag of one byte, and nothing more; else notPlain
	rule   rule
	alarm  alarm
	second *element // the element under its other name
	other  string   // attribute instead, when the record already has one of that name; empty: never
}

const notPlain = 0xff

// rule is how the value of an element becomes an attribute.
type rule uint8

const (
	unknownRule rule = iota
	numberRule       // unsigned x factor
	signedRule       // two's complement x factor
	flagRule         // 0 or 1
	hexRule          // the bytes as they are
	textRule         // ASCII
	decimalRule      // an identifier in decimal digits

	// Rules with states, faults or bits of their own: see special.go.
	hdopRule
	wireTempRule
	bleTempRule
	bleHumidityRule
	oilTempRule
	llsRule
	eyeBatteryRule
	eyeMovingRule
	tachoStateRule
	bloodAlcoholRule
	ecoAccelRule
	doorMaskRule
	controlMaskRule
	securityMaskRule

	// Values of variable length: see beacons.go and special.go.
	beaconsRule
	tlvBeaconsRule
	iso6709Rule

	// Parts of a value that is spread over several elements: see parts.go.
	operatorRule
	areaRule
	cellRule
	wideCellRule
	ibuttonRule
	rfidRule
	driverNameRule
	iccidHeadRule
	iccidTailRule
	iccidText1Rule
	iccidText2Rule
	iccidText3Rule
	card1HeadRule
	card1TailRule
	card2HeadRule
	card2TailRule
	plate1Rule
	plate2Rule
	vin1Rule
	vin2Rule
	vin3Rule
	cell1AreaRule
	cell1IdRule
	cell1SignalRule
	cell1MncRule
	cell2AreaRule
	cell2IdRule
	cell2SignalRule
	cell2MncRule
	cell3AreaRule
	cell3IdRule
	cell3SignalRule
	cell3MncRule
	cell4AreaRule
	cell4IdRule
	cell4SignalRule
	cell4MncRule
	endRule

	firstPart = operatorRule
)

// maxElement is above every id of the table; ids from there on have no name.
const maxElement = 11318

// family is the numbering of one line of devices, as an index by id.
type family struct {
	rows  []element // rows[0] is what has no name
	index [maxElement]uint16
}

// The vendor's numberings. An id of the FMx6 and TAT lines that has no row of its own means what it means to the FMB line;
// the old GH devices share nothing with it.
var (
	fmb  = newFamily(fmbElements)
	fmx6 = newFamily(fmbElements, fmx6Elements)
	tat  = newFamily(fmbElements, tatElements)
	gh   = newFamily(ghElements)
)

func newFamily(layers ...[]element) *family {
	f := &family{rows: []element{{plain: notPlain}}}
	for _, layer := range layers {
		for _, e := range layer {
			e.plain = notPlain
			if e.rule < firstPart && e.rule != hdopRule { // the others are put together at the end of the record
				e.mark = markOf(e.name)
			}
			if (e.rule == numberRule || e.rule == flagRule && e.width == 1) && e.width != 0 && e.other == "" && e.alarm == noAlarm {
				e.plain = e.width
			}
			if e.other != "" {
				second := e
				second.name, second.mark = e.other, markOf(e.other)
				e.second = &second
			}
			f.index[e.id] = uint16(len(f.rows))
			f.rows = append(f.rows, e)
		}
	}
	return f
}

func markOf(name string) uint64 {
	return 1 << (uint32(protocols.Fingerprint([]byte(name))) % 64)
}

// element returns the row of an id, or rows[0].
func (f *family) element(id uint16) *element {
	if id < maxElement {
		return &f.rows[f.index[id]]
	}
	return &f.rows[0]
}

// familyOf picks the numbering: by the model that the registry names (a family or a model of the vendor's), else by the
// codec. Codec 16 is spoken by the FMx6 line only.
func familyOf(model string, codec byte) *family {
	switch {
	case codec == codecGH:
		return gh
	case model == "":
	case hasPrefix(model, "fmx6"), hasPrefix(model, "fm63"),
		hasPrefix(model, "fmb6"), hasPrefix(model, "fmc6"), hasPrefix(model, "fmm6"):
		return fmx6
	case hasPrefix(model, "tat"):
		return tat
	default:
		return fmb
	}
	if codec == codec16 {
		return fmx6
	}
	return fmb
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// attributes documents the names that only this protocol uses.
func attributes() map[string]protocols.Attribute {
	all := make(map[string]protocols.Attribute, len(elementAttributes)+len(derivedAttributes))
	for _, m := range []map[string]protocols.Attribute{elementAttributes, derivedAttributes} {
		for name, a := range m {
			if _, common := protocols.Dictionary[name]; !common {
				all[name] = a
			}
		}
	}
	for _, name := range faultNames {
		all[name] = protocols.Attribute{Type: "number", Meaning: "code of the sensor's fault, in place of its value"}
	}
	// Of rssi, the common dictionary leaves the scale to the protocol.
	all["rssi"] = protocols.Attribute{Type: "number", Meaning: "bars of mobile signal, 0 to 5; of the GH line, as sent"}
	return all
}
