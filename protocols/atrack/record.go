package atrack

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// record is the part of a record that is always there, in the units of the wire.
type record struct {
	fixed, made, sent protocols.Millis // of the fix, of the record and of its sending; 0: none
	lng, lat          int32            // 1e-6 degrees
	heading           uint16           // degrees
	report            uint16           // number of the report that the device was set up for
	odometer          protocols.Decimal
	hdop              uint16 // tenths
	inputs            uint8
	speed             uint16 // km/h
	outputs           uint8
	analog            uint16 // mV
	driver            []byte
	temp1, temp2      int16 // tenths of a degree
	text              []byte
}

const (
	staleAfter  = 600_000 // ms by which a fix may be older than its record
	storedAfter = 120_000 // ms by which a record may be older than its sending
	noTemp      = 2000
)

// earliest is the first time that is believed: 2000-01-01.
const earliest = 946_684_800_000

// put makes an event of the record, up to its custom fields.
func (c *call) put(e *protocols.Event, r *record) {
	e.Time = r.fixed
	valid := true
	if r.fixed < earliest || r.made-r.fixed > staleAfter { // no fix, or the last one that there was
		e.Time, valid = r.made, false
		if r.fixed >= earliest {
			e.Int("fix_age_s", int64(r.made-r.fixed)/1000)
		}
	}
	if e.Time < earliest {
		e.Time = 0
	}
	if !e.SetFix(float64(r.lat)/1e6, float64(r.lng)/1e6, valid) {
		e.Kind = protocols.Status
	}
	e.SetSpeed(float64(r.speed))
	e.SetCourse(float64(r.heading))
	e.SetHDOP(float64(r.hdop) / 10)
	e.Stored = r.made >= earliest && r.sent-r.made > storedAfter
	e.Int("event", int64(r.report))
	if r.odometer.N >= 0 && r.odometer.N < math.MaxInt64/100 {
		e.Dec("odometer_m", r.odometer.N*100, r.odometer.Scale)
	}
	e.Int("inputs", int64(r.inputs))
	for i, name := range inputNames {
		e.Bool(name, r.inputs&(1<<i) != 0)
	}
	e.Int("outputs", int64(r.outputs))
	for i, name := range outputNames {
		e.Bool(name, r.outputs&(1<<i) != 0)
	}
	c.analog(e, r.analog)
	if len(r.driver) > 0 {
		e.Text("driver_id", string(r.driver))
	}
	if r.temp1 != noTemp {
		e.Dec("temp1_c", int64(r.temp1), 1)
	}
	if r.temp2 != noTemp {
		e.Dec("temp2_c", int64(r.temp2), 1)
	}
	c.text(e, r.text)
	c.alarm(e, r.report)
}

var (
	inputNames  = [...]string{"in1", "in2", "in3", "in4"}
	outputNames = [...]string{"out1", "out2", "out3"}
)

// analog adds the analog input.
func (c *call) analog(e *protocols.Event, v uint16) {
	if c.s.Options.Extra != "" {
		scale, _ := c.s.Options.Get("analog_scale")
		if d, ok := protocols.ParseDecimal([]byte(scale)); ok {
			e.Float("adc1_v", float64(v)*d.Float()/1000)
			return
		}
	}
	e.Dec("adc1_v", int64(v), 3)
}

// ignition adds what an input says of the ignition, where no custom field has said it.
func (c *call) ignition(e *protocols.Event, inputs uint8) {
	bit := byte('1')
	if c.s.Options.Extra != "" {
		if v, _ := c.s.Options.Get("ignition_input"); len(v) == 1 {
			bit = v[0]
		}
	}
	if bit >= '1' && bit <= '8' {
		e.Bool("ignition", inputs&(1<<(bit-'1')) != 0)
	}
}

// alarm raises what the operator says that a report is.
func (c *call) alarm(e *protocols.Event, report uint16) {
	if !strings.Contains(c.s.Options.Extra, "alarm_") {
		return
	}
	name, _ := c.s.Options.Get("alarm_" + strconv.Itoa(int(report)))
	if protocols.Alarms[name] != "" {
		e.Kind, e.Alarm = protocols.Alarm, name
	}
}

// text adds the text message. That of a fuel sensor, FULS:F=0291 t=17 N=0901, holds the level as N, in tenths.
func (c *call) text(e *protocols.Event, b []byte) {
	b = bytes.Trim(b, "\x1a \r\n")
	if len(b) == 0 {
		return
	}
	e.Text("text", string(b))
	rest, ok := bytes.CutPrefix(b, []byte("FULS:"))
	if !ok {
		return
	}
	_, n, ok := bytes.Cut(rest, []byte("N="))
	if !ok {
		return
	}
	if end := bytes.IndexByte(n, ' '); end >= 0 {
		n = n[:end]
	}
	if format, _ := c.s.Options.Get("fuel_text"); format == "decimal" {
		if v, ok := protocols.ParseDigits(n); ok {
			e.Dec("fuel_level", int64(v), 1)
		}
		return
	}
	if v, ok := protocols.ParseHex(n); ok && len(n) <= 8 {
		e.Dec("fuel_level", int64(v), 1)
	}
}
