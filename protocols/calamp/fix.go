package calamp

import (
	"github.com/trackgate/trackgate/protocols"
)

// Sizes and places of the fix blocks.
const (
	fixSize      = 36
	fixStatusAt  = 27
	miniSize     = 20
	miniStatusAt = 15
)

// Bits of the fix status.
const (
	fixLastKnown   = 1 << 2
	fixInvalid     = 1 << 3
	fixHistoric    = 1 << 5
	fixInvalidTime = 1 << 6

	miniLastKnown = 1 << 4
	miniInvalid   = 1 << 5
	miniHistoric  = 1 << 6
)

// fix reads the block that most messages begin with, fixSize bytes:
//
//	update time 4, s | time of fix 4, s | latitude 4, 1e-7° | longitude 4 | altitude 4, cm | speed 4, cm/s | heading 2 | satellites 1 |
//	fix status 1 | carrier 2 | rssi 2, dBm | comm state 1 | hdop 1 | inputs 1 | unit status 1
//
// The event has the time of the report, which goes on while the fix does not: coordinates that are only the last ones known are not vouched for,
// and fix_age_s says how old they are.
func fix(s *protocols.Session, e *protocols.Event, r *protocols.Reader) {
	update, fixed := r.U32(), r.U32()
	lat, lng, alt, speed, heading := r.I32(), r.I32(), r.I32(), r.U32(), r.I16()
	sats, status := r.U8(), r.U8()
	there := e.SetFix(float64(lat)/1e7, float64(lng)/1e7, status&(fixInvalid|fixLastKnown) == 0)
	when := update
	if when == 0 {
		when = fixed
	}
	if status&fixInvalidTime == 0 {
		e.Time = protocols.Millis(when) * 1000
	}
	e.Stored = status&fixHistoric != 0
	if there || alt != 0 {
		e.SetAlt(float64(alt) / 100)
	}
	e.SetSpeed(float64(speed) * 36 / 1000)
	e.SetCourse(float64(heading))
	e.SetSats(sats)
	e.Int("gnss_status", int64(status&^fixHistoric)) // the mark of the log is Stored: the record is the same without it
	if age := int64(update) - int64(fixed); age != 0 && update != 0 && fixed != 0 {
		e.Int("fix_age_s", age)
	}
	e.Int("carrier", int64(r.U16()))
	e.Int("rssi_dbm", int64(r.I16()))
	e.Int("comm_state", int64(r.U8()))
	hdop(s, e, r.U8())
	inputs(s, e, r.U8())
	e.Int("status", int64(r.U8()))
}

// miniFix reads the start of a mini event report:
//
//	update time 4, s | latitude 4, 1e-7° | longitude 4 | heading 2 | speed 1, km/h | fix status and satellites 1 | comm state 1 | inputs 1
func miniFix(s *protocols.Session, e *protocols.Event, r *protocols.Reader) {
	e.Time = protocols.Millis(r.U32()) * 1000
	lat, lng, heading, speed, status := r.I32(), r.I32(), r.I16(), r.U8(), r.U8()
	e.SetFix(float64(lat)/1e7, float64(lng)/1e7, status&(miniInvalid|miniLastKnown) == 0)
	e.Stored = status&miniHistoric != 0
	e.SetSpeed(float64(speed))
	e.SetCourse(float64(heading))
	e.SetSats(status & 0x0f)
	e.Int("gnss_status", int64(status&^miniHistoric>>4))
	e.Int("comm_state", int64(r.U8()))
	inputs(s, e, r.U8())
}

// hdop sets the dilution of precision; 0 is none.
func hdop(s *protocols.Session, e *protocols.Event, v uint8) {
	if v == 0 {
		return
	}
	if s.Options.Extra != "" {
		if unit, _ := s.Options.Get("hdop"); unit == "integer" {
			e.SetHDOP(float64(v))
			return
		}
	}
	e.SetHDOP(float64(v) / 10)
}

// inputs adds the inputs as they are. Those beside the ignition have no attribute each: whether 1 is open or closed depends on their bias.
func inputs(s *protocols.Session, e *protocols.Event, v uint8) {
	wired := true
	if s.Options.Extra != "" {
		if how, _ := s.Options.Get("ignition"); how == "none" {
			wired = false
		}
	}
	if wired {
		e.Bool("ignition", v&1 != 0)
	}
	e.Int("inputs", int64(v))
}

// event adds the code that the unit's script gave the report, and the alarm that the operator says it is.
func event(s *protocols.Session, e *protocols.Event, code uint8) {
	e.Int("event", int64(code))
	if s.Options.Extra == "" {
		return
	}
	if alarm, ok := s.Options.Get(eventKeys[code]); ok && protocols.Alarms[alarm] != "" {
		e.Kind, e.Alarm = protocols.Alarm, alarm
	}
}
