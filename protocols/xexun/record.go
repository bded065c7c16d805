package xexun

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// records reads the payload of a position message: count, their lengths, the records.
func (c *call) records(b []byte) error {
	if len(b) < 1 || len(b) < 1+2*int(b[0]) {
		return fmt.Errorf("xexun: ends within the lengths of its records: %w", protocols.ErrMalformed)
	}
	count := int(b[0])
	lengths, rest := b[1:1+2*count], b[1+2*count:]
	for i := range count {
		n := int(binary.BigEndian.Uint16(lengths[2*i:]))
		if n > len(rest) {
			return fmt.Errorf("xexun: record %d of %d bytes where %d are left: %w", i, n, len(rest), protocols.ErrMalformed)
		}
		if n > 0 {
			c.record(rest[:n])
		}
		rest = rest[n:]
	}
	return nil
}

// Bits of a record's mask.
const (
	hasAlarms = 1 << iota
	hasPlace
	_
	hasFingerprint
	hasVersion
	hasParameters
)

// record reads one record. What it can not read is kept in raw.
func (c *call) record(b []byte) {
	r := protocols.NewReader(b)
	e := c.f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(b[1:]) // without its number
	r.Skip(1)
	if at := r.U32(); at != 0 && r.Err() == nil {
		e.Time = protocols.Millis(at) * 1000
	} else {
		e.Text("time_source", "server")
	}
	if r.Len() >= 4 {
		e.Int("rssi", int64(r.U8()))
		battery := r.U16()
		e.Int("battery_pct", int64(battery&0x7fff))
		e.Bool("charging", battery>>15 == 1)
	}
	mask := r.U8()
	whole := true
	if mask&hasAlarms != 0 && r.Len() >= 4 {
		raise(e, r.U32())
	}
	if mask&hasPlace != 0 {
		whole = place(e, &r)
	}
	if whole && mask&hasFingerprint != 0 && r.Len() >= 4 {
		e.Text("fingerprint", hex.EncodeToString(r.Bytes(4)))
	}
	if whole && mask&hasVersion != 0 && r.Len() >= 38 {
		e.Text("software", printable(r.Bytes(20)))
		e.Text("imsi", hex.EncodeToString(r.Bytes(8)))
		e.Text("iccid", hex.EncodeToString(r.Bytes(10)))
	}
	if whole && mask&hasParameters != 0 && r.Len() >= 12 {
		e.Text("parameters_hex", hex.EncodeToString(r.Bytes(12)))
	}
	if !whole {
		e.Text("raw", hexText(b))
	} else if rest := r.Rest(); len(rest) > 0 {
		e.Text("raw", hexText(rest))
	}
	settle(e)
}

// raise reads the alarm bits.
func raise(e *protocols.Event, bits uint32) {
	if bits == 0 {
		return
	}
	e.Int("alarm_code", int64(bits))
	switch {
	case bits&1 != 0:
		e.Alarm = "sos"
	case bits&(1<<15) != 0:
		e.Alarm = "fall"
	case bits&2 != 0:
		e.Alarm = "tampering"
	}
	if bits&2 != 0 {
		e.Bool("removed", true)
	}
}

// place reads what tells where the device is, in the order of its mask's bits. False: it ends early, and what is left has no meaning.
func place(e *protocols.Event, r *protocols.Reader) bool {
	mask := r.U8()
	if mask&1 != 0 && need(r, 9) {
		e.SetSats(r.U8())
		lng := float64(math.Float32frombits(r.U32()))
		fix(e, float64(math.Float32frombits(r.U32())), lng, true)
	}
	if mask&2 != 0 {
		points(e, r)
	}
	if mask&4 != 0 {
		cells(e, r)
	}
	if mask&8 != 0 {
		if n := 12 * int(r.U8()); need(r, n) && n > 0 {
			e.Text("time_of_flight", hexText(r.Bytes(n)))
		}
	}
	if mask&(1<<5) != 0 && need(r, 4) {
		e.SetSpeed(float64(r.U16()) / 10)
		e.SetCourse(float64(r.U16()) / 10)
	}
	if mask&(1<<6) != 0 && need(r, 17) {
		e.SetSats(r.U8())
		lng := math.Float64frombits(r.U64())
		fix(e, math.Float64frombits(r.U64()), lng, true)
	}
	if mask&(1<<7) != 0 {
		if n := int(r.U16()); need(r, n) && n > 0 {
			satellites(e, r.Bytes(n))
		}
	}
	return r.Err() == nil && mask&(1<<4) == 0
}

// need makes the reader fail for good where fewer than n bytes are left.
func need(r *protocols.Reader, n int) bool {
	if r.Len() >= n && r.Err() == nil {
		return true
	}
	r.Skip(r.Len() + 1)
	return false
}

// satellites reads the long form of a fix: G, length, longitude, latitude, valid, satellites, SNR, speed, course, altitude.
func satellites(e *protocols.Event, b []byte) {
	const size = 1 + 2 + 8 + 8 + 3 + 4 + 4
	if len(b) < size || b[0] != 'G' {
		e.Text("raw", hexText(b))
		return
	}
	r := protocols.NewReader(b[3:])
	lng := math.Float64frombits(r.U64())
	lat := math.Float64frombits(r.U64())
	fix(e, lat, lng, r.U8() != 0)
	e.SetSats(r.U8())
	e.Int("gnss_snr", int64(r.U8()))
	e.SetSpeed(float64(r.U16()) / 10)
	e.SetCourse(float64(r.U16()) / 10)
	if alt := float64(math.Float32frombits(r.U32())); alt == alt {
		e.SetAlt(alt)
	}
}

// fix records coordinates that are sent as DDMM.mmmm and DDDMM.mmmm, negative for south and west.
func fix(e *protocols.Event, lat, lng float64, valid bool) {
	y, ok1 := degrees(lat)
	x, ok2 := degrees(lng)
	if ok1 && ok2 {
		e.SetFix(y, x, valid)
	}
}

// degrees takes degrees and minutes in one number apart; false where the minutes are 60 or more, or it is no number.
func degrees(v float64) (float64, bool) {
	whole, minutes := math.Trunc(v/100), math.Mod(v, 100)
	if !(math.Abs(minutes) < 60 && math.Abs(whole) <= 180) {
		return 0, false
	}
	return whole + minutes/60, true
}

// points reads access points: MAC and level each.
func points(e *protocols.Event, r *protocols.Reader) {
	n := int(r.U8())
	if !need(r, 7*n) || n == 0 {
		return
	}
	b := []byte{'['}
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"mac":"`...)
		for j, x := range r.Bytes(6) {
			if j > 0 {
				b = append(b, ':')
			}
			b = hex.AppendEncode(b, []byte{x})
		}
		b = strconv.AppendInt(append(b, `","rssi_dbm":`...), int64(r.I8()), 10)
		b = append(b, '}')
	}
	e.JSON("wifi", string(append(b, ']')))
}

// cells reads radio cells, the serving one first.
func cells(e *protocols.Event, r *protocols.Reader) {
	n := int(r.U8())
	if !need(r, 13*n) || n == 0 {
		return
	}
	b := []byte{'['}
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(append(b, `{"mcc":`...), uint64(r.U16()), 10)
		b = strconv.AppendUint(append(b, `,"mnc":`...), uint64(r.U16()), 10)
		b = strconv.AppendInt(append(b, `,"lac":`...), int64(r.I32()), 10)
		b = strconv.AppendUint(append(b, `,"cid":`...), uint64(r.U32()), 10)
		b = strconv.AppendInt(append(b, `,"rssi_dbm":`...), int64(r.I8()), 10)
		b = append(b, '}')
	}
	e.JSON("cells", string(append(b, ']')))
}

// hexText is b in hex, cut to what an attribute holds.
func hexText(b []byte) string { return hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)]) }

// printable is b up to the first byte that is no character.
func printable(b []byte) string {
	n := 0
	for n < len(b) && b[n] >= ' ' && b[n] <= '~' {
		n++
	}
	return string(b[:n])
}
