package galileosky

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// record is a record that is being read.
type record struct {
	seen     [4]uint64 // tags so far
	e        *protocols.Event
	hasTime  bool
	answer   bool // holds the answer to a command
	millis   int64
	cells    bool // the position is that of the radio cell
	number   int  // tag 04; -1: none
	canB0    uint32
	odometer bool
}

func (c *call) begin() record { return record{e: c.f.Add(protocols.Status), number: -1} }

// take marks a tag as seen; false: it was.
func (r *record) take(id byte) bool {
	bit := uint64(1) << (id & 63)
	if r.seen[id>>6]&bit != 0 {
		return false
	}
	r.seen[id>>6] |= bit
	return true
}

// records reads the tags of a packet. The tag that comes again begins the next record. What follows a tag that is not known can not be read: it stays
// with the record as it is. A record whose last value is cut off is none.
func (c *call) records(b []byte) {
	for len(b) > 0 {
		r := c.begin()
		start, body := b, []byte(nil)
		for len(b) > 0 {
			id := b[0]
			t := &tags[id]
			if !r.take(id) {
				break
			}
			if body == nil && id > tagDevice {
				body = b
			}
			if t.size == 0 {
				r.e.Text("raw", hexText(b))
				b = nil
				break
			}
			value, rest := measure(t, b[1:])
			if rest == nil {
				if id != tagExtended {
					c.f.Events = c.f.Events[:len(c.f.Events)-1]
					return
				}
				r.e.Text("raw", hexText(b))
				b = nil
				break
			}
			c.f.Note(b[:1], "tag", "decides what the value behind it is")
			c.apply(&r, id, value)
			b = rest
		}
		if body == nil {
			body = start
		}
		c.finish(&r, body[:len(body)-len(b)])
	}
}

// finish completes the event of a record, or takes it back where it says nothing of a time or a command. What the unit repeats is all behind
// its identity.
func (c *call) finish(r *record, body []byte) {
	if c.device == "" && r.number >= 0 {
		c.device = strconv.Itoa(r.number) // units can be set up to send this number alone
	}
	e := r.e
	if !r.hasTime && !r.answer {
		c.f.Events = c.f.Events[:len(c.f.Events)-1]
		return
	}
	if !r.odometer && r.canB0 != 0 {
		e.Int("odometer_m", int64(r.canB0)*5)
	}
	if e.Time != 0 {
		e.Time += protocols.Millis(r.millis)
	}
	e.Device, e.Stored, e.FP = c.device, c.stored, protocols.Fingerprint(body)
	switch {
	case e.Kind == protocols.Alarm:
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	case r.answer && !r.hasTime:
		e.Kind = protocols.CommandResult
	}
}

// apply reads one value, of the size that its tag says.
func (c *call) apply(r *record, id byte, v []byte) {
	e, t := r.e, &tags[id]
	switch t.form {
	case unsigned:
		e.Dec(t.name, int64(little(v)), t.scale)
		return
	case signed:
		e.Int(t.name, int64(int8(v[0])))
		return
	case hexBytes:
		e.Text(t.name, hexText(v))
		return
	}
	switch id {
	case tagHardware:
		e.Text("hardware", versions[v[0]])
	case tagSoftware:
		e.Text("software", versions[v[0]])
	case tagIMEI:
		if c.device != string(v) && allDigits(v) {
			c.device = string(v)
		}
	case tagDevice:
		r.number = int(little(v))
		e.Int("device_number", int64(r.number))
	case tagTime:
		r.hasTime, e.Time = true, protocols.Millis(little(v))*1000
	case tagMillis:
		r.millis = int64(min(little(v), 999))
	case tagFix:
		correct := v[0] >> 4
		r.cells = correct == 2
		e.SetFix(microDegrees(v[1:]), microDegrees(v[5:]), correct == 0)
		e.SetSats(v[0] & 15)
		if correct != 0 {
			e.Int("gnss_status", int64(correct))
		}
	case tagMotion:
		e.SetSpeed(float64(little(v[:2])) / 10)
		e.SetCourse(float64(little(v[2:])) / 10)
	case tagAltitude:
		e.SetAlt(float64(int16(little(v))))
	case tagHDOP:
		if r.cells {
			e.Int("accuracy_m", int64(v[0])*10)
		} else {
			e.SetHDOP(float64(v[0]) / 10)
		}
	case tagStatus:
		c.status(e, little(v))
	case tagOutputs:
		e.Int("outputs", int64(little(v)))
		for i, name := range outNames {
			e.Bool(name, v[0]>>i&1 != 0)
		}
	case tagInputs:
		c.inputs(e, little(v))
	case tagEcoDrive:
		for i, name := range ecoNames {
			e.Dec(name, int64(v[i]), 2)
		}
	case tagDriver, tagDriver2:
		if key := little(v); key != 0 { // 0: no key
			name := "driver_id"
			if id == tagDriver2 {
				name = "driver2_id"
			}
			e.Text(name, strconv.FormatUint(uint64(key), 10))
		}
	case tagAnswer:
		r.answer = true
		e.Text("result", string(v))
	default:
		r.sensors(c, id, v)
	}
}

// ecoNames are the four bytes of the driving style.
var ecoNames = [...]string{"eco_accel_g", "eco_brake_g", "eco_corner_g", "eco_shock_g"}

// sensors reads the values of the vehicle's bus and of sensors that come in series.
func (r *record) sensors(c *call, id byte, v []byte) {
	e := r.e
	switch {
	case id == tagCANA0:
		e.Dec("fuel_used_l", int64(little(v))*5, 1)
	case id == tagCANA1:
		if little(v) == 0 { // no bus: else it would be -40 °C in every engine without one
			e.Int("can_a1", 0)
			return
		}
		e.Dec("fuel_pct", int64(v[0])*4, 1)
		e.Int("coolant_c", int64(v[1])-40)
		e.Dec("rpm", int64(little(v[2:]))*125, 3)
	case id == tagCANB0:
		r.canB0 = little(v)
		e.Int("can_odometer_m", int64(r.canB0)*5)
	case id == tagOdometer:
		r.odometer = true
		e.Int("odometer_m", int64(little(v)))
	case id >= 0x63 && id <= 0x6f:
		e.Int(fuelLevels[id-0x60], int64(little(v[:2])))
		e.Int(levelTemps[id-0x60], int64(int8(v[2])))
	case id >= 0x70 && id <= 0x77:
		e.Int(thermometers[id-0x70], int64(v[0]))
		e.Int(temps[id-0x70], int64(int8(v[1])))
	case id >= 0x80 && id <= 0x87:
		e.Int(hygroIDs[id-0x80], int64(v[0]))
		e.Int(hygroTemps[id-0x80], int64(int8(v[1])))
		e.Dec(hygroPct[id-0x80], (int64(v[2])*1000+127)/255, 1)
	}
}

// status reads the status word. Which bits beyond the first nine mean what differs between firmwares, so the operator says so.
func (c *call) status(e *protocols.Event, word uint32) {
	e.Int("status", int64(word))
	e.Bool("motion", word&1 != 0)
	if c.s.Options.Extra == "" {
		return
	}
	if how, _ := c.s.Options.Get("ignition"); how == "status" {
		e.Bool("ignition", word>>9&1 != 0)
	}
	if how, _ := c.s.Options.Get("sos"); how == "status" && word>>15&1 != 0 {
		e.Kind, e.Alarm = protocols.Alarm, "sos"
	}
}

// inputs reads the digital inputs.
func (c *call) inputs(e *protocols.Event, mask uint32) {
	e.Int("inputs", int64(mask))
	for i, name := range inNames {
		e.Bool(name, mask>>i&1 != 0)
	}
	if c.s.Options.Extra == "" {
		return
	}
	if how, _ := c.s.Options.Get("ignition"); len(how) > 2 && how[:2] == "in" {
		if n, err := strconv.Atoi(how[2:]); err == nil && n >= 1 && n <= 16 {
			e.Bool("ignition", mask>>(n-1)&1 != 0)
		}
	}
}

// little reads a number of 1 to 4 bytes.
func little(v []byte) uint32 {
	switch len(v) {
	case 1:
		return uint32(v[0])
	case 2:
		return uint32(binary.LittleEndian.Uint16(v))
	}
	return binary.LittleEndian.Uint32(v)
}

func microDegrees(v []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(v))) / 1e6 }

func allDigits(b []byte) bool {
	for _, x := range b {
		if x < '0' || x > '9' {
			return false
		}
	}
	return true
}

// hexText is what has no meaning here, as far as a text attribute goes.
func hexText(b []byte) string {
	return hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)])
}
