package queclink

import (
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/trackgate/trackgate/protocols"
)

// knownMask is the mask of the GB100 whose fields are known: all that are in front of the location, and mileage and hour meter behind it.
const knownMask = 0x00fc1fbf

// hexTrack is the type of +RSP that packs a point for every second.
const hexTrack = 100

// Sizes of the parts of a report in HEX.
const (
	hexFixSize  = 23 // accuracy 1 | speed 2+1 | azimuth 2 | altitude 2 | longitude 4 | latitude 4 | time 7
	hexCellSize = 8  // MCC 2 | MNC 2 | LAC 2 | cell id 2
	hexEndSize  = 18 // reserved 1 | mileage 2+1 | total mileage 4+1 | hour meter 3 | total hour meter 4+2
)

// fields reads what is between the id and the send time.
func (c *hexCall) fields(b []byte) {
	name := c.head.name
	report := name == "+RSP" || name == "+BSP" || name == "+EVT" || name == "+BVT"
	switch {
	case name == "+ACK":
		e := c.f.Add(protocols.CommandResult)
		e.Int("type", int64(c.kind))
		e.Bool("success", true)
		if n := len(b); n >= 2 {
			e.Int("command_id", int64(binary.BigEndian.Uint16(b[n-2:])))
			b = b[:n-2]
		}
		e.Text("result", hex.EncodeToString(b))
	case report && c.mask == knownMask && len(b) > 6:
		c.report(b)
	case name == "+LGN": // a login
	default:
		e := c.f.Add(protocols.Status)
		e.Int("type", int64(c.kind))
		c.anywhere(e, b)
	}
}

// front reads battery %, power, state and satellites.
func (c *hexCall) front(e *protocols.Event, b []byte) {
	e.Int("type", int64(c.kind))
	if b[0] <= 100 {
		e.Int("battery_pct", int64(b[0]))
	}
	e.Dec("power_v", int64(binary.BigEndian.Uint16(b[1:])), 3)
	state(e, b[3])
	e.SetSats(b[4])
}

// report reads a report with the known mask.
func (c *hexCall) report(b []byte) {
	if c.kind == hexTrack && (c.head.name == "+RSP" || c.head.name == "+BSP") {
		c.track(b)
		return
	}
	g := findFix(b, 5)
	if g < 0 {
		e := c.f.Add(protocols.Status)
		c.front(e, b)
		keepRaw(e, b[5:])
		return
	}
	n := max(1, int(b[g-1]))
	for first := g; ; {
		e := c.f.Add(protocols.Status)
		c.fix(e, b[g:])
		g += hexFixSize
		if g = c.cell(e, b, g); n > 1 && findFix(b[g:], 1) == 1 && first < g {
			n-- // behind a reserved byte
			g++
			continue
		}
		c.front(e, b)
		keepRaw(e, b[5:first-1])
		c.end(e, b[g:])
		return
	}
}

// end reads what is behind the last cell.
func (c *hexCall) end(e *protocols.Event, b []byte) {
	if len(b) != hexEndSize || b[3] > 9 || b[8] > 9 {
		keepRaw(e, b)
		return
	}
	e.Int("trip_m", int64(binary.BigEndian.Uint16(b[1:]))*1000+int64(b[3])*100)
	e.Int("odometer_m", int64(binary.BigEndian.Uint32(b[4:]))*1000+int64(b[8])*100)
	if h := b[12:]; h[4] < 60 && h[5] < 60 {
		e.Int("hours_s", int64(binary.BigEndian.Uint32(h))*3600+int64(h[4])*60+int64(h[5]))
	}
	if b[9]|b[10]|b[11] != 0 {
		keepRaw(e, b[9:12])
	}
}

// keepRaw keeps bytes that have no meaning here.
func keepRaw(e *protocols.Event, b []byte) {
	for _, x := range b {
		if x != 0 {
			if _, has := e.Attrs.Get("raw"); !has {
				e.Text("raw", hex.EncodeToString(b))
			}
			return
		}
	}
}

// findFix finds the first place from i on where a fix may stand; -1: there is none.
func findFix(b []byte, i int) int {
	for ; i+hexFixSize <= len(b); i++ {
		f := b[i:]
		lng, lat := int32(binary.BigEndian.Uint32(f[8:])), int32(binary.BigEndian.Uint32(f[12:]))
		if f[0] > 50 || f[3] > 9 || binary.BigEndian.Uint16(f[4:]) > 360 || lng < -180e6 || lng > 180e6 || lat < -90e6 || lat > 90e6 {
			continue
		}
		if _, ok := hexTime(f[16:]); ok {
			return i
		}
	}
	return -1
}

// fix reads accuracy to time.
func (c *hexCall) fix(e *protocols.Event, f []byte) {
	e.SetHDOP(float64(f[0]))
	e.SetSpeed(float64(int(binary.BigEndian.Uint16(f[1:]))*10+int(f[3])) / 10)
	e.SetCourse(float64(binary.BigEndian.Uint16(f[4:])))
	e.SetAlt(float64(int16(binary.BigEndian.Uint16(f[6:]))))
	e.SetFix(float64(int32(binary.BigEndian.Uint32(f[12:])))/1e6, float64(int32(binary.BigEndian.Uint32(f[8:])))/1e6, f[0] > 0)
	e.Time, _ = hexTime(f[16:])
}

// cell reads the serving cell at i, if it is there, and returns the place behind it.
func (c *hexCall) cell(e *protocols.Event, b []byte, i int) int {
	if i+hexCellSize > len(b) {
		return i
	}
	r := protocols.NewReader(b[i:])
	if mcc, mnc, lac, id := r.U16(), r.U16(), r.U16(), r.U16(); mcc != 0 {
		e.Cell(mcc, mnc, uint32(lac), uint64(id))
	}
	return i + hexCellSize
}

// anywhere reads a fix wherever it stands, and keeps all bytes.
func (c *hexCall) anywhere(e *protocols.Event, b []byte) {
	if g := findFix(b, 0); g >= 0 && c.head.name != "+CRD" && c.head.name != "+BRD" {
		c.fix(e, b[g:])
	}
	e.Text("raw", hex.EncodeToString(b))
}

// track reads a point for every second:
//
//	number of seconds 2 | first point: 3 bits, speed 12, course 9, longitude 32, latitude 32, Unix time 32 | then, for each second,
//	101: speed 7, course 7, longitude 12, latitude 11, all of them differences     5 bytes
//	011: a point like the first                                                   15 bytes
//	111: nothing                                                                  1 byte
func (c *hexCall) track(b []byte) {
	const delta, absolute, nothing = 5, 3, 7
	r := protocols.NewReader(b[5:])
	n := int(r.U16())
	var lng, lat int32
	var speed, course int
	var at protocols.Millis
	first := len(c.f.Events)
	for ; n > 0; n-- {
		p := r.Peek(1)
		if p == nil {
			break
		}
		kind := p[0] >> 5
		if at != 0 {
			at += 1000
		}
		switch {
		case kind == delta && at != 0 && r.Len() >= 5:
			v := r.Uint(5)
			speed += signed(v>>30, 7)
			course += signed(v>>23, 7)
			lng += int32(signed(v>>11, 12))
			lat += int32(signed(v, 11))
		case kind == absolute && r.Len() >= 15:
			v := r.Uint(3)
			speed, course = int(v>>9&0xfff), int(v&0x1ff)
			lng, lat = r.I32(), r.I32()
			at = protocols.Millis(r.U32()) * 1000
		case kind == nothing:
			r.Skip(1)
			continue
		default:
			n = 0
			continue
		}
		e := c.f.Add(protocols.Status)
		e.Int("type", int64(c.kind))
		e.Time = at
		e.SetFix(float64(lat)/1e6, float64(lng)/1e6, true)
		e.SetSpeed(math.Max(0, float64(speed)/10))
		e.SetCourse(float64(((course % 360) + 360) % 360))
	}
	rest := b[5+r.Offset():]
	if len(c.f.Events) == first {
		e := c.f.Add(protocols.Status)
		c.front(e, b)
		keepRaw(e, b[5:])
		return
	}
	e := &c.f.Events[len(c.f.Events)-1]
	e.Attrs = e.Attrs[:0]
	c.front(e, b)
	if len(rest) == hexCellSize+hexEndSize {
		c.cell(e, rest, 0)
		c.end(e, rest[hexCellSize:])
		return
	}
	keepRaw(e, rest)
}

// signed is the low bits of v as a signed number.
func signed(v uint64, bits uint) int {
	return int(int64(v<<(64-bits)) >> (64 - bits))
}
