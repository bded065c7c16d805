package egts

import (
	"encoding/binary"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Subrecords of sensors.
const (
	subPrecision    = 17 // EXT_POS_DATA
	subAnalog       = 18 // AD_SENSORS_DATA
	subCounters     = 19
	subAcceleration = 20 // or the state, by its length
	subState        = 21
	subLoops        = 22
	subOneInput     = 23
	subOneAnalog    = 24
	subOneCounter   = 25
	subOneLoop      = 26
	subLiquid       = 27
)

// stateSize is the length of a state.
const stateSize = 5

// named is how many sensors of a kind have names: 0 to 8. Others stand in raw.
const named = 9

// telemetry is the event at hand and what it has already.
type telemetry struct {
	e        *protocols.Event
	position bool
	seen     uint64 // subrecords, by type

	inputs, analogs, counters, loops uint16 // by number
	liquids                          uint32 // by number and unit, the last octet: the address

	raw []byte // subrecords that have no place
}

// once tells whether bit n of a set is new, and sets it.
func once[T uint16 | uint32 | uint64](set *T, n uint) bool {
	bit := T(1) << n
	was := *set & bit
	*set |= bit
	return was == 0
}

// sensor reads a subrecord; false: it has no place in the event, by its kind, its length, or because another took it.
func (t *telemetry) sensor(kind byte, b []byte) bool {
	e := t.e
	switch kind {
	case subPrecision, subAnalog, subCounters, subAcceleration, subState, subLoops:
		if !once(&t.seen, uint(kind)) {
			return false
		}
	}
	switch kind {
	case subPrecision:
		return precision(e, b)
	case subAnalog:
		return analog(e, b)
	case subCounters:
		return t.countersData(b)
	case subAcceleration:
		if len(b) == stateSize && once(&t.seen, subState) {
			return state(e, b)
		}
		return acceleration(e, b)
	case subState:
		return state(e, b)
	case subLoops:
		return t.loopsData(b)
	case subOneInput: // number of 12 bits, its high ones above the state
		n := number12(b)
		if n >= named || !once(&t.inputs, n) {
			return false
		}
		e.Int(oneInputNames[n], int64(b[0]&15))
	case subOneLoop:
		n := number12(b)
		if n >= named || !once(&t.loops, n) {
			return false
		}
		e.Int(loopNames[n], int64(b[0]&15))
	case subOneAnalog, subOneCounter: // number 1 | value 3
		if len(b) != 4 || b[0] >= named {
			return false
		}
		n, v := uint(b[0]), int64(uint24(b[1:]))
		switch {
		case kind == subOneAnalog && once(&t.analogs, n):
			e.Int(oneAnalogNames[n], v)
		case kind == subOneCounter && once(&t.counters, n):
			e.Int(counterNames[n], v)
		default:
			return false
		}
	case subLiquid:
		return t.liquid(b)
	default:
		return false
	}
	return true
}

// number12 is the number of a sensor in a subrecord of two bytes; of any other, one that has no name.
func number12(b []byte) uint {
	if len(b) != 2 {
		return named
	}
	return uint(b[0]>>4)<<8 | uint(b[1])
}

// precision reads EXT_POS_DATA:
//
//	which 1 | [VDOP 2] | [HDOP 2] | [PDOP 2] in hundredths | [satellites 1] | [satellite systems 2]
func precision(e *protocols.Event, b []byte) bool {
	r := protocols.NewReader(b)
	which := r.U8()
	var vdop, hdop, pdop, systems uint16
	var sats uint8
	if which&0x01 != 0 {
		vdop = r.U16LE()
	}
	if which&0x02 != 0 {
		hdop = r.U16LE()
	}
	if which&0x04 != 0 {
		pdop = r.U16LE()
	}
	if which&0x08 != 0 {
		sats = r.U8()
	}
	if which&0x10 != 0 {
		systems = r.U16LE()
	}
	if r.Err() != nil {
		return false
	}
	if which&0x01 != 0 {
		e.Dec("vdop", int64(vdop), 2)
	}
	if which&0x02 != 0 {
		e.SetHDOP(float64(hdop) / 100)
	}
	if which&0x04 != 0 {
		e.Dec("pdop", int64(pdop), 2)
	}
	if which&0x08 != 0 {
		e.SetSats(sats)
	}
	if which&0x10 != 0 {
		e.Int("gnss_systems", int64(systems))
	}
	return true
}

// analog reads AD_SENSORS_DATA: which octets of inputs 1 | outputs 1 | which analog sensors 1 | octets 1 each | sensors 3 each.
func analog(e *protocols.Event, b []byte) bool {
	r := protocols.NewReader(b)
	octets, outputs, sensors := r.U8(), r.U8(), r.U8()
	if r.Err() != nil || r.Len() < ones(octets)+3*ones(sensors) {
		return false
	}
	for i, name := range octetNames {
		if octets&(1<<i) != 0 {
			e.Int(name, int64(r.U8()))
		}
	}
	e.Int("outputs", int64(outputs))
	for i, name := range outputNames {
		e.Bool(name, outputs&(1<<i) != 0)
	}
	for i, name := range analogNames {
		if sensors&(1<<i) != 0 {
			e.Int(name, int64(uint24(r.Bytes(3))))
		}
	}
	return true
}

var outputNames = [...]string{"out1", "out2", "out3"}

// countersData reads COUNTERS_DATA: which 1 | 3 each. Bit 0 is counter 1.
func (t *telemetry) countersData(b []byte) bool {
	if len(b) < 1 || len(b) < 1+3*ones(b[0]) || t.counters&(uint16(b[0])<<1) != 0 {
		return false
	}
	t.counters |= uint16(b[0]) << 1
	for i, at := 0, 1; i < 8; i++ {
		if b[0]&(1<<i) != 0 {
			t.e.Int(counterNames[i+1], int64(uint24(b[at:])))
			at += 3
		}
	}
	return true
}

// loopsData reads LOOPIN_DATA: which 1 | states of four bits each, the low half of a byte first. Bit 0 is loop 1.
func (t *telemetry) loopsData(b []byte) bool {
	if len(b) < 1 || 2*(len(b)-1) < ones(b[0]) || t.loops&(uint16(b[0])<<1) != 0 {
		return false
	}
	t.loops |= uint16(b[0]) << 1
	for i, k := 0, 0; i < 8; i++ {
		if b[0]&(1<<i) != 0 {
			t.e.Int(loopNames[i+1], int64(b[1+k/2]>>(4*(k%2))&15))
			k++
		}
	}
	return true
}

// ones counts the bits that are set.
func ones(v byte) (n int) {
	for ; v != 0; v &= v - 1 {
		n++
	}
	return n
}

// state reads STATE_DATA: mode 1 | main, backup and internal voltage 1 each, in tenths | flags 1.
func state(e *protocols.Event, b []byte) bool {
	if len(b) != stateSize {
		return false
	}
	e.Int("mode", int64(b[0]))
	e.Dec("power_v", int64(b[1]), 1)
	e.Dec("backup_battery_v", int64(b[2]), 1)
	e.Dec("battery_v", int64(b[3]), 1)
	e.Bool("backup_in_use", b[4]&1 != 0)
	e.Bool("battery_in_use", b[4]&2 != 0)
	e.Bool("gnss_on", b[4]&4 != 0)
	return true
}

// acceleration reads ACCEL_DATA: number 1 | time 4 | number times: time since then 2 | x, y, z 2 each, in 0.1 m/s².
func acceleration(e *protocols.Event, b []byte) bool {
	r := protocols.NewReader(b)
	n, start := int(r.U8()), r.U32LE()
	if r.Err() != nil || n == 0 || r.Len() != 8*n {
		return false
	}
	list := append(make([]byte, 0, 48*n), '[')
	for i := range n {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendUint(append(list, `{"dt":`...), uint64(r.U16LE()), 10)
		list = strconv.AppendInt(append(list, `,"x":`...), int64(int16(r.U16LE())), 10)
		list = strconv.AppendInt(append(list, `,"y":`...), int64(int16(r.U16LE())), 10)
		list = strconv.AppendInt(append(list, `,"z":`...), int64(int16(r.U16LE())), 10)
		list = append(list, '}')
	}
	e.JSON("accel_samples", string(append(list, ']')))
	e.Int("acceleration_start", int64(start)+epoch)
	return true
}

// Units of a level.
const (
	liquidRaw = iota
	liquidPercent
	liquidTenths // of a litre
)

// liquid reads LIQUID_LEVEL_SENSOR: flags 1 (number, 08 raw bytes follow, unit, 40 faulty) | address 2 | level 4.
func (t *telemetry) liquid(b []byte) bool {
	if len(b) != 7 || b[0]&0x08 != 0 || b[0]&0x40 != 0 {
		return false
	}
	n, unit := uint(b[0]&7), uint(b[0]>>4&3)
	if unit > liquidTenths || !once(&t.liquids, unit*8+n) {
		return false
	}
	if module := binary.LittleEndian.Uint16(b[1:]); module != 0 && once(&t.liquids, 24+n) {
		t.e.Int(levelModules[n], int64(module))
	}
	v := int64(binary.LittleEndian.Uint32(b[3:]))
	name := levelNames[n][unit]
	if unit == liquidTenths {
		t.e.Dec(name, v, 1)
		return true
	}
	t.e.Int(name, v)
	return true
}
