package castel

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// itemSize is that of a GPS item: day, month, year 3 | hour, minute, second 3 | latitude 4, longitude 4, 1/3600000 degree | speed 2, cm/s |
// course 2, 0.1 degree | flags 1.
const itemSize = 19

// Flags of a GPS item; bits 2 and 3 are the kind of fix, bits 4 to 7 the satellites.
const (
	flagEast  = 1 << 0
	flagNorth = 1 << 1
	flagFix   = 3 << 2
)

// item reads a GPS item into e. One whose date is none is no position: what it says is kept as it is.
func item(e *protocols.Event, b []byte) {
	at, ok := protocols.Civil(2000+int(b[2]), int(b[1]), int(b[0]), int(b[3]), int(b[4]), int(b[5]), protocols.Zone{})
	if !ok {
		e.Text("gps_raw", fmt.Sprintf("%x", b))
		return
	}
	e.Time = at
	flags := b[18]
	lat := float64(binary.LittleEndian.Uint32(b[6:])) / 3_600_000
	lng := float64(binary.LittleEndian.Uint32(b[10:])) / 3_600_000
	if flags&flagNorth == 0 {
		lat = -lat
	}
	if flags&flagEast == 0 {
		lng = -lng
	}
	e.SetSats(flags >> 4)
	if !e.SetFix(lat, lng, flags&flagFix != 0) {
		return
	}
	e.SetSpeed(float64(binary.LittleEndian.Uint16(b[14:])) * 36 / 1000)
	e.SetCourse(float64(binary.LittleEndian.Uint16(b[16:])) / 10)
}

// items reads a count and as many GPS items; an error when there are fewer.
func items(r *protocols.Reader) ([]byte, error) {
	n := int(r.U8())
	b := r.Bytes(n * itemSize)
	return b, r.Err()
}

// stat is the state that begins most contents of dongles.
type stat struct {
	b    []byte
	time protocols.Millis
	on   bool // the ignition
}

// statSize is that of a state: last ignition on 4 | time 4 | odometer m 4 | trip m 4 | fuel 4, 0.01 l | fuel of the trip 2 | state of the
// vehicle 4 | state of the device 8.
const statSize = 34

// ignitionBit is that of the vehicle's state.
const ignitionBit = 18

func readStat(r *protocols.Reader) (s stat, err error) {
	s.b = r.Bytes(statSize)
	if s.b == nil {
		return s, r.Err()
	}
	s.on = binary.LittleEndian.Uint32(s.b[22:])&(1<<ignitionBit) != 0
	s.time = protocols.Millis(binary.LittleEndian.Uint32(s.b[4:])) * 1000
	return s, nil
}

// rest says all else of the state, and its time where the event has none.
func (s stat) rest(e *protocols.Event) {
	if e.Time == 0 {
		e.Time = s.time
	}
	e.Int("odometer_m", int64(binary.LittleEndian.Uint32(s.b[8:])))
	e.Int("trip_m", int64(binary.LittleEndian.Uint32(s.b[12:])))
	e.Dec("fuel_used_l", int64(binary.LittleEndian.Uint32(s.b[16:])), 2)
	e.Dec("trip_fuel_l", int64(binary.LittleEndian.Uint16(s.b[20:])), 2)
	e.Int("status", int64(binary.LittleEndian.Uint32(s.b[22:])))
	if on := binary.LittleEndian.Uint32(s.b); on != 0 {
		e.Int("ignition_on_s", int64(on))
	}
	e.Int("device_state_low", int64(binary.LittleEndian.Uint32(s.b[26:])))
	e.Int("device_state_high", int64(binary.LittleEndian.Uint32(s.b[30:])))
}

// positions makes an event of each GPS item, the state on the last, and one of the state alone where there is none. It returns the last.
func (c *call) positions(s stat, list []byte, stored bool) *protocols.Event {
	for len(list) > itemSize {
		e := c.add(protocols.Status, list[:itemSize])
		e.Stored = stored
		item(e, list[:itemSize])
		e.Bool("ignition", s.on)
		settle(e)
		list = list[itemSize:]
	}
	if len(list) == 0 {
		e := c.add(protocols.Status, s.b)
		e.Stored = stored
		e.Bool("ignition", s.on)
		s.rest(e)
		return e
	}
	e := c.add(protocols.Status, list, s.b)
	e.Stored = stored
	item(e, list)
	e.Bool("ignition", s.on)
	s.rest(e)
	return e
}

// cell keeps a cell of which the network is not told.
func cell(e *protocols.Event, lac, cid uint16) {
	if lac == 0 && cid == 0 || lac == 0xffff && cid == 0xffff {
		return
	}
	b := make([]byte, 0, 40)
	b = strconv.AppendUint(append(b, `[{"lac":`...), uint64(lac), 10)
	b = strconv.AppendUint(append(b, `,"cid":`...), uint64(cid), 10)
	e.JSON("cells", string(append(b, `}]`...)))
}
