package meitrack

import (
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Fields of AAA, counted from the latitude.
const (
	atLat = iota
	atLng
	atTime
	atValid
	atSats
	atGSM
	atSpeed
	atCourse
	atHDOP
	atAlt
	atOdometer
	atRunTime
	atCell
	atIO
	atAnalog
	atEventData
	atCustom
	atVersion
	atFuel
	atTemps
	atCount
	atFurther
)

// position reads AAA: event, latitude and the fields above. Everything behind the analog values is optional.
func (c *call) position() error {
	var t fields
	t.split(c.data, 0, len(c.data), ',')
	lat := 1
	if !hasPoint(t.get(1)) && hasPoint(t.get(2)) && hasPoint(t.get(3)) {
		lat = 2 // some models put a number before the event
	}
	event, ok := integer(t.get(lat - 1))
	if !ok || t.n < lat+atValid+1 {
		return errHead
	}
	at := date(t.get(lat + atTime))
	y, ok1 := number(t.get(lat + atLat))
	x, ok2 := number(t.get(lat + atLng))
	if !ok1 || !ok2 || !plausible(y, x, at) {
		return errRecord
	}
	e := c.f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(c.data)
	e.Time = at
	e.SetFix(y, x, string(t.get(lat+atValid)) == "A")
	e.Int("event", event)
	if event == eventAnswer {
		e.Int("command_id", int64(c.flag-firstFlag))
	}
	if v, ok := integer(t.get(lat + atSats)); ok && v >= 0 && v <= 255 {
		e.SetSats(uint8(v))
	}
	dec(e, "rssi", t.get(lat+atGSM))
	if v, ok := number(t.get(lat + atSpeed)); ok && v >= 0 && v < 2000 {
		e.SetSpeed(v)
	}
	if v, ok := number(t.get(lat + atCourse)); ok {
		e.SetCourse(v)
	}
	if v, ok := number(t.get(lat + atHDOP)); ok && v >= 0 {
		e.SetHDOP(v)
	}
	if v, ok := number(t.get(lat + atAlt)); ok {
		e.SetAlt(v)
	}
	dec(e, "odometer_m", t.get(lat+atOdometer))
	dec(e, "runtime_s", t.get(lat+atRunTime))
	cell(e, t.get(lat+atCell))
	if io, ok := protocols.ParseHex(t.get(lat + atIO)); ok && io <= 0xffff {
		c.inputs(e, int(io>>8), event)
		outputs(e, int(io&0xff))
	}
	version, _ := integer(t.get(lat + atVersion))
	c.analog(e, t.get(lat+atAnalog), version)
	c.eventData(e, &t, lat+atEventData, event)
	c.more(e, &t, lat, version)
	finish(e, event)
	return nil
}

// date reads YYMMDDhhmmss as UTC; 0: it is no time.
func date(b []byte) protocols.Millis {
	if len(b) != 12 || !allDigits(b) {
		return 0
	}
	two := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	t, _ := protocols.Civil(2000+two(0), two(2), two(4), two(6), two(8), two(10), protocols.Zone{})
	return t
}

// cell reads MCC, MNC decimal, LAC and cell id in hex, between bars. A cell without them all, or of country 0, is none.
func cell(e *protocols.Event, b []byte) {
	var t fields
	t.split(b, 0, len(b), '|')
	mcc, ok1 := integer(t.get(0))
	mnc, ok2 := integer(t.get(1))
	lac, ok3 := protocols.ParseHex(t.get(2))
	cid, ok4 := protocols.ParseHex(t.get(3))
	if ok1 && ok2 && ok3 && ok4 && mcc > 0 && mcc < 1000 && mnc >= 0 && mnc < 1000 && lac <= 1<<32-1 {
		e.Cell(uint16(mcc), uint16(mnc), uint32(lac), cid)
	}
}

// scaling is how a model family writes battery and external voltage in hex.
type scaling struct{ batteryMV, batteryOf, powerMV, powerOf int64 } // battery mV = value × batteryMV / batteryOf

var (
	centivolts = scaling{10, 1, 10, 1}
	older      = scaling{6600, 4096, 52800, 4096} // T1, T3, MVT100, MVT600, MVT800, TC68
	mvt380     = scaling{6000, 1024, 48000, 1024} // MVT340, MVT380
	mt90       = scaling{6600, 4096, 0, 0}
	mt90G      = scaling{6000, 4096, 0, 0}
)

var scalings = map[string]scaling{
	"MVT340": mvt380, "MVT380": mvt380, "MT90": mt90, "MT90G": mt90G, "T1": older, "T3": older, "MVT100": older, "MVT600": older, "MVT800": older,
	"TC68": older, "TC68S": older,
}

// scalingOf picks the scaling by the model, or by what makes the battery one of lithium.
func (c *call) scalingOf(battery uint64, version int64) scaling {
	if c.s.Options.Model != "" {
		if s, ok := scalings[strings.ToUpper(c.s.Options.Model)]; ok {
			return s
		}
		return centivolts
	}
	switch {
	case battery >= 0x900 && battery <= 0xb00:
		return older
	case version < 3 && battery >= 0x230 && battery <= 0x2d0:
		return mvt380
	}
	return centivolts
}

// analog reads either five values in hex, of which the fourth is the battery's and the fifth the external supply's, or voltages: battery,
// supply, clock, processor, receiver.
func (c *call) analog(e *protocols.Event, b []byte, version int64) {
	if len(b) == 0 {
		return
	}
	var t fields
	t.split(b, 0, len(b), '|')
	if hasPoint(b) {
		for i, name := range [...]string{"battery_v", "power_v", "rtc_v", "mcu_v", "gps_v"} {
			dec(e, name, t.get(i))
		}
		return
	}
	battery, hasBattery := protocols.ParseHex(t.get(3))
	power, hasPower := protocols.ParseHex(t.get(4))
	s := c.scalingOf(battery, version)
	for i, name := range [...]string{"adc1_v", "adc2_v", "adc3_v"} {
		v, ok := protocols.ParseHex(t.get(i))
		switch {
		case !ok || v > 0xffff:
		case s == centivolts:
			e.Dec(name, int64(v), 2)
		default:
			e.Int([...]string{"ad1", "ad2", "ad3"}[i], int64(v))
		}
	}
	if hasBattery && battery <= 0xffff {
		e.Dec("battery_v", int64(battery)*s.batteryMV/s.batteryOf, 3)
	}
	switch {
	case !hasPower || power > 0xffff:
	case s.powerOf == 0:
		e.Int("ad5", int64(power))
	default:
		e.Dec("power_v", int64(power)*s.powerMV/s.powerOf, 3)
	}
}

// eventData reads what an event adds: the number of a fence, a card, the name of a picture.
func (c *call) eventData(e *protocols.Event, t *fields, i int, event int64) {
	b := t.get(i)
	if len(b) == 0 {
		return
	}
	switch event {
	case eventGeofenceEnter, eventGeofenceExit:
		if dec(e, "geofence", b) {
			return
		}
	case eventRFID:
		e.Text("driver_id", c.str(t, i))
		return
	case eventPicture:
		e.Text("picture", c.str(t, i))
		return
	}
	e.Text("event_data", c.str(t, i))
}

var temps = [...]string{"temp0_c", "temp1_c", "temp2_c", "temp3_c", "temp4_c", "temp5_c", "temp6_c", "temp7_c", "temp8_c"}

// more reads the customised field and what stands behind it. version is the protocol's.
func (c *call) more(e *protocols.Event, t *fields, lat int, version int64) {
	if i := lat + atCustom; len(t.get(i)) > 0 {
		e.Text("custom", c.str(t, i))
	}
	dec(e, "version", t.get(lat+atVersion))
	if v, ok := protocols.ParseHex(t.get(lat + atFuel)); ok && len(t.get(lat+atFuel)) == 4 && v&0xff < 100 {
		e.Dec("fuel_pct", int64(v>>8*100+v&0xff), 2)
	}
	var seen [len(temps)]bool
	c.temperatures(e, t.get(lat+atTemps), version, &seen)
	i := lat + atCount
	count, ok := integer(t.get(i))
	if !ok || count < 0 || count != int64(t.n-i-1) {
		if rest := c.rest(t, i); rest != "" {
			e.Text("fields", rest)
		}
		return
	}
	for k := lat + atFurther; k < t.n; k++ {
		b := t.get(k)
		switch n := k - (lat + atFurther); {
		case len(b) == 0:
		case n == 1:
			c.temperatures(e, b, version, &seen)
		case n == 5 && strings.Count(c.str(t, k), "|") == 6:
			c.taximeter(e, t, k)
		case n < len(further):
			e.Text(further[n], c.str(t, k))
		}
	}
}

// further are the names of further data, by place.
var further = [...]string{"further0", "further1", "further2", "further3", "further4", "further5", "further6", "further7"}

// temperatures reads items of a sensor's number and its value, six hex digits each: hundredths in a signed word, or before version 3 of
// the protocol a signed whole number and hundredths.
func (c *call) temperatures(e *protocols.Event, b []byte, version int64, seen *[len(temps)]bool) {
	var t fields
	t.split(b, 0, len(b), '|')
	for i := range t.n {
		v, ok := protocols.ParseHex(t.get(i))
		n := v >> 16
		if !ok || len(t.get(i)) != 6 || n >= uint64(len(temps)) || seen[n] {
			continue
		}
		seen[n] = true
		value := int64(int16(v))
		if version < 3 {
			whole, part := int64(int8(v>>8)), int64(v&0xff)
			if whole < 0 {
				part = -part
			}
			value = whole*100 + part
		}
		e.Dec(temps[n], value, 2)
	}
}

// Places in a taximeter's record that are numbers.
const (
	taxiDistance = 3
	taxiFare     = 4
)

// taximeter reads state, start, end, distance, fare, trip and waiting time.
func (c *call) taximeter(e *protocols.Event, t *fields, i int) {
	parts := strings.Split(c.str(t, i), "|")
	for k, name := range [...]string{"taximeter_state", "taximeter_start", "taximeter_end", "taximeter_distance", "taximeter_fare", "taximeter_trip",
		"taximeter_wait"} {
		if parts[k] == "" || (k == taxiDistance || k == taxiFare) && dec(e, name, []byte(parts[k])) {
			continue
		}
		if k != taxiDistance && k != taxiFare {
			e.Text(name, parts[k])
		}
	}
}
