package xexun

import (
	"bytes"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// sentence makes the event of a message in text.
func (c *call) sentence(m *message) error {
	if len(m.imei) != 14 && len(m.imei) != 15 {
		return fmt.Errorf("xexun: IMEI of %d digits: %w", len(m.imei), protocols.ErrMalformed)
	}
	c.f.Note(m.sum, "checksum", "of the sentence: exclusive or of its characters, in hex")
	c.name(m.imei, "")
	c.f.Type = "sentence"
	if m.rmc == nil {
		c.f.Type = "status"
	}
	e := c.f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(m.serial, m.phone, m.rmc, m.mark, m.imei, m.tail)
	if m.rmc != nil {
		c.rmc(e, m)
	} else {
		e.Text("time_source", "server")
	}
	if len(m.serial) > 0 {
		e.Text("local_time", string(m.serial))
	}
	if len(m.phone) > 0 {
		e.Text("phone", string(m.phone))
	}
	mark(e, m.mark)
	readTail(e, m.tail)
	settle(e)
	return nil
}

// rmc reads a sentence: word, time, A or V, latitude, N or S, longitude, E or W, speed, course, date.
func (c *call) rmc(e *protocols.Event, m *message) {
	var field [10][]byte
	rest := m.rmc
	for i := range field {
		field[i], rest, _ = bytes.Cut(rest, comma)
	}
	lat, okLat := coordinate(field[3], field[4], 'S')
	lng, okLng := coordinate(field[5], field[6], 'W')
	fix := okLat && okLng && e.SetFix(lat, lng, string(field[2]) == "A")
	c.time(e, field[9], field[1], fix)
	if fix {
		if d, ok := protocols.ParseDecimal(field[7]); ok {
			e.SetSpeed(d.Float() * c.unit())
		}
		if d, ok := protocols.ParseDecimal(field[8]); ok {
			e.SetCourse(d.Float())
		}
	}
	sum := byte(0)
	for _, x := range m.rmc {
		sum ^= x
	}
	if sent, ok := protocols.ParseHex(m.sum); !ok || byte(sent) != sum {
		e.Bool("rmc_ok", false)
	}
}

// unit is the factor from the device's unit of speed to km/h.
func (c *call) unit() float64 {
	switch c.s.Options.Unit {
	case "kmh":
		return 1
	case "mph":
		return 1.609344
	}
	return 1.852
}

// coordinate reads DDDMM.mmmm, its leading zeros perhaps left out, and the letter of its hemisphere, perhaps left out where it is north or east.
func coordinate(f, hemisphere []byte, negative byte) (float64, bool) {
	d, ok := protocols.ParseDecimal(f)
	if !ok || d.N < 0 {
		return 0, false
	}
	v, ok := d.DegreesMinutes()
	if len(hemisphere) == 1 && hemisphere[0] == negative {
		v = -v
	}
	return v, ok
}

const day protocols.Millis = 24 * 3_600_000

// time gives the event its time from a date ddmmyy and a time of day hhmmss.sss, both UTC. Without a date the day is that on which the receipt is nearest.
func (c *call) time(e *protocols.Event, date, clock []byte, fix bool) {
	second, okClock := timeOfDay(clock)
	d, okDate := protocols.ParseDigits(date)
	t := protocols.Millis(0)
	switch {
	case len(date) == 6 && okDate && okClock:
		if midnight, ok := protocols.Civil(2000+d%100, d/100%100, d/10000, 0, 0, 0, protocols.Zone{}); ok {
			t = midnight + second
		}
	case len(date) == 0 && okClock:
		t = c.received - c.received%day + second
		if t > c.received+day/2 {
			t -= day
		} else if t < c.received-day/2 {
			t += day
		}
	}
	if t == 0 {
		e.Text("time_source", "server")
		if len(date) > 0 || len(clock) > 0 {
			e.Text("device_date", string(date)+" "+string(clock))
		}
		return
	}
	if fix && e.Valid {
		if later, rolled := protocols.Rollover(t, c.received); rolled {
			t = later
			e.Bool("rollover", true)
		}
	}
	e.Time = t
}

// timeOfDay reads hhmmss and perhaps decimals as ms.
func timeOfDay(f []byte) (protocols.Millis, bool) {
	whole, decimals, _ := bytes.Cut(f, []byte("."))
	hms, ok := protocols.ParseDigits(whole)
	h, m, s := hms/10000, hms/100%100, hms%100
	if !ok || len(whole) != 6 || h > 23 || m > 59 || s > 60 {
		return 0, false
	}
	t := protocols.Millis(h*3600+m*60+s) * 1000
	for i, unit := 0, protocols.Millis(100); i < len(decimals) && unit > 0; i, unit = i+1, unit/10 {
		if !isDigit(decimals[i]) {
			return 0, false
		}
		t += protocols.Millis(decimals[i]-'0') * unit
	}
	return t, true
}

// alarms are the words that raise one, in lower case.
var alarms = map[string]string{"help me!": "sos", "low battery": "low_battery", "move!": "movement", "moved!": "movement", "stockade!": "geofence", "speed!": "overspeed"}

// mark reads what stands between a sentence and `imei:`: F or L, and what raised the report.
func mark(e *protocols.Event, b []byte) {
	b = bytes.Trim(b, ", \r\n")
	if len(b) > 0 && (b[0] == 'F' || b[0] == 'L') && (len(b) == 1 || b[1] == ',') {
		if b[0] == 'L' {
			e.Bool("signal_low", true)
		}
		b = bytes.TrimLeft(b[1:], ", ")
	}
	if len(b) == 0 {
		return
	}
	var lower [16]byte
	word := lower[:0]
	for _, x := range b[:min(len(b), len(lower))] {
		if x >= 'A' && x <= 'Z' {
			x |= 0x20
		}
		word = append(word, x)
	}
	switch string(word) {
	case "acc on", "accstart":
		e.Bool("ignition", true)
	case "acc off", "accstop":
		e.Bool("ignition", false)
	default:
		if e.Alarm = alarms[string(word)]; e.Alarm == "" {
			e.Text("event_text", string(b))
		}
	}
}

// lateTail is a tail that came behind a basic sentence: a status of its own.
func (c *call) lateTail(b []byte) error {
	if c.s.Device == "" {
		return fmt.Errorf("xexun: the rest of a sentence of nobody: %w", protocols.ErrMalformed)
	}
	c.f.Type = "tail"
	b = bytes.TrimRight(b, "\r\n")
	e := c.f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(b)
	e.Text("time_source", "server")
	readTail(e, b)
	return nil
}

// readTail reads satellites, altitude, voltages, charge, length, checksum, the cell, and perhaps a distance. Length and checksum are of no use.
func readTail(e *protocols.Event, b []byte) {
	if len(b) == 0 {
		return
	}
	var field [11][]byte
	for i := range field {
		field[i], b, _ = bytes.Cut(b, comma)
	}
	if n, ok := protocols.ParseDigits(field[0]); ok && n < 100 {
		e.SetSats(uint8(n))
	}
	if d, ok := protocols.ParseDecimal(field[1]); ok {
		e.SetAlt(d.Float())
	}
	voltages(e, field[2])
	if len(field[3]) == 1 && isDigit(field[3][0]) {
		e.Bool("charging", field[3][0] == '1')
	}
	mcc, ok1 := protocols.ParseDigits(field[6])
	mnc, ok2 := protocols.ParseDigits(field[7])
	lac, ok3 := protocols.ParseHex(field[8])
	cid, ok4 := protocols.ParseHex(field[9])
	if ok1 && ok2 && ok3 && ok4 && mcc > 0 && mcc < 1000 && mnc < 1000 && lac < 1<<32 {
		e.Cell(uint16(mcc), uint16(mnc), uint32(lac), cid)
	}
	if km, ok := bytes.CutSuffix(field[10], []byte("km")); ok {
		if d, ok := protocols.ParseDecimal(km); ok && d.N >= 0 {
			e.Dec("distance_m", d.N*1000, d.Scale)
		}
	}
}

// voltages reads F:4.28V/ADC1=0.20V/ADC2=0.00V: the battery, and perhaps analog inputs.
func voltages(e *protocols.Event, b []byte) {
	battery, rest, _ := bytes.Cut(b, []byte("/"))
	if _, v, ok := bytes.Cut(battery, []byte(":")); ok {
		volts(e, "battery_v", v)
	}
	for len(rest) > 0 {
		var part []byte
		part, rest, _ = bytes.Cut(rest, []byte("/"))
		name, v, _ := bytes.Cut(part, []byte("="))
		switch string(name) {
		case "ADC1":
			volts(e, "adc1_v", v)
		case "ADC2":
			volts(e, "adc2_v", v)
		}
	}
}

func volts(e *protocols.Event, name string, b []byte) {
	if d, ok := protocols.ParseDecimal(bytes.TrimSuffix(b, []byte("V"))); ok {
		e.Dec(name, d.N, d.Scale)
	}
}
