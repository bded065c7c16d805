package simulate

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// Teltonika is the wire side of an FMB-like tracker that sends codec 8 Extended over TCP, integers big endian.
//
//	00 00 00 00 | D 4 | 8e | records 1 | record ... | records 1 | CRC-16/ARC of codec to records, in 4
type Teltonika struct {
	IMEI string // 15 digits
}

// maxRecords is how many records a packet carries: 1280 bytes are the most that such a device builds.
const maxRecords = 20

// Ids of the elements sent.
const (
	avlIgnition = 239
	avlMovement = 240
	avlSignal   = 21
	avlSupply   = 66 // mV
	avlOdometer = 16 // m
)

func (*Teltonika) Name() string { return "teltonika" }

// Login appends the identification: length 2 | IMEI as text.
func (t *Teltonika) Login(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.IMEI)))
	return append(b, t.IMEI...)
}

// Fixes appends one packet with as many fixes of list as it may carry, and returns how many.
func (t *Teltonika) Fixes(b []byte, list []Fix, _ time.Time) ([]byte, int) {
	n := min(len(list), maxRecords)
	b = append(b, make([]byte, 8)...)
	start := len(b)
	b = append(b, 0x8e, byte(n))
	for _, f := range list[:n] {
		b = appendRecord(b, f)
	}
	b = append(b, byte(n))
	binary.BigEndian.PutUint32(b[start-4:], uint32(len(b)-start))
	return binary.BigEndian.AppendUint32(b, uint32(protocols.ARC.Sum(b[start:]))), n
}

// appendRecord appends one AVL record:
//
//	time 8 | priority 1 | lng 4 | lat 4 | alt 2 | angle 2 | satellites 1 | speed 2 | event 2 | elements 2 | groups of 1, 2, 4, 8 and more bytes
func appendRecord(b []byte, f Fix) []byte {
	u16 := binary.BigEndian.AppendUint16
	b = binary.BigEndian.AppendUint64(b, uint64(f.Time.UnixMilli()))
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(f.Lng*1e7))))
	b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(f.Lat*1e7))))
	b = u16(b, uint16(int16(math.Round(f.Alt))))
	b = u16(b, uint16(math.Round(f.Course))%360)
	b = append(b, f.Sats)
	b = u16(b, uint16(math.Round(f.Speed)))
	b = u16(b, 0) // periodic
	b = u16(b, 5)
	b = u16(b, 3)
	b = append(u16(b, avlIgnition), bit(f.Ignition))
	b = append(u16(b, avlMovement), bit(f.Speed > 0))
	b = append(u16(b, avlSignal), 4)
	b = u16(b, 1)
	supply := uint16(12_400)
	if f.Ignition {
		supply = 13_900
	}
	b = u16(u16(b, avlSupply), supply)
	b = u16(b, 1)
	b = binary.BigEndian.AppendUint32(u16(b, avlOdometer), uint32(f.Odometer))
	return append(b, 0, 0, 0, 0) // no group of 8, none of more
}

// Heartbeat appends the network ping.
func (*Teltonika) Heartbeat(b []byte, _ bool) []byte { return append(b, 0xff) }

// HeartbeatAcked says that the network ping is not answered.
func (*Teltonika) HeartbeatAcked() bool { return false }

// Answer reads the gateway's answer: one byte to the identification, where records is 0, else the number of records it took. Packets of
// commands are skipped.
func (*Teltonika) Answer(b []byte, records int) (used int, ok bool, err error) {
	if records == 0 {
		if len(b) == 0 {
			return 0, false, nil
		}
		if b[0] != 1 {
			return 1, false, fmt.Errorf("teltonika: refused with %#02x", b[0])
		}
		return 1, true, nil
	}
	for len(b)-used >= 4 {
		n := binary.BigEndian.Uint32(b[used:])
		if n != 0 {
			if int64(n) != int64(records) {
				return used + 4, false, fmt.Errorf("teltonika: %d records acknowledged, %d sent", n, records)
			}
			return used + 4, true, nil
		}
		// Zero is a refusal, or the start of a command's packet.
		if len(b)-used < 8 {
			return used, false, nil
		}
		size := binary.BigEndian.Uint32(b[used+4:])
		if size > 1<<12 {
			return used, false, fmt.Errorf("teltonika: the gateway sends a packet of %d bytes", size)
		}
		if len(b)-used < int(size)+12 {
			return used, false, nil
		}
		used += int(size) + 12
	}
	return used, false, nil
}
