package gps103

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// maxFields is how many fields of a report are looked at one by one.
const maxFields = 48

// Places of a report's fields, counted from the keyword.
const (
	atKeyword = iota
	atLocal
	atPhone
	atFull // F or L
	atUTC
	atValid
	atLat // of a report without a fix: LAC
	atNS
	atLng // of a report without a fix: cell id
	atEW
	atSpeed
	atCourse
	atAlt
	atACC
	atDoor
	atFuel1
	atFuel2
	atTemp
	atRest
)

// report reads b, what stands between imei: and the terminator.
func (c *call) report(b []byte) error {
	c.f.Type = "report"
	imei := b[:digits(b)]
	if len(imei) != imeiSize || len(b) > imeiSize && b[imeiSize] != ',' {
		return fmt.Errorf("gps103: no IMEI: %w", protocols.ErrMalformed)
	}
	c.name(imei)
	var store [maxFields][]byte
	f := split(&store, b[min(len(b), imeiSize+1):])
	keyword := f[atKeyword]
	switch {
	case string(keyword) == "vr":
		c.f.Type = "photo" // a fragment: an image is no record
		return nil
	case len(f) <= atPhone:
		e := c.add(protocols.Status, b)
		e.Text("raw", hexText(b))
		return nil
	case string(keyword) == "OBD":
		c.f.Type = "OBD"
		c.obd(c.add(protocols.Status, b), f)
		return nil
	case isNamed(f):
		c.f.Type = "named"
		c.named(c.add(protocols.Status, b), f)
		return nil
	}
	e := c.add(protocols.Status, b)
	c.keyword(e, keyword, f[atPhone])
	switch full := len(f) > atFull && string(f[atFull]) == "F"; {
	case full && len(f) > atSpeed:
		c.fix(e, f)
	case full:
		c.time(e, f[atLocal], nil, false)
	default:
		c.noFix(e, f)
	}
	switch {
	case e.Kind == protocols.CommandResult:
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
	return nil
}

// add adds an event whose identity is the whole report.
func (c *call) add(k protocols.Kind, b []byte) *protocols.Event {
	e := c.f.Add(k)
	e.FP = protocols.Fingerprint(b)
	return e
}

// fix reads what follows F. A clone puts the hemispheres before the numbers, sends km/h, and has a decimal number in the place of the phone.
func (c *call) fix(e *protocols.Event, f [][]byte) {
	clone := bytes.IndexByte(f[atPhone], '.') >= 0
	lat, ns, lng, ew := f[atLat], f[atNS], f[atLng], f[atEW]
	if isLetter(lat, 'N', 'S') && isLetter(lng, 'E', 'W') {
		lat, ns, lng, ew = ns, lat, ew, lng
	}
	valid := string(f[atValid]) == "A"
	if len(ew) == 0 && len(lng) > 0 {
		ew = []byte{'E'}
		if side, _ := c.s.Options.Get("longitude"); side == "west" {
			ew[0] = 'W'
		}
		e.Bool("approximate", true)
	}
	y, ok1 := coordinate(lat, ns, 'N', 'S')
	x, ok2 := coordinate(lng, ew, 'E', 'W')
	if ok1 && ok2 {
		e.SetFix(y, x, valid)
	}
	if v, ok := protocols.ParseDecimal(f[atSpeed]); ok && v.N >= 0 {
		e.SetSpeed(v.Float() * c.unit(clone))
	}
	c.time(e, f[atLocal], f[atUTC], valid)
	f = shift(f)
	if len(f) > atCourse {
		if v, ok := protocols.ParseDecimal(f[atCourse]); ok {
			e.SetCourse(v.Float())
		}
	}
	if len(f) > atAlt {
		if v, ok := protocols.ParseDecimal(f[atAlt]); ok {
			e.SetAlt(v.Float())
		}
	}
	if len(f) > atACC {
		tail(e, f[atACC:])
	}
}

// shift makes room for a door that a report of the fuel sensors leaves out.
func shift(f [][]byte) [][]byte {
	if len(f) <= atDoor || len(f) >= maxFields || bytes.IndexByte(f[atDoor], '.') < 0 {
		return f
	}
	f = f[:len(f)+1] // the array behind it has room
	copy(f[atDoor+1:], f[atDoor:])
	f[atDoor] = nil
	return f
}

// noFix reads what follows L: LAC and cell id in hex, without network.
func (c *call) noFix(e *protocols.Event, f [][]byte) {
	c.time(e, f[atLocal], nil, false)
	if len(f) > atLng {
		lac, ok1 := protocols.ParseHex(f[atLat])
		cid, ok2 := protocols.ParseHex(f[atLng])
		if ok1 && ok2 && lac|cid != 0 && lac < 1<<32 {
			c.cell(e, uint32(lac), cid)
		}
	}
	if len(f) > atACC {
		tail(e, f[atACC:])
	}
}

// cell adds the serving cell, with the network that the operator named.
func (c *call) cell(e *protocols.Event, lac uint32, cid uint64) {
	mccText, _ := c.s.Options.Get("mcc")
	mncText, _ := c.s.Options.Get("mnc")
	mcc, ok1 := protocols.ParseDigits([]byte(mccText))
	mnc, ok2 := protocols.ParseDigits([]byte(mncText))
	if ok1 && ok2 && mcc < 1000 && mnc < 1000 {
		e.Cell(uint16(mcc), uint16(mnc), lac, cid)
		return
	}
	e.JSON("cells", fmt.Sprintf(`[{"lac":%d,"cid":%d}]`, lac, cid))
}

// tail reads ACC, door, fuel, fuel, temperature: as many as there are.
func tail(e *protocols.Event, f [][]byte) {
	for i, v := range f {
		if len(v) == 0 {
			continue
		}
		switch at := atACC + i; at {
		case atACC:
			flag(e, "ignition", v)
		case atDoor:
			flag(e, "door", v)
		case atFuel1:
			percent(e, "fuel_pct", v)
		case atFuel2:
			if v[len(v)-1] == '%' || bytes.IndexByte(v, '.') >= 0 {
				percent(e, "fuel2_pct", v)
			} else if n, ok := protocols.ParseDigits(v); ok {
				e.Int("counter", int64(n))
			} else {
				other(e, at, v)
			}
		case atTemp:
			d, ok := protocols.ParseDecimal(v)
			if _, known := e.Attrs.Get("temp1_c"); ok && !known {
				e.Dec("temp1_c", d.N, d.Scale)
			} else if !ok {
				other(e, at, v)
			}
		default:
			other(e, at, v)
		}
	}
}

// other keeps a field that has no meaning here, by its number in the vendor's table, where the IMEI is the first.
func other(e *protocols.Event, at int, v []byte) {
	e.Text(protocols.IOKey(uint16(at+2)), string(v))
}

// flag adds a field of 0 or 1, unless the keyword said it already.
func flag(e *protocols.Event, name string, v []byte) {
	if _, known := e.Attrs.Get(name); known || len(v) != 1 || v[0] != '0' && v[0] != '1' {
		return
	}
	e.Bool(name, v[0] == '1')
}

// percent adds a number with or without a percent sign, unless the keyword said it already.
func percent(e *protocols.Event, name string, v []byte) {
	d, ok := protocols.ParseDecimal(bytes.TrimSuffix(v, []byte{'%'}))
	if _, known := e.Attrs.Get(name); ok && !known {
		e.Dec(name, d.N, d.Scale)
	}
}

// coordinate reads DDDMM.mmmm and the letter of its hemisphere.
func coordinate(f, hemisphere []byte, positive, negative byte) (float64, bool) {
	d, ok := protocols.ParseDecimal(f)
	if !ok || d.N < 0 || !isLetter(hemisphere, positive, negative) {
		return 0, false
	}
	v, ok := d.DegreesMinutes()
	if hemisphere[0] == negative {
		v = -v
	}
	return v, ok
}

func isLetter(f []byte, a, b byte) bool { return len(f) == 1 && (f[0] == a || f[0] == b) }

// unit is the factor from the device's unit of speed to km/h: knots, but for the clone.
func (c *call) unit(clone bool) float64 {
	switch unit := c.s.Options.Unit; {
	case unit == "kmh", unit == "" && clone:
		return 1
	case unit == "mph":
		return 1.609344
	}
	return 1.852
}

// split cuts b into its fields; what is beyond the size of out stays in the last one.
func split(out *[maxFields][]byte, b []byte) [][]byte {
	n := 0
	for ; n < len(out)-1; n++ {
		at := bytes.IndexByte(b, ',')
		if at < 0 {
			break
		}
		out[n], b = b[:at], b[at+1:]
	}
	out[n] = b
	return out[:n+1]
}

// hexText is b as text, cut to what an attribute holds.
func hexText(b []byte) string { return hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)]) }
