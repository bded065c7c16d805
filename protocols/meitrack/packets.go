package meitrack

import (
	"bytes"
	"encoding/hex"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// packets reads CCE: records still in the device's memory 4, number of packets 2, packets of a length 2 and what it counts.
func (c *call) packets() error {
	r := protocols.NewReader(c.data)
	cached, count := r.U32LE(), int(r.U16LE())
	n := 0
	for ; n < count && r.Len() >= 2; n++ {
		b := r.Bytes(int(r.U16LE()))
		if b == nil {
			break // runs past the frame
		}
		c.packet(b, cached > 0)
	}
	if len(c.f.Events) == 0 {
		return errRecord
	}
	if v, _ := c.s.Options.Get(optionAckCCE); v == "true" {
		c.answer(c.flag, ",CCE,"+strconv.Itoa(n))
	}
	return nil
}

// packet is what a packet says that takes more than one item to read.
type packet struct {
	event    int64
	lat, lng float64
	at       protocols.Millis
	valid    bool
	in, out  int // -1: not sent
	obdSpeed bool
	again    bool // an item came twice
	seen     [4][4]uint64
	cells    []byte
	points   []byte // WiFi
	sensors  []byte // Bluetooth
	single   cellOf
	cellN    int
}

type cellOf struct {
	mcc, mnc, lac uint16
	cid           uint32
	dbm           int16
}

// packet reads number 2 and four groups of items: values of 1, 2 and 4 bytes, and values with a length. A group is a count and as many
// items of an id and a value; an id that begins with FE has two bytes. A packet whose groups run past it is passed over, unless
// nothing but filling is left.
func (c *call) packet(b []byte, stored bool) {
	if len(b) < 2 {
		return
	}
	e := c.f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(b[2:])
	p := packet{event: -1, in: -1, out: -1}
	if !c.groups(e, &p, b[2:]) || p.at != 0 && !plausible(p.lat, p.lng, p.at) {
		c.f.Events = c.f.Events[:len(c.f.Events)-1]
		return
	}
	e.Time = p.at
	e.SetFix(p.lat, p.lng, p.valid)
	if p.event >= 0 {
		e.Int("event", p.event)
	}
	if p.event == eventAnswer {
		e.Int("command_id", int64(c.flag-firstFlag))
	}
	if p.in >= 0 {
		c.inputs(e, p.in, p.event)
	}
	if p.out >= 0 {
		outputs(e, p.out)
	}
	p.addLists(e)
	archive(e, stored)
	if p.again {
		unique(e)
	}
	finish(e, p.event)
}

// addLists adds cells, access points and Bluetooth sensors.
func (p *packet) addLists(e *protocols.Event) {
	switch s := &p.single; {
	case p.cellN == 1 && s.dbm >= 0:
		e.Cell(s.mcc, s.mnc, uint32(s.lac), uint64(s.cid))
	case p.cellN > 0:
		e.JSON("cells", string(append(p.cells, ']')))
	}
	if len(p.points) > 0 {
		e.JSON("wifi", string(append(p.points, ']')))
	}
	if len(p.sensors) > 0 {
		e.JSON("beacons", string(append(p.sensors, ']')))
	}
}

// groups reads the four groups; false: they run past the packet.
func (c *call) groups(e *protocols.Event, p *packet, b []byte) bool {
	r := protocols.NewReader(b)
	for group := range 4 {
		if r.Len() == 0 {
			return group > 0
		}
		count := int(r.U8())
		for ; count > 0; count-- {
			if filling(&r) {
				return true
			}
			id := uint16(r.U8())
			if id == 0xfe {
				id = id<<8 | uint16(r.U8())
			}
			p.mark(group, id)
			switch group {
			case 0:
				c.value1(e, p, id, r.U8())
			case 1:
				c.value2(e, p, id, r.U16LE())
			case 2:
				c.value4(e, p, id, r.U32LE())
			default:
				if v := r.Bytes(int(r.U8())); v != nil {
					p.variable(e, id, v)
				}
			}
			if r.Err() != nil {
				return false
			}
		}
	}
	return true
}

// filling tells whether nothing but FF is left, with which some firmware fills a packet.
func filling(r *protocols.Reader) bool {
	rest := r.Peek(r.Len())
	return len(rest) > 1 && rest[0] == 0xff && len(bytes.TrimLeft(rest, "\xff")) == 0
}

// mark notes that an item was sent.
func (p *packet) mark(group int, id uint16) {
	word, bit := &p.seen[group][id>>6&3], uint64(1)<<(id&63)
	p.again = p.again || *word&bit != 0
	*word |= bit
}

// Ids of two bytes.
const (
	idBatteryPct  = 0xfe69
	idEngineHours = 0xfef4
	idCameraAlarm = 0xfe31
	idSensor      = 0xfe73
	idBatteries   = 0xfea8
)

// value1 reads an item of one byte.
func (c *call) value1(e *protocols.Event, p *packet, id uint16, v uint8) {
	switch id {
	case 0x01:
		p.event = int64(v)
	case 0x05:
		p.valid = v == 1
	case 0x06:
		e.SetSats(v)
	case 0x07:
		e.Int("rssi", int64(v))
	case 0x14:
		p.out = int(v)
	case 0x15:
		p.in = int(v)
	case 0x1b:
		e.Int("source", int64(v))
	case 0x27:
		e.Int("wifi_count", int64(v))
	case 0x47:
		e.Bool("lock", v == 2)
	case 0x97:
		e.Int("throttle_pct", int64(v))
	case 0x9d:
		e.Int("fuel_pct", int64(v))
	case idBatteryPct:
		e.Int("battery_pct", int64(v))
	default:
		e.Int(protocols.IOKey(id), int64(v))
	}
}

// value2 reads an item of two bytes.
func (c *call) value2(e *protocols.Event, p *packet, id uint16, v uint16) {
	switch id {
	case 0x08:
		e.SetSpeed(float64(v))
	case 0x09:
		e.SetCourse(float64(v))
	case 0x0a:
		e.SetHDOP(float64(v) / 10)
	case 0x0b:
		e.SetAlt(float64(int16(v)))
	case 0x16:
		e.Dec("adc1_v", int64(v), 2)
	case 0x17:
		e.Dec("adc2_v", int64(v), 2)
	case 0x18:
		e.Dec("adc3_v", int64(v), 2)
	case 0x19:
		e.Dec("battery_v", int64(v), 2)
	case 0x1a:
		e.Dec("power_v", int64(v), 2)
	case 0x29:
		e.Dec("fuel_pct", int64(v), 2)
	case 0x40:
		p.event = int64(v)
	case 0x91, 0x92:
		name := "vehicle_speed_kmh"
		if p.obdSpeed {
			name = "tacho_speed_kmh"
		}
		p.obdSpeed = true
		e.Int(name, int64(v))
	case 0x98:
		e.Int("fuel_used", int64(v))
	case 0x99:
		e.Int("rpm", int64(v))
	case 0x9c:
		e.Int("coolant_c", int64(int16(v)))
	case 0x9f:
		e.Int("obd_temp_c", int64(int16(v)))
	case 0xc9:
		e.Int("obd_consumption", int64(v))
	default:
		e.Int(protocols.IOKey(id), int64(v))
	}
}

// value4 reads an item of four bytes.
func (c *call) value4(e *protocols.Event, p *packet, id uint16, v uint32) {
	switch id {
	case 0x02:
		p.lat = float64(int32(v)) / 1e6
	case 0x03:
		p.lng = float64(int32(v)) / 1e6
	case 0x04:
		p.at = epoch2000 + 1000*protocols.Millis(v)
	case 0x0c:
		e.Int("odometer_m", int64(v))
	case 0x0d:
		e.Int("runtime_s", int64(v))
	case 0x1c:
		e.Int("status", int64(v))
	case 0x25:
		if v != 0 {
			e.Text("driver_id", strconv.FormatUint(uint64(v), 10))
		}
	case 0x9b:
		e.Int("obd_odometer_m", int64(v))
	case 0xa0:
		e.Dec("fuel_used_l", int64(v), 3)
	case 0xa2:
		e.Dec("consumption", int64(v), 2)
	case idEngineHours:
		e.Int("hours_s", int64(v)*60)
	default:
		e.Int(protocols.IOKey(id), int64(v))
	}
}

// variable reads an item with a length. One that is shorter than its layout is kept as it is.
func (p *packet) variable(e *protocols.Event, id uint16, v []byte) {
	r := protocols.NewReader(v)
	switch {
	case (id == 0x0e || id == 0x0f || id == 0x10 || id == 0x12 || id == 0x13) && len(v) == 12:
		p.addCell(&r)
	case id >= 0x1d && id <= 0x25 && len(v) == 8:
		p.addPoint(&r)
	case id >= 0x2a && id <= 0x31 && len(v) == 3:
		n := id - 0x2a
		e.Int(tempSensors[n], int64(r.U8()))
		e.Dec(temps[n], int64(int16(r.U16LE())), 2)
	case id == 0x4b && len(v) >= 3 && int(v[2]) <= len(v)-3:
		if words := readable(v[3 : 3+int(v[2])]); words != "" {
			e.Text("network", words)
		}
	case id == idCameraAlarm && len(v) >= 2:
		e.Int("camera_alarm", int64(v[1]))
		if name := readable(v[2:]); name != "" {
			e.Text("picture", name)
		}
	case id == idSensor && p.sensor(&r):
	case id == idBatteries && len(v) >= 7:
		for i, name := range [...]string{"battery_pct", "battery2_pct", "battery3_pct"} {
			if v[2*i] == 0 {
				continue
			}
			if _, sent := e.Attrs.Get(name); !sent {
				e.Int(name, int64(v[2*i+1]))
			}
		}
		if v[6] != 0 {
			e.Int("battery_alert", int64(v[6]))
		}
	case id == 0xff && len(bytes.TrimLeft(v, "\xff")) == 0: // filling that looks like an item
	default:
		e.Text(protocols.IOKey(id), hex.EncodeToString(v))
	}
}

// tempSensors are the numbers of the temperature sensors.
var tempSensors = [...]string{"temp0_sensor", "temp1_sensor", "temp2_sensor", "temp3_sensor", "temp4_sensor", "temp5_sensor", "temp6_sensor",
	"temp7_sensor"}

// addCell reads MCC 2, MNC 2, LAC 2, cell id 4 and dBm 2, which is negative where it is known.
func (p *packet) addCell(r *protocols.Reader) {
	s := cellOf{mcc: r.U16LE(), mnc: r.U16LE(), lac: r.U16LE(), cid: r.U32LE(), dbm: int16(r.U16LE())}
	if s.mcc == 0 || s.mcc > 999 || s.mnc > 999 {
		return
	}
	if s.dbm < -150 {
		s.dbm = 0
	}
	if p.cellN++; p.cellN == 1 {
		if p.single = s; s.dbm >= 0 {
			return // no need of a list yet
		}
		p.cells = appendCell(append(make([]byte, 0, 96), '['), s)
		return
	}
	if p.cellN == 2 && len(p.cells) == 0 {
		p.cells = appendCell(append(p.cells, '['), p.single)
	}
	p.cells = appendCell(append(p.cells, ','), s)
}

func appendCell(b []byte, s cellOf) []byte {
	b = strconv.AppendUint(append(b, `{"mcc":`...), uint64(s.mcc), 10)
	b = strconv.AppendUint(append(b, `,"mnc":`...), uint64(s.mnc), 10)
	b = strconv.AppendUint(append(b, `,"lac":`...), uint64(s.lac), 10)
	b = strconv.AppendUint(append(b, `,"cid":`...), uint64(s.cid), 10)
	if s.dbm < 0 {
		b = strconv.AppendInt(append(b, `,"rssi_dbm":`...), int64(s.dbm), 10)
	}
	return append(b, '}')
}

// open begins another object of a JSON list.
func open(b []byte) []byte {
	if len(b) == 0 {
		return append(b, '[', '{')
	}
	return append(b, ',', '{')
}

// appendMAC appends an address as text.
func appendMAC(b, mac []byte) []byte {
	b = append(b, `"mac":"`...)
	for i, x := range mac {
		if i > 0 {
			b = append(b, ':')
		}
		const digits = "0123456789abcdef"
		b = append(b, digits[x>>4], digits[x&15])
	}
	return append(b, '"')
}

// addPoint reads an access point: MAC 6, dBm 2. One of zeros is none.
func (p *packet) addPoint(r *protocols.Reader) {
	mac, dbm := r.Bytes(6), int16(r.U16LE())
	if mac[0]|mac[1]|mac[2]|mac[3]|mac[4]|mac[5] == 0 {
		return
	}
	b := appendMAC(open(p.points), mac)
	if dbm < 0 {
		b = strconv.AppendInt(append(b, `,"rssi_dbm":`...), int64(dbm), 10)
	}
	p.points = append(b, '}')
}

// sensor reads a Bluetooth sensor: version 1, name with a length, MAC 6, battery 1, temperature 2 and humidity 2 in 1/256, thresholds.
func (p *packet) sensor(r *protocols.Reader) bool {
	r.Skip(1)
	name, mac := r.Bytes(int(r.U8())), r.Bytes(6)
	battery, temp, humidity := r.U8(), int16(r.U16LE()), int16(r.U16LE())
	if r.Err() != nil {
		return false
	}
	b := append(appendMAC(open(p.sensors), mac), `,"name":`...)
	b = strconv.AppendQuoteToASCII(b, readable(name))
	b = strconv.AppendUint(append(b, `,"battery_pct":`...), uint64(battery), 10)
	b = strconv.AppendFloat(append(b, `,"temp_c":`...), float64(temp)/256, 'f', -1, 64)
	b = strconv.AppendFloat(append(b, `,"humidity_pct":`...), float64(humidity)/256, 'f', -1, 64)
	p.sensors = append(b, '}')
	return true
}

// readable is ASCII up to its first zero; what is not printable becomes a question mark.
func readable(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	out := bytes.Clone(b)
	for i, x := range out {
		if x < 0x20 || x > 0x7e {
			out[i] = '?'
		}
	}
	return string(out)
}

// unique drops of each attribute that was added twice the earlier one.
func unique(e *protocols.Event) {
	kept := e.Attrs[:0]
	for i, a := range e.Attrs {
		if _, again := e.Attrs[i+1:].Get(a.Name); !again {
			kept = append(kept, a)
		}
	}
	e.Attrs = kept
}
