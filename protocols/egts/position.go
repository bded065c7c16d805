package egts

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/trackgate/trackgate/protocols"
)

// subPosition is POS_DATA; positionSize is its length without altitude and data of its cause.
const (
	subPosition  = 16
	positionSize = 21
)

// Bits of a position's flags.
const (
	positionValid    = 0x01
	position3D       = 0x02
	positionPZ90     = 0x04
	positionStored   = 0x08 // from the black box
	positionMoving   = 0x10
	positionSouth    = 0x20
	positionWest     = 0x40
	positionAltitude = 0x80
)

// Bits above the speed.
const (
	speedMask    = 0x3fff
	belowSea     = 0x4000
	courseHigh   = 0x8000
	speedNone    = 0x3ff0 // from here on it is unknown
	odometerNone = 0xffffff
)

// Causes of a record that say something of the ignition.
const (
	causeTimerOn  = 0
	causeTimerOff = 5
)

// causes are alarms by the cause of a record.
var causes = [...]string{
	7: "overspeed", 10: "tampering", 11: "power_cut", 12: "low_battery", 13: "sos", 15: "sos", 19: "fault", 20: "harsh_accel", 21: "harsh_brake",
	25: "gps_antenna_cut", 28: "tow",
}

// telemetry reads a record of positions and sensors. A position begins an event, to which all belongs that stands behind it; what stands before the
// first is an event without a fix.
func (c *call) telemetry(rec *record) {
	var t telemetry
	begin := 0 // of what the event at hand is made of
	rest := rec.data
	for len(rest) > 0 {
		kind, data, after, ok := nextSub(rest)
		if !ok {
			break // what can not be told apart is answered as malformed, and the device may send it again
		}
		at := len(rec.data) - len(rest)
		switch {
		case kind == subPosition && rec.source == serviceTeledata && len(data) >= positionSize:
			t.finish(rec.data[begin:at])
			begin = at
			t = telemetry{e: c.add(rec, protocols.Position), position: true}
			c.position(t.e, data)
		case kind == subResponse && len(data) == 3: // an answer to a record of ours
		default:
			if t.e == nil {
				begin = at
				t.e = c.add(rec, protocols.Status)
				if rec.flags&recordTime != 0 {
					c.setTime(t.e, rec.time)
				}
				if rec.source != serviceTeledata {
					t.e.Int("service", int64(rec.source))
				}
			}
			if rec.source != serviceTeledata || !t.sensor(kind, data) {
				t.raw = append(t.raw, rest[:len(rest)-len(after)]...)
			}
		}
		rest = after
	}
	t.finish(rec.data[begin : len(rec.data)-len(rest)])
}

// finish completes the event at hand from the subrecords that it is made of.
func (t *telemetry) finish(made []byte) {
	if t.e == nil {
		return
	}
	if len(t.raw) > 0 {
		hexText(t.e, "raw", t.raw)
	}
	if !t.position {
		t.e.FP = protocols.Fingerprint(made)
		return
	}
	const flags = 3 + 12 // whether a record comes from the black box does not tell it from another
	t.e.FP = protocols.Fingerprint(made[:flags], []byte{made[flags] &^ positionStored}, made[flags+1:])
}

// position reads POS_DATA:
//
//	time 4 | latitude 4 | longitude 4 | flags 1 | speed 2 | course 1 | odometer 3 | inputs 1 | cause 1 | [altitude 3] | [data of the cause 2]
func (c *call) position(e *protocols.Event, b []byte) {
	le := binary.LittleEndian
	c.setTime(e, le.Uint32(b))
	const whole = 0xffffffff
	lat, lng := float64(le.Uint32(b[4:]))*90/whole, float64(le.Uint32(b[8:]))*180/whole
	flags := b[12]
	if flags&positionSouth != 0 {
		lat = -lat
	}
	if flags&positionWest != 0 {
		lng = -lng
	}
	if !e.SetFix(lat, lng, flags&positionValid != 0) {
		e.Kind = protocols.Status
	}
	e.Stored = flags&positionStored != 0
	speed := le.Uint16(b[13:])
	if v := speed & speedMask; v < speedNone {
		e.SetSpeed(float64(v) / 10)
	}
	course := uint16(b[15])
	if speed&courseHigh != 0 {
		course += 256
	}
	e.SetCourse(float64(course))
	e.Bool("motion", flags&positionMoving != 0)
	e.Bool("fix_3d", flags&position3D != 0)
	if flags&positionPZ90 != 0 {
		e.Bool("pz90", true)
	}
	if v := uint24(b[16:]); v != odometerNone {
		e.Int("odometer_m", int64(v)*100)
	}
	inputs, cause := b[19], b[20]
	e.Int("inputs", int64(inputs))
	for i, name := range inputNames {
		e.Bool(name, inputs&(1<<i) != 0)
	}
	e.Int("event", int64(cause))
	if int(cause) < len(causes) && causes[cause] != "" {
		e.Kind, e.Alarm = protocols.Alarm, causes[cause]
	}
	c.ignition(e, inputs, cause)
	b = b[positionSize:]
	if flags&positionAltitude != 0 && len(b) >= 3 {
		alt := float64(uint24(b))
		if speed&belowSea != 0 {
			alt = -alt
		}
		e.SetAlt(alt)
		b = b[3:]
	}
	if len(b) >= 2 {
		e.Int("event_value", int64(le.Uint16(b)))
	}
}

var inputNames = [...]string{"in1", "in2", "in3", "in4"}

// ignition says what an operator knows of the wiring.
func (c *call) ignition(e *protocols.Event, inputs, cause byte) {
	if c.s.Options.Extra == "" {
		return
	}
	switch v, _ := c.s.Options.Get("ignition"); {
	case v == "source":
		if cause == causeTimerOn || cause == causeTimerOff {
			e.Bool("ignition", cause == causeTimerOn)
		}
	case len(v) == 1 && v[0] >= '1' && v[0] <= '8':
		e.Bool("ignition", inputs&(1<<(v[0]-'1')) != 0)
	}
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// hexText adds bytes in hex, whatever their number: it is bounded by the packet's.
func hexText(e *protocols.Event, name string, v []byte) {
	if 2*len(v) <= protocols.MaxText {
		e.Text(name, hex.EncodeToString(v))
		return
	}
	e.JSON(name, string(append(hex.AppendEncode(append(make([]byte, 0, 2*len(v)+2), '"'), v), '"')))
}
