package gps103

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// obdValues are the numbers of an OBD report behind its local time. factor is what one of the unit sent is worth.
var obdValues = [...]struct {
	name   string
	factor int64
}{
	{"odometer_m", 1000}, {"fuel_now_l100km", 1}, {"fuel_avg_l100km", 1}, {"hours_s", 3600}, {"vehicle_speed_kmh", 1}, {"engine_load_pct", 1},
	{"coolant_c", 1}, {"throttle_pct", 1}, {"rpm", 1}, {"power_v", 1},
}

// obd reads OBD: local time, the numbers, then up to four trouble codes. Any of them may be empty.
func (c *call) obd(e *protocols.Event, f [][]byte) {
	c.time(e, f[atLocal], nil, false)
	for i, v := range obdValues {
		at := atLocal + 1 + i
		if at >= len(f) {
			return
		}
		if d, ok := protocols.ParseDecimal(bytes.TrimSuffix(f[at], []byte{'%'})); ok && d.N < 1<<40 && d.N > -1<<40 {
			e.Dec(v.name, d.N*v.factor, d.Scale)
		}
	}
	var list []byte
	for _, code := range f[min(len(f), atLocal+1+len(obdValues)):] {
		if len(code) == 0 || len(code) > 8 || !isName(code) {
			continue
		}
		list = append(list, "[,"[min(len(list), 1)], '"')
		list = append(append(list, code...), '"')
	}
	if len(list) > 0 {
		e.JSON("dtcs", string(append(list, ']')))
	}
}

// isName tells whether b is letters and digits.
func isName(b []byte) bool {
	for _, x := range b {
		if !isDigit(x) && (x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}
