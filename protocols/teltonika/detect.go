package teltonika

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of detect.
const (
	whyNot      = "starts like none of Teltonika's packets"
	whyPing     = "keep-alive bytes alone, as Teltonika sends between packets"
	whyHead     = "may become a Teltonika identification, packet or datagram"
	whyIdentity = "length and IMEI in ASCII digits: a Teltonika identification"
	whyPacket   = "zero preamble, length and a Teltonika codec"
	whyChecked  = "zero preamble, a Teltonika codec, and the CRC-16 is right"
	whyCamera   = "greeting of a Teltonika camera with an IMEI"
	whyChannel  = "Teltonika UDP channel packet: length, IMEI and codec"
)

// maxPings is how many keep-alive bytes may come before anything else.
const maxPings = 32

// detect recognises the first bytes of a connection, or a datagram.
func detect(b []byte, datagram bool) (protocols.Verdict, string) {
	pings := 0
	for pings < len(b) && b[pings] == 0xff {
		if pings++; pings > maxPings {
			return protocols.No, whyNot
		}
	}
	if b = b[pings:]; len(b) == 0 {
		return protocols.More, whyPing
	}
	if len(b) == 1 {
		if b[0] > 0x0f && !datagram {
			return protocols.No, whyNot
		}
		return protocols.More, whyHead
	}
	switch n := int(binary.BigEndian.Uint16(b)); {
	case n == 0:
		return detectPacket(b)
	case n >= minIdentity && n <= maxIdentity:
		if !allDigits(b[2:min(len(b), 2+n)]) {
			return protocols.No, whyNot
		}
		if len(b) < 2+n {
			return protocols.More, whyHead
		}
		return protocols.Sure, whyIdentity
	case n >= minChannel && (datagram || n < 0x1000):
		return detectChannel(b, n)
	}
	return protocols.No, whyNot
}

// detectPacket judges bytes that start with two zeros.
func detectPacket(b []byte) (protocols.Verdict, string) {
	if len(b) >= 3 && b[2] != 0 || len(b) >= 4 && b[3] != 0 && b[3] != dualCamHead {
		return protocols.No, whyNot
	}
	if len(b) < 4 {
		return protocols.More, whyHead
	}
	if b[3] == dualCamHead {
		if len(b) < greetingLength {
			return protocols.More, whyHead
		}
		if imei := binary.BigEndian.Uint64(b[4:]); imei < 1e9 || imei >= 1e15 {
			return protocols.No, whyNot
		}
		return protocols.Sure, whyCamera
	}
	for _, x := range b[4:min(len(b), 6)] {
		if x != 0 {
			return protocols.No, whyNot
		}
	}
	if len(b) < 9 {
		return protocols.More, whyHead
	}
	if !knownCodec(b[8]) {
		return protocols.No, whyNot
	}
	n := int(binary.BigEndian.Uint32(b[4:])) + packetOverhead
	if n < packetOverhead+3 || len(b) < n {
		return protocols.Likely, whyPacket
	}
	if uint32(protocols.ARC.Sum(b[8:n-4])) == binary.BigEndian.Uint32(b[n-4:]) {
		return protocols.Sure, whyChecked
	}
	return protocols.Likely, whyPacket
}

// detectChannel judges bytes that start with the length n of a channel packet.
func detectChannel(b []byte, n int) (protocols.Verdict, string) {
	if len(b) > 4 && b[4] > maxChannelType || len(b) > 6 && b[6] != 0 ||
		len(b) > 7 && (b[7] < minIdentity || b[7] > maxIdentity) {
		return protocols.No, whyNot
	}
	if len(b) < channelHead {
		return protocols.More, whyHead
	}
	codec := channelHead + int(b[7])
	if !allDigits(b[channelHead:min(len(b), codec)]) || n+2 < codec+3 {
		return protocols.No, whyNot
	}
	if len(b) <= codec {
		return protocols.More, whyHead
	}
	if !knownCodec(b[codec]) {
		return protocols.No, whyNot
	}
	return protocols.Sure, whyChannel
}
