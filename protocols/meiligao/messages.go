package meiligao

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// alarm reads 9999: a code and a position.
func (c *call) alarm() {
	if len(c.data) == 0 {
		c.raw(c.f.Add(protocols.Status), nil)
		return
	}
	c.report(c.data[0], c.data[1:], 1)
}

// stored reads 9016, a position from the device's memory: six bytes of its place there, and a position.
func (c *call) stored() {
	const place = 6
	if len(c.data) <= place {
		c.raw(c.f.Add(protocols.Status), c.data)
		return
	}
	c.report(0, c.data[place:], place)
	c.archive()
}

// archive marks the last record as one from the device's memory.
func (c *call) archive() {
	e := &c.f.Events[len(c.f.Events)-1]
	e.Stored = true
	e.Bool("archive", true)
}

// maxReports bounds a retransmission; its number is one byte.
const maxReports = 255

// retransmission reads 6688: a number, and as many reports of a code and a position, with a backslash between them. Of reports that were
// announced and are not there, nothing is said.
func (c *call) retransmission() {
	if len(c.data) < 2 {
		c.raw(c.f.Add(protocols.Status), c.data)
		return
	}
	count, at := int(c.data[0]), 1
	for range min(count, maxReports) {
		if at >= len(c.data) {
			break
		}
		end := len(c.data)
		if i := bytes.IndexByte(c.data[min(at+1, end):], '\\'); i >= 0 {
			end = at + 1 + i
		}
		c.report(c.data[at], c.data[min(at+1, end):end], at+1)
		c.archive()
		at = end + 1
	}
	if len(c.f.Events) == 0 {
		c.raw(c.f.Add(protocols.Status), c.data)
	}
}

// photoDone reads 9977: number of the photo, its type, and a position.
func (c *call) photoDone() {
	if len(c.data) < 2 {
		c.raw(c.f.Add(protocols.Status), c.data)
		return
	}
	c.report(0, c.data[2:], 2)
	e := &c.f.Events[len(c.f.Events)-1]
	e.Int("photo_id", int64(c.data[0]))
	e.Int("photo_type", int64(c.data[1]))
	c.identify(e, c.data)
}

// cards reads 9966: 15 numbers of 4 bytes, of which 0 is none, a bar, and hhmmss,ddmmyy,DDMM.mmmm,N,DDDMM.mmmm,E.
func (c *call) cards() {
	const slots = 15
	e := c.f.Add(protocols.Status)
	c.identify(e, c.data)
	if len(c.data) < 4*slots {
		c.raw(e, c.data)
		return
	}
	n := 0
	var list []byte
	for i := range slots {
		v := binary.BigEndian.Uint32(c.data[4*i:])
		if v == 0 {
			continue
		}
		var text [12]byte
		number := append(text[:0], "\"0000000000\""...)
		for k := 10; v > 0; k-- {
			number[k] = byte('0' + v%10)
			v /= 10
		}
		if n++; n == 1 {
			e.Text("driver_id", string(number[1:11]))
			list = append(list, '[')
		} else {
			list = append(list, ',')
		}
		list = append(list, number...)
	}
	if n > 1 {
		e.JSON("cards", string(append(list, ']')))
	}
	rest := c.data[4*slots:]
	if len(rest) == 0 || rest[0] != '|' {
		if len(rest) > 0 {
			c.raw(e, rest)
		}
		return
	}
	var t fields
	t.split(rest, 1, len(rest), ',')
	e.Time = dateTime(t.get(1), t.get(0))
	coordinates(e, &t, 2, true)
	if e.Has&protocols.HasFix != 0 {
		e.Kind = protocols.Position
	}
}

// quantity is a field of a list of the vehicle's values: its name and the factor to our unit.
type quantity struct {
	name   string
	factor int64
}

// vehicleValues are the fields of 9901.
var vehicleValues = [...]quantity{{"power_v", 1}, {"rpm", 1}, {"vehicle_speed_kmh", 1}, {"throttle_pct", 1}, {"engine_load_pct", 1}, {"coolant_c", 1},
	{"consumption", 1}, {"consumption_average", 1}, {"range_m", 1000}, {"obd_odometer_m", 1000}, {"trip_fuel_l", 1}, {"fuel_used_l", 1},
	{"dtc_count", 1}, {"harsh_accel_count", 1}, {"harsh_brake_count", 1}}

// tripValues are the fields of 9902.
var tripValues = [...]quantity{{"ignition_count", 1}, {"driving_s", 3600}, {"idling_s", 3600}, {"hot_start_s", 1}, {"average_speed_kmh", 1},
	{"max_speed_kmh", 1}, {"max_rpm", 1}, {"harsh_accel_count", 1}, {"harsh_brake_count", 1}}

// vehicle reads 9901, values of the vehicle's bus.
func (c *call) vehicle() { c.values(vehicleValues[:]) }

// trip reads 9902, what the device counted.
func (c *call) trip() { c.values(tripValues[:]) }

// values reads decimal numbers between commas.
func (c *call) values(list []quantity) {
	e := c.f.Add(protocols.Status)
	c.identify(e, c.data)
	var t fields
	t.split(c.data, 0, len(c.data), ',')
	for i, want := range list {
		if v, scale, ok := decimal(t.get(i)); ok {
			e.Dec(want.name, v*want.factor, scale)
		}
	}
	if t.n > len(list) {
		c.raw(e, c.data[t.at[len(list)]:])
	}
}

// maxCodes bounds a list of trouble codes.
const maxCodes = 64

// troubleCodes reads 9903.
func (c *call) troubleCodes() {
	e := c.f.Add(protocols.Status)
	c.identify(e, c.data)
	if len(c.data) == 0 {
		return
	}
	if !printable(c.data) {
		c.raw(e, c.data)
		return
	}
	b := []byte{'['}
	for i, code := range bytes.SplitN(c.data, []byte{','}, maxCodes) {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuoteToASCII(b, string(bytes.TrimSpace(code)))
	}
	e.JSON("dtcs", string(append(b, ']')))
}
