package eelink

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

func hexText(b []byte) string { return hex.EncodeToString(b) }

// second reads the packages of V2 that begin with a position.
func (c *call) second(r *protocols.Reader) {
	e := c.add(protocols.Status)
	defer finish(e, r)
	if !c.position(e, r) {
		return
	}
	switch c.pid {
	case pidLocation:
		statusV2(e, r)
		sensors(e, r)
		beacons(e, r)
	case pidWarning:
		if r.Len() >= 1 {
			warning(e, r.U8())
		}
		statusV2(e, r)
	case pidReport:
		report(e, r)
	case pidMessage:
		message(e, r)
	case pidOBDData:
		items(e, r)
	}
}

// statusV2 reads the status word of V2, where it is there.
func statusV2(e *protocols.Event, r *protocols.Reader) {
	if r.Len() < 2 {
		return
	}
	v := r.U16()
	bit := func(n int) bool { return v&(1<<n) != 0 }
	e.Valid = e.Valid && bit(0)
	if bit(1) {
		e.Bool("ignition", bit(2))
	}
	if bit(3) {
		e.Bool("armed", bit(4))
		e.Bool("motion", bit(9))
	}
	if bit(5) {
		e.Bool("blocked", bit(6))
	}
	if bit(7) {
		e.Bool("charging", bit(8))
	}
	e.Bool("gps_running", bit(10))
	e.Bool("obd_running", bit(11))
	e.Int("inputs", int64(v>>12))
	e.Int("status", int64(v))
}

// sensors reads what follows the status of a location, each as far as it is there:
//
//	battery mV 2 | analog inputs mV 2, 2 | odometer m 4 | counters of GSM and GPS 2, 2 | steps 2, walking s 2 |
//	temperature 2, 1/256 | humidity 2, 0.1 | lux 4, 1/256 | CO2 ppm 4 | probe 2, 1/16
func sensors(e *protocols.Event, r *protocols.Reader) {
	if r.Len() >= 2 {
		e.Dec("battery_v", int64(r.U16()), 3)
	}
	if r.Len() >= 4 {
		e.Dec("adc1_v", int64(r.U16()), 3)
		e.Dec("adc2_v", int64(r.U16()), 3)
	}
	if r.Len() >= 4 {
		e.Int("odometer_m", int64(r.U32()))
	}
	if r.Len() >= 4 {
		e.Int("gsm_count", int64(r.U16()))
		e.Int("gps_count", int64(r.U16()))
	}
	if r.Len() >= 2 {
		e.Int("steps", int64(r.U16()))
	}
	if r.Len() >= 2 {
		e.Int("walking_s", int64(r.U16()))
	}
	if r.Len() >= 12 {
		e.Float("temp1_c", float64(r.I16())/256)
		e.Dec("humidity_pct", int64(r.U16()), 1)
		e.Float("light_lux", float64(r.U32())/256)
		e.Int("co2_ppm", int64(r.U32()))
	}
	if r.Len() >= 2 {
		e.Float("temp2_c", float64(r.I16())/16)
	}
}

// beaconSize is that of a beacon: MAC 6 | level 1 | reserved 1 | model 1 | version 1 | battery mV 2 | temperature 2, 1/256 | data 2.
const beaconSize = 16

// beacons reads count 1, id 1 and beacons.
func beacons(e *protocols.Event, r *protocols.Reader) {
	head := r.Peek(2)
	if head == nil || int(head[0])*beaconSize > r.Len()-2 {
		return
	}
	n := int(r.U8())
	e.Int("beacons_id", int64(r.U8()))
	var l list
	for ; n > 0; n-- {
		l.open()
		l.mac(r.Bytes(6))
		l.number("level", int64(r.U8()))
		l.number("reserved", int64(r.U8()))
		l.number("model", int64(r.U8()))
		l.number("version", int64(r.U8()))
		l.name("battery_v")
		l.b = strconv.AppendFloat(l.b, float64(r.U16())/1000, 'f', -1, 64)
		l.name("temp_c")
		l.b = strconv.AppendFloat(l.b, float64(r.I16())/256, 'f', -1, 64)
		l.number("data", int64(r.U16()))
	}
	l.add(e, "beacons")
}

// warnings are the alarms by type.
var warnings = [256]string{0x01: "power_cut", 0x02: "sos", 0x03: "low_battery", 0x04: "vibration", 0x05: "movement", 0x08: "gps_antenna_cut",
	0x09: "gps_antenna_short", 0x25: "tampering", 0x81: "low_speed", 0x82: "overspeed", 0x83: "geofence_enter", 0x84: "geofence_exit",
	0x85: "collision", 0x86: "fall"}

// warning raises the alarm of a type.
func warning(e *protocols.Event, code byte) {
	if e.Alarm = warnings[code]; e.Alarm == "" {
		e.Alarm = "general"
	}
	e.Int("alarm_code", int64(code))
}

// report reads type 1, where 1 and 2 are ignition on and off, and the status.
func report(e *protocols.Event, r *protocols.Reader) {
	if r.Len() < 1 {
		return
	}
	kind := r.U8()
	e.Int("event", int64(kind))
	statusV2(e, r)
	if _, told := e.Attrs.Get("ignition"); !told && (kind == 1 || kind == 2) {
		e.Bool("ignition", kind == 1)
	}
}

// message reads a phone number, padded to 21 bytes with zeros, and a text.
func message(e *protocols.Event, r *protocols.Reader) {
	const phoneSize = 21
	if r.Len() < phoneSize {
		return
	}
	e.Text("phone", string(bytes.TrimRight(r.Bytes(phoneSize), "\x00")))
	e.Text("message", string(r.Rest()))
}

// items reads values of the vehicle's bus, PID 1 and value 4 each. One that comes twice is kept once.
func items(e *protocols.Event, r *protocols.Reader) {
	var seen [256]bool
	for r.Len() >= 5 {
		id := r.U8()
		v := int64(r.U32())
		if seen[id] {
			continue
		}
		seen[id] = true
		switch id {
		case 0x89:
			e.Int("fuel_consumption", v)
		case 0x8a:
			e.Int("obd_odometer_m", v*1000)
		case 0x8b:
			e.Dec("fuel_l", v, 1)
		default:
			e.Int(protocols.IOKey(uint16(id)), v)
		}
	}
}

// result reads the answer to a command: type 1 | the number of the command 4 | text.
func (c *call) result(r *protocols.Reader) {
	e := c.add(protocols.CommandResult)
	defer finish(e, r)
	if r.Len() < 5 {
		return
	}
	e.Int("event", int64(r.U8()))
	if id := r.U32(); id != 0 {
		e.Int("command_id", int64(id))
	}
	words := string(r.Rest())
	e.Text("result", words)
	place(e, words)
}

// place reads the answer to WHERE#, where there is one:
//
//	Lat:N31.230416,Lon:E121.473701,Course:87.00,Speed:45.00km/h,DateTime:2026-03-14 08:30:15
func place(e *protocols.Event, words string) {
	lat, ok1 := coordinate(field(words, "Lat:"), 'N', 'S')
	lng, ok2 := coordinate(field(words, "Lon:"), 'E', 'W')
	if !ok1 || !ok2 || !e.SetFix(lat, lng, true) {
		return
	}
	if d, ok := protocols.ParseDecimal([]byte(field(words, "Course:"))); ok {
		e.SetCourse(d.Float())
	}
	if d, ok := protocols.ParseDecimal([]byte(strings.TrimSuffix(field(words, "Speed:"), "km/h"))); ok {
		e.SetSpeed(d.Float())
	}
	at := field(words, "DateTime:")
	if at == "" {
		at = field(words, "Date Time:")
	}
	if t := textTime(at); t >= oldest {
		e.Time = t
	}
}

// field is what follows a name, up to the next comma.
func field(words, name string) string {
	_, v, _ := strings.Cut(words, name)
	v, _, _ = strings.Cut(v, ",")
	return v
}

// coordinate reads a letter and degrees.
func coordinate(text string, plus, minus byte) (float64, bool) {
	if len(text) < 2 || text[0] != plus && text[0] != minus {
		return 0, false
	}
	d, ok := protocols.ParseDecimal([]byte(text[1:]))
	if text[0] == minus {
		d.N = -d.N
	}
	return d.Float(), ok
}

// textTime reads 2026-03-14 08:30:15, UTC; 0 when it is none.
func textTime(s string) protocols.Millis {
	const size = len("2026-03-14 08:30:15")
	if len(s) < size {
		return 0
	}
	year, ok := protocols.ParseDigits([]byte(s[:4]))
	var part [5]int
	for i := range part {
		n, is := protocols.ParseDigits([]byte(s[5+3*i : 7+3*i]))
		part[i], ok = n, ok && is
	}
	if !ok {
		return 0
	}
	t, _ := protocols.Civil(year, part[0], part[1], part[2], part[3], part[4], protocols.Zone{})
	return t
}
