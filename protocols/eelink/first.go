package eelink

import "github.com/trackgate/trackgate/protocols"

// firstSize is that of the position that begins packages of V1.8.
const firstSize = 25

// first reads the packages of V1.8 that begin with a position:
//
//	Unix time 4 | latitude 4, longitude 4 | km/h 1 | course 2 | MCC 2, MNC 2, LAC 2, cell id 3 | flag 1, bit 0: valid
//
// and what follows by PID.
func (c *call) first(r *protocols.Reader) {
	e := c.add(protocols.Status)
	defer finish(e, r)
	if r.Len() < firstSize {
		return
	}
	e.Time = unixTime(r)
	lat, lng := degrees(r.I32()), degrees(r.I32())
	speed, course := r.U8(), r.U16()
	mcc, mnc, lac, cid := r.U16(), r.U16(), r.U16(), r.U24()
	flag := r.U8()
	if e.SetFix(lat, lng, flag&1 != 0) {
		e.SetSpeed(float64(speed))
		e.SetCourse(float64(course))
	}
	if mcc != 0 || cid != 0 {
		e.Cell(mcc, mnc, uint32(lac), uint64(cid))
	}
	if flag>>1 != 0 {
		e.Int("flags", int64(flag))
	}
	switch c.pid {
	case pidGPS:
		statusV1(e, r)
		if r.Len() >= 8 {
			e.Dec("battery_v", int64(r.U16()), 3)
			e.Int("rssi", int64(r.U16()))
			e.Dec("adc1_v", int64(r.U16()), 3)
			e.Dec("adc2_v", int64(r.U16()), 3)
		}
	case pidAlarm:
		if r.Len() >= 1 {
			warning(e, r.U8())
		}
	case pidState:
		state(e, r)
	case pidSMS:
		message(e, r)
	}
}

// state reads type 1, and behind types 1 to 3 the device's clock 4 and the status.
func state(e *protocols.Event, r *protocols.Reader) {
	if r.Len() < 1 {
		return
	}
	kind := r.U8()
	e.Int("event", int64(kind))
	if kind >= 1 && kind <= 3 && r.Len() >= 6 {
		e.Int("clock_s", int64(r.U32()))
		statusV1(e, r)
	}
}

// statusV1 reads the status word of V1.8 and of heartbeats, where it is there. Unlike in V2, bit 6 says that the fuel is connected.
func statusV1(e *protocols.Event, r *protocols.Reader) {
	if r.Len() < 2 {
		return
	}
	v := r.U16()
	bit := func(n int) bool { return v&(1<<n) != 0 }
	if bit(1) {
		e.Bool("ignition", bit(2))
	}
	if bit(3) {
		e.Bool("armed", bit(4))
	}
	if bit(5) {
		e.Bool("blocked", !bit(6))
	}
	if bit(7) {
		e.Bool("charging", bit(8))
	}
	e.Int("status", int64(v))
}

// obd reads PID 07: a status and what else there is in four bytes, or time 4 and values of the vehicle's bus.
func (c *call) obd(r *protocols.Reader) {
	e := c.add(protocols.Status)
	defer finish(e, r)
	if r.Len() <= 4 {
		statusV1(e, r)
		return
	}
	e.Time = unixTime(r)
	items(e, r)
}
