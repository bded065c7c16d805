package gps103

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// Places of the fields of the dialect whose reports end with an asterisk, counted from the name.
const (
	namedName = iota
	namedEvent
	namedSensor
	namedVolts
	namedClock
	namedDate
	namedRSSI
	namedGPS
	namedLat
	namedLng
	namedSpeed
	namedCourse
	namedAlt
	namedHDOP
	namedSats
	namedIgnition
	namedCharging
	namedError
	namedRest
)

// isNamed tells a report of that dialect by hhmmss and ddmmyy in the middle.
func isNamed(f [][]byte) bool {
	if len(f) <= namedLng || len(f[namedClock]) != 6 || len(f[namedDate]) != 6 {
		return false
	}
	_, ok := timeOfDay(f[namedClock])
	return ok && digits(f[namedDate]) == 6
}

// named reads name, event, sensor, its voltage, hhmmss, ddmmyy, signal, GPS, latitude and longitude in degrees, speed in km/h, course, altitude, HDOP,
// satellites, ignition, charge, error. A field of dashes is empty; time is UTC.
func (c *call) named(e *protocols.Event, f [][]byte) {
	for i, v := range f {
		if len(bytes.Trim(v, "-")) == 0 {
			f[i] = nil
		}
	}
	get := func(at int) (protocols.Decimal, bool) {
		if at >= len(f) {
			return protocols.Decimal{}, false
		}
		return protocols.ParseDecimal(f[at])
	}
	words := func(name string, at int) {
		if at < len(f) && len(f[at]) > 0 {
			e.Text(name, string(f[at]))
		}
	}
	dmy, _ := protocols.ParseDigits(f[namedDate])
	second, ok := timeOfDay(f[namedClock])
	if t, good := protocols.Civil(2000+dmy%100, dmy/100%100, dmy/10000, 0, 0, 0, protocols.Zone{}); ok && good {
		e.Time = t + second
	} else {
		e.Text("time_source", "server")
	}
	words("name", namedName)
	words("keyword", namedEvent)
	words("sensor_id", namedSensor)
	if d, ok := get(namedVolts); ok {
		e.Dec("sensor_v", d.N, d.Scale)
	}
	if d, ok := get(namedRSSI); ok {
		e.Dec("rssi", d.N, d.Scale)
	}
	gps, _ := get(namedGPS)
	lat, ok1 := get(namedLat)
	lng, ok2 := get(namedLng)
	if ok1 && ok2 && e.SetFix(lat.Float(), lng.Float(), gps.N == 1) {
		e.Kind = protocols.Position
	}
	if d, ok := get(namedSpeed); ok && d.N >= 0 {
		e.SetSpeed(d.Float())
	}
	if d, ok := get(namedCourse); ok {
		e.SetCourse(d.Float())
	}
	if d, ok := get(namedAlt); ok {
		e.SetAlt(d.Float())
	}
	if d, ok := get(namedHDOP); ok && d.N >= 0 {
		e.SetHDOP(d.Float())
	}
	if d, ok := get(namedSats); ok && d.Scale == 0 && d.N >= 0 && d.N < 256 {
		e.SetSats(uint8(d.N))
	}
	if namedIgnition < len(f) {
		flag(e, "ignition", f[namedIgnition])
	}
	if namedCharging < len(f) {
		flag(e, "charging", f[namedCharging])
	}
	words("error", namedError)
	for at := namedRest; at < len(f); at++ {
		if len(f[at]) > 0 {
			other(e, at, f[at])
		}
	}
}
