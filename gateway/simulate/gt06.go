package simulate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// GT06 is the wire side of a Concox GT06-like tracker: short frames, integers big endian.
//
//	78 78 | LEN 1 | number 1 | INFO LEN-5 | serial 2 | CRC-16/X-25 of LEN to serial 2 | 0d 0a
type GT06 struct {
	IMEI   string // 15 digits
	serial uint16
}

// Message numbers.
const (
	gt06Login     = 0x01
	gt06Heartbeat = 0x13
	gt06Location  = 0x22 // GPS, cell, ACC, upload mode, re-upload, mileage in metres; the date is UTC
)

func (g *GT06) Name() string { return "gt06" }

// Login appends the login: the IMEI as BCD. The serial number begins again, as after a power-up.
func (g *GT06) Login(b []byte) []byte {
	g.serial = 0
	var id [8]byte
	for i := range min(len(g.IMEI), 15) {
		digit := g.IMEI[i] - '0'
		if pos := i + 1; pos%2 == 0 {
			id[pos/2] |= digit << 4
		} else {
			id[pos/2] |= digit
		}
	}
	return g.frame(b, gt06Login, id[:])
}

// Fixes appends the first fix of list as a location, and returns how many it took. A fix that waited longer than StoredAfter carries the re-upload mark.
func (g *GT06) Fixes(b []byte, list []Fix, now time.Time) ([]byte, int) {
	f := list[0]
	t := f.Time.UTC()
	course := uint16(math.Round(f.Course)) % 360
	course |= 1 << 12 // positioned
	if f.Lat >= 0 {
		course |= 1 << 10
	}
	if f.Lng < 0 {
		course |= 1 << 11
	}
	info := make([]byte, 0, 33)
	info = append(info, byte(t.Year()-2000), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()))
	info = append(info, 0xc0|min(f.Sats, 15))
	info = binary.BigEndian.AppendUint32(info, uint32(math.Round(math.Abs(f.Lat)*1_800_000)))
	info = binary.BigEndian.AppendUint32(info, uint32(math.Round(math.Abs(f.Lng)*1_800_000)))
	info = append(info, byte(min(255, math.Round(f.Speed))))
	info = binary.BigEndian.AppendUint16(info, course)
	info = append(info, make([]byte, 8)...) // no cell
	info = append(info, bit(f.Ignition), 0, bit(now.Sub(f.Time) > StoredAfter))
	info = binary.BigEndian.AppendUint32(info, uint32(f.Odometer))
	return g.frame(b, gt06Location, info), 1
}

// Heartbeat appends a status: GPS positioned, charging, ACC; battery and signal full.
func (g *GT06) Heartbeat(b []byte, ignition bool) []byte {
	status := byte(1<<6 | 1<<2)
	if ignition {
		status |= 1 << 1
	}
	return g.frame(b, gt06Heartbeat, []byte{status, 6, 4, 0, 2})
}

// HeartbeatAcked says that heartbeats are answered.
func (g *GT06) HeartbeatAcked() bool { return true }

func (g *GT06) frame(b []byte, number byte, info []byte) []byte {
	g.serial++
	b = append(b, 0x78, 0x78)
	start := len(b)
	b = append(b, byte(len(info)+5), number)
	b = append(b, info...)
	b = binary.BigEndian.AppendUint16(b, g.serial)
	b = binary.BigEndian.AppendUint16(b, protocols.X25.Sum(b[start:]))
	return append(b, 0x0d, 0x0a)
}

// Answer finds the answer to the last frame in what the gateway said: the same number and serial, an empty INFO. What was read before it, commands say, is skipped; used counts both.
func (g *GT06) Answer(b []byte, _ int) (used int, ok bool, err error) {
	for len(b)-used >= 10 {
		f := b[used:]
		if f[0] != 0x78 || f[1] != 0x78 {
			if f[0] == 0x79 && f[1] == 0x79 {
				n := int(binary.BigEndian.Uint16(f[2:])) + 6
				if n > len(f) {
					return used, false, nil
				}
				used += n
				continue
			}
			return used, false, fmt.Errorf("gt06: the gateway sends % x", f[:min(len(f), 8)])
		}
		n := int(f[2]) + 5
		if n < 10 {
			return used, false, fmt.Errorf("gt06: the gateway sends a frame of length %d", f[2])
		}
		if n > len(f) {
			return used, false, nil
		}
		if !bytes.HasSuffix(f[:n], []byte{0x0d, 0x0a}) || binary.BigEndian.Uint16(f[n-4:]) != protocols.X25.Sum(f[2:n-4]) {
			return used, false, fmt.Errorf("gt06: the gateway's frame % x is damaged", f[:n])
		}
		used += n
		if f[3] < 0x80 && binary.BigEndian.Uint16(f[n-6:]) == g.serial {
			return used, true, nil
		}
	}
	return used, false, nil
}

func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}
