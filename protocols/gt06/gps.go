package gt06

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Bits of the course and status word. Mind the asymmetry: north is a 1, east is a 0.
const (
	courseIgnition     = 1 << 15 // meaningful with courseHasIgnition
	courseHasIgnition  = 1 << 14
	courseDifferential = 1 << 13
	courseFixed        = 1 << 12
	courseWest         = 1 << 11
	courseNorth        = 1 << 10
	courseDegrees      = 1<<10 - 1
)

const gpsSize = 18

// unit is that of coordinates: 1/30000 of a minute.
const unit = 1_800_000

// gps reads a GPS block:
//
//	date 6 | length and satellites 1 | latitude 4 | longitude 4 | speed 1 | course and status word 2
func (c *call) gps(e *protocols.Event, b []byte) (word uint16) {
	_ = b[gpsSize-1]
	c.date = b[:6]
	e.SetSats(b[6] & 15)
	e.SetSpeed(float64(b[15]))
	word = binary.BigEndian.Uint16(b[16:])
	c.place(e, b[7:15], word)
	return word
}

// place reads latitude 4 and longitude 4, whose signs are in the course and status word.
func (c *call) place(e *protocols.Event, b []byte, word uint16) {
	lat := float64(binary.BigEndian.Uint32(b)) / unit
	lng := float64(binary.BigEndian.Uint32(b[4:])) / unit
	if word&courseNorth == 0 {
		lat = -lat
	}
	if word&courseWest != 0 {
		lng = -lng
	}
	c.fix = word&courseFixed != 0
	if !e.SetFix(lat, lng, c.fix) {
		c.fix = false
	}
	if word&courseDifferential != 0 {
		e.Bool("differential", true)
	}
	e.SetCourse(float64(word & courseDegrees))
}

// ignitionOfCourse reads the ignition that clones put into the course and status word.
func ignitionOfCourse(e *protocols.Event, word uint16) {
	if word&courseHasIgnition != 0 {
		e.Bool("ignition", word&courseIgnition != 0)
	}
}

// isGPS tells whether b can be a GPS block: a date, and coordinates on the globe.
func isGPS(b []byte) bool {
	return len(b) >= gpsSize && plausibleDate(b) && isPlace(b[7:])
}

// isPlace tells whether latitude 4 and longitude 4 are on the globe.
func isPlace(b []byte) bool {
	return binary.BigEndian.Uint32(b) <= 90*unit && binary.BigEndian.Uint32(b[4:]) <= 180*unit
}
