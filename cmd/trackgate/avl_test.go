package main

import (
	"encoding/binary"
	"encoding/hex"
	"testing"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// codec8 is a Teltonika packet, in hex, with one record: a fix in Vilnius at 12 km/h and the ignition on.
func codec8(at time.Time) string {
	var b []byte
	b = append(b, 0x08, 1)
	b = binary.BigEndian.AppendUint64(b, uint64(at.UnixMilli()))
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, 253032016)
	b = binary.BigEndian.AppendUint32(b, 547146368)
	b = append(b, 0, 111, 0, 214, 7, 0, 12) // altitude, angle, satellites, speed
	b = append(b, 0, 1, 1, 239, 1, 0, 0, 0) // one 1-byte element: ignition
	b = append(b, 1)
	packet := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(len(b)))
	packet = append(packet, b...)
	packet = binary.BigEndian.AppendUint32(packet, uint32(protocols.ARC.Sum(b)))
	return hex.EncodeToString(packet)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
