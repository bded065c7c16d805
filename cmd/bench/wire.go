//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// wire is what the devices of a run say. A device's frames differ in their coordinates, so that each is a row of its own: the number of the frame within
// its run is in them.
type wire struct {
	protocol string
	records  int // of one frame
	login    func(b []byte, device int) []byte
	welcome  int // bytes of the answer to the login
	answer   int // bytes of the answer to a frame
	// frame appends the frame that is number n of all; its first record has fix n*records.
	frame func(b []byte, n uint32, now time.Time) []byte
}

// wireOf is the wire of a protocol; records is how many records one frame carries, where the protocol lets it choose.
func wireOf(protocol string, records int) (*wire, error) {
	switch protocol {
	case "gt06":
		return &wire{protocol: protocol, records: 1, login: gt06Login, welcome: 10, answer: 10, frame: gt06Frame}, nil
	case "teltonika":
		return &wire{protocol: protocol, records: records, login: teltonikaLogin, welcome: 1, answer: 4, frame: func(b []byte, n uint32, now time.Time) []byte {
			return teltonikaFrame(b, n, records, now)
		}}, nil
	}
	return nil, fmt.Errorf("no wire for protocol %q", protocol)
}

// imei is the number of a device.
func imei(device int) string {
	body := fmt.Sprintf("86%012d", device)
	sum := 0
	for i, c := range body {
		d := int(c - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return body + string(rune('0'+(10-sum%10)%10))
}

func gt06Login(b []byte, device int) []byte {
	id := "0" + imei(device)
	info := make([]byte, 8)
	for i := range info {
		info[i] = (id[2*i]-'0')<<4 | (id[2*i+1] - '0')
	}
	return gt06Message(b, 0x01, info, 1)
}

// gt06Frame is a location: date 6 | satellites 1 | latitude 4 | longitude 4 | speed 1 | course 2 | cell 8 | ACC, mode, re-upload.
func gt06Frame(b []byte, n uint32, now time.Time) []byte {
	y, mo, d := now.Date()
	h, mi, s := now.Clock()
	info := [...]byte{byte(y - 2000), byte(mo), byte(d), byte(h), byte(mi), byte(s), 0xcb, 0x05, 0x86, 0x82, 0x4c, 0, 0, 0, 0, 0x1d, 0x14, 0xea,
		0x01, 0xcc, 0x0a, 0x1b, 0x2c, 0x00, 0xab, 0xcd, 1, 0, 0}
	binary.BigEndian.PutUint32(info[11:], n)
	return gt06Message(b, 0x22, info[:], uint16(n))
}

func gt06Message(b []byte, number byte, info []byte, serial uint16) []byte {
	b = append(b, 0x78, 0x78)
	start := len(b)
	b = append(b, byte(len(info)+5), number)
	b = append(b, info...)
	b = binary.BigEndian.AppendUint16(b, serial)
	b = binary.BigEndian.AppendUint16(b, protocols.X25.Sum(b[start:]))
	return append(b, 0x0d, 0x0a)
}

func teltonikaLogin(b []byte, device int) []byte {
	return append(append(b, 0, 15), imei(device)...)
}

// What follows the head of a record of codec 8 with the thirteen elements of a default configuration, in groups of one, two, four and eight bytes.
var teltonikaElements = [...]byte{0, 13,
	5, 239, 1, 240, 1, 21, 5, 200, 0, 69, 1,
	7, 181, 0, 11, 182, 0, 6, 66, 0x38, 0x1b, 24, 0, 94, 205, 3, 0x18, 206, 0x19, 0xcd, 67, 0x0f, 0x58,
	1, 241, 0, 0, 0x61, 0xa9,
	0}

func teltonikaFrame(b []byte, n uint32, records int, now time.Time) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, byte(records))
	at := now.UnixMilli()
	for i := range records {
		b = binary.BigEndian.AppendUint64(b, uint64(at))
		b = append(b, 0)
		b = binary.BigEndian.AppendUint32(b, n*uint32(records)+uint32(i)) // longitude
		b = binary.BigEndian.AppendUint32(b, 546872000)
		b = append(b, 0, 112, 0, 90, 11, 0, 50)
		b = append(b, teltonikaElements[:]...)
	}
	b = append(b, byte(records))
	binary.BigEndian.PutUint32(b[start+4:], uint32(len(b)-start-8))
	return binary.BigEndian.AppendUint32(b, uint32(protocols.ARC.Sum(b[start+8:])))
}

// number is the number of a record by its longitude, for what comes out at the other end.
func (w *wire) number(lng float64) uint32 {
	if w.protocol == "gt06" {
		return uint32(lng*1_800_000 + 0.5)
	}
	return uint32(lng*1e7 + 0.5)
}
