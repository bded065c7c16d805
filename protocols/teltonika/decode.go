package teltonika

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// decode reads one of the forms that share the port. The first bytes tell them apart:
//
//	ff                      keep-alive
//	00 0f + 15 digits       identification
//	00 00 00 00 + length    packet with data
//	00 00 00 05 + ...       greeting of a camera's own connection
//	length > 20 + ...       channel packet of a UDP datagram
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) == 0 {
		return 0, nil
	}
	if dualCamSession(s.State) {
		return dualCam(s, in, f)
	}
	if b[0] == 0xff {
		n := 1
		for n < len(b) && b[n] == 0xff {
			n++
		}
		f.Type = "keep_alive"
		return n, nil
	}
	if len(b) < 2 {
		return incomplete(in)
	}
	switch n := int(binary.BigEndian.Uint16(b)); {
	case n == 0:
		return packet(s, in, f)
	case n >= minIdentity && n <= maxIdentity:
		return identification(s, in, f, n)
	case n >= minChannel:
		return channelPacket(s, in, f, n)
	}
	return lost(s, in)
}

// incomplete waits for the rest of a frame, or refuses it when nothing more comes.
func incomplete(in protocols.Input) (int, error) {
	if !in.Final {
		return 0, nil
	}
	return len(in.Bytes), fmt.Errorf("teltonika: frame is cut off after %d bytes: %w", len(in.Bytes), protocols.ErrMalformed)
}

// lost looks for the next packet after bytes that are none. TCP does not corrupt, so the peer is broken or hostile: before
// it has an identity it is not given the benefit of the doubt.
func lost(s *protocols.Session, in protocols.Input) (int, error) {
	b := in.Bytes
	if in.Datagram {
		return len(b), fmt.Errorf("teltonika: datagram starts with % x: %w", b[:min(len(b), 4)], protocols.ErrGarbage)
	}
	if s.Device == "" {
		return 0, fmt.Errorf("teltonika: connection starts with % x: %w", b[:min(len(b), 4)], protocols.ErrGarbage)
	}
	for i := 1; i+9 <= len(b); i++ {
		if startsPacket(b[i:]) {
			return i, fmt.Errorf("teltonika: %d bytes before a packet: %w", i, protocols.ErrGarbage)
		}
	}
	switch {
	case in.Final:
		return len(b), fmt.Errorf("teltonika: %d bytes at the end of the stream: %w", len(b), protocols.ErrGarbage)
	case len(b) > maxLost:
		return 0, fmt.Errorf("teltonika: no packet in %d bytes: %w", len(b), protocols.ErrGarbage)
	}
	return 0, nil
}

// startsPacket tells whether the nine bytes at the start of b are the head of a packet.
func startsPacket(b []byte) bool {
	return binary.BigEndian.Uint32(b) == 0 && binary.BigEndian.Uint16(b[4:]) == 0 && binary.BigEndian.Uint16(b[6:]) >= 3 && knownCodec(b[8])
}
