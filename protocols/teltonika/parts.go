package teltonika

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// parts holds the values of a record that mean something together only.
type parts struct {
	have uint64
	v    [endRule - firstPart]uint64
}

func (p *parts) set(r rule, v uint64) {
	p.v[r-firstPart] = v
	p.have |= 1 << (r - firstPart)
}

func (p *parts) has(r rule) bool { return p.have&(1<<(r-firstPart)) != 0 }

// get returns a part, and whether the record has it; zero if not.
func (p *parts) get(r rule) (uint64, bool) {
	if !p.has(r) {
		return 0, false
	}
	return p.v[r-firstPart], true
}

// mask is the set of the parts from first to last.
func mask(first, last rule) uint64 {
	return (1<<(last-first+1) - 1) << (first - firstPart)
}

var (
	cellParts   = mask(operatorRule, wideCellRule)
	assetParts  = mask(cell1AreaRule, cell4MncRule)
	driverParts = mask(ibuttonRule, driverNameRule) | mask(card1HeadRule, card2TailRule)
	simParts    = mask(iccidHeadRule, iccidText3Rule)
	nameParts   = mask(plate1Rule, vin3Rule)
)

// compose adds the attributes that the parts of the record make together.
func (r *recordReader) compose() {
	p, e := &r.parts, r.event
	if p.have&(cellParts|assetParts) != 0 {
		r.cells()
	}
	if p.have&driverParts != 0 {
		r.driver()
	}
	if p.have&simParts != 0 {
		head, haveHead := p.get(iccidHeadRule)
		tail, haveTail := p.get(iccidTailRule)
		switch {
		case haveHead && haveTail && head != 0:
			e.Text("iccid", iccid(head, tail))
		case haveHead:
			e.Text("iccid", decimalText(head))
		case haveTail:
			e.Text("iccid_end", decimalText(tail))
		}
		r.joined("iccid", iccidText1Rule, iccidText3Rule, 8)
	}
	if p.have&nameParts != 0 {
		r.joined("plate", plate1Rule, plate2Rule, 8)
		r.joined("vin", vin1Rule, vin3Rule, 1)
	}
}

// iccid puts the two halves of a SIM's number together; the second has ten digits.
func iccid(head, tail uint64) string {
	k := textKey{rule: iccidHeadRule, a: head, b: tail}
	if t, ok := k.kept(); ok {
		return t
	}
	b := strconv.AppendUint(nil, head, 10)
	t := strconv.FormatUint(tail, 10)
	for n := len(t); n < 10; n++ {
		b = append(b, '0')
	}
	return k.keep(string(append(b, t...)))
}

// joined adds a text that is spread over parts of eight characters, the last of size characters.
func (r *recordReader) joined(name string, first, last rule, size int) {
	if r.parts.have&mask(first, last) == 0 {
		return
	}
	var b [24]byte
	text := b[:0]
	for k := first; k <= last; k++ {
		v, ok := r.parts.get(k)
		if !ok {
			continue
		}
		n := 8
		if k == last {
			n = size
		}
		for n--; n >= 0; n-- {
			text = append(text, byte(v>>(8*n)))
		}
	}
	if text = printable(text); len(text) > 0 && !r.has(name) {
		r.event.Text(name, string(text))
	}
}

// driver adds who drives: the key on the reader, else a card.
func (r *recordReader) driver() {
	p, e := &r.parts, r.event
	id, known := "", false
	if v, ok := p.get(ibuttonRule); ok {
		id, known = ibuttonText(v), true
		if v != 0 && !ibuttonValid(v) {
			e.Bool("ibutton_ok", false) // some readers send other numbers
		}
	}
	if v, ok := p.get(rfidRule); ok {
		t := ""
		if v != 0 {
			t = hexOf(v, 8)
		}
		e.Text("rfid", t)
		if id == "" {
			id, known = t, true
		}
	}
	if p.has(driverNameRule) && id == "" && r.driverName != "" {
		id, known = r.driverName, true
	}
	for driver, name := range [...]string{"driver1_card", "driver2_card"} {
		head, tail := card1HeadRule, card1TailRule
		if driver == 1 {
			head, tail = card2HeadRule, card2TailRule
		}
		hi, haveHigh := p.get(head)
		lo, haveLow := p.get(tail)
		if !haveHigh && !haveLow {
			continue
		}
		t := cardText(hi, lo)
		e.Text(name, t)
		if driver == 0 && id == "" && t != "" {
			id, known = t, true
		}
	}
	if known {
		e.Text("driver_id", id)
	}
}

// cardText is the number of a driver card: 16 characters in two elements.
func cardText(hi, lo uint64) string {
	k := textKey{rule: card1HeadRule, a: hi, b: lo}
	if t, ok := k.kept(); ok {
		return t
	}
	var b [16]byte
	for i := range 8 {
		b[i], b[8+i] = byte(hi>>(56-8*i)), byte(lo>>(56-8*i))
	}
	return k.keep(string(printable(b[:])))
}

// ibuttonValid checks the number of a key, in the order of the bus: the last byte is the CRC-8 (MAXIM) of the first seven.
func ibuttonValid(v uint64) bool {
	var crc byte
	for i := range 7 {
		crc ^= byte(v >> (56 - 8*i))
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0x8c
			} else {
				crc >>= 1
			}
		}
	}
	return crc == byte(v)
}

// ibuttonText is the number as it is engraved on the key: last byte first. Zero is no key.
func ibuttonText(v uint64) string {
	if v == 0 {
		return ""
	}
	k := textKey{rule: ibuttonRule, a: v}
	if t, ok := k.kept(); ok {
		return t
	}
	var b [16]byte
	for i := range 8 {
		x := byte(v >> (8 * i))
		b[2*i], b[2*i+1] = "0123456789ABCDEF"[x>>4], "0123456789ABCDEF"[x&15]
	}
	return k.keep(string(b[:]))
}

// cells adds the radio cells: the serving one, made from operator, area and id, and those of an asset tracker.
func (r *recordReader) cells() {
	p, e := &r.parts, r.event
	operator, haveOperator := p.get(operatorRule)
	if haveOperator {
		e.Int("operator", int64(operator))
	}
	area, haveArea := p.get(areaRule)
	id, haveID := p.get(cellRule)
	if wide, ok := p.get(wideCellRule); ok {
		if haveID {
			e.Int("cell_id_short", int64(id))
		}
		id, haveID = wide, true
	}
	if p.have&assetParts == 0 && area|id < 1<<32 && operator < 1<<31 {
		if area|id == 0 {
			return // not in a network
		}
		if mcc, mnc := network(operator); mcc != 0 && haveArea && haveID {
			e.Cell(uint16(mcc), uint16(mnc), uint32(area), id)
			return
		}
		k := textKey{rule: cellRule, a: area<<32 | id, b: operator}
		if haveArea {
			k.b |= 1 << 62
		}
		if haveID {
			k.b |= 1 << 61
		}
		t, ok := k.kept()
		if !ok {
			b := appendCell([]byte{'['}, operator, area, haveArea, id, haveID)
			t = k.keep(string(append(b, ']')))
		}
		e.JSON("cells", t)
		return
	}
	b := []byte{'['}
	if area|id != 0 {
		b = appendCell(b, operator, area, haveArea, id, haveID)
	}
	for n := rule(0); n < 4; n++ {
		first := cell1AreaRule + 4*n
		if p.have&mask(first, first+3) == 0 {
			continue
		}
		area, haveArea := p.get(first)
		id, haveID := p.get(first + 1)
		signal, haveSignal := p.get(first + 2)
		mnc, haveMNC := p.get(first + 3)
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if mcc, _ := network(operator); mcc != 0 {
			b = appendNumber(b, "mcc", int64(mcc))
		}
		if haveMNC {
			b = appendUnsigned(b, "mnc", mnc)
		}
		if haveArea {
			b = appendUnsigned(b, "lac", area)
		}
		if haveID {
			b = appendUnsigned(b, "cid", id)
		}
		if haveSignal {
			b = appendUnsigned(b, "rssi", signal)
		}
		b = append(b, '}')
	}
	if len(b) > 1 {
		e.JSON("cells", string(append(b, ']')))
	}
}

func appendCell(b []byte, operator, area uint64, haveArea bool, id uint64, haveID bool) []byte {
	b = append(b, '{')
	if mcc, mnc := network(operator); mcc != 0 {
		b = appendNumber(b, "mcc", int64(mcc))
		b = appendNumber(b, "mnc", int64(mnc))
	}
	if haveArea {
		b = appendUnsigned(b, "lac", area)
	}
	if haveID {
		b = appendUnsigned(b, "cid", id)
	}
	return append(b, '}')
}

// network splits an operator: three digits of country, and two or three of network.
func network(operator uint64) (mcc, mnc uint64) {
	switch {
	case operator >= 10_000 && operator < 100_000:
		return operator / 100, operator % 100
	case operator >= 100_000 && operator < 1_000_000:
		return operator / 1000, operator % 1000
	}
	return 0, 0
}

// appendNumber appends a member to a JSON object that is open.
func appendNumber(b []byte, name string, v int64) []byte {
	return strconv.AppendInt(appendName(b, name), v, 10)
}

func appendUnsigned(b []byte, name string, v uint64) []byte {
	return strconv.AppendUint(appendName(b, name), v, 10)
}

func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

// end completes the record whose bytes are raw.
func (r *recordReader) end(raw []byte) {
	if r.parts.have != 0 {
		r.compose()
	}
	if len(r.beacons) > 0 {
		r.event.JSON("beacons", string(append(r.beacons, ']')))
		r.beacons = r.beacons[:0]
	} else if r.noBeacons {
		r.event.JSON("beacons", "[]")
	}
	r.kind()
	r.event.FP = protocols.Fingerprint(raw)
}
