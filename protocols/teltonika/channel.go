package teltonika

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// minChannel is the least length of a channel packet: head, IMEI, codec and two numbers of data.
const minChannel = channelHead - 2 + minIdentity + 3

const channelHead = 8

// channel says how records are answered: over TCP, or to which channel packet.
type channel struct {
	datagram bool
	id       [2]byte // of the channel packet, echoed
	kind     byte    // of the channel packet: 0 wants an acknowledgement of its own
	avl      byte    // AVL packet id; the device compares it
}

// channelPacket reads what a datagram holds; a datagram may hold several:
//
//	length 2 | packet id 2 | type 1 | AVL packet id 1 | IMEI length 2 | IMEI | codec 1 | number 1 | data | number 1
//
// There is no CRC. The answer is 00 05, packet id, 01, AVL packet id, number of records.
func channelPacket(s *protocols.Session, in protocols.Input, f *protocols.Frame, length int) (int, error) {
	b := in.Bytes
	if len(b) < channelHead {
		if len(b) > 4 && b[4] > maxChannelType {
			return lost(s, in)
		}
		return incomplete(in)
	}
	idLength := int(binary.BigEndian.Uint16(b[6:]))
	if b[4] > maxChannelType || idLength < minIdentity || idLength > maxIdentity || length < channelHead-2+idLength+3 {
		return lost(s, in)
	}
	if !allDigits(b[channelHead:min(len(b), channelHead+idLength)]) {
		return lost(s, in)
	}
	n := length + 2
	if len(b) < n {
		return incomplete(in)
	}
	id, data := b[channelHead:channelHead+idLength], b[channelHead+idLength:n]
	from := channel{datagram: true, id: [2]byte(b[2:4]), kind: b[4], avl: b[5]}
	if f.Notes != nil {
		noteChannel(f, b[:n], channelHead+idLength)
	}
	identify(s, id)
	return content(s, in, f, data, from, n)
}

// maxChannelType is the highest type of a channel packet that a document mentions; captures have 1.
const maxChannelType = 2

// acknowledge appends the answer to a packet with records.
func (c channel) acknowledge(f *protocols.Frame, codec byte, count int) {
	switch {
	case c.datagram:
		if c.kind == 0 {
			f.Reply = append(f.Reply, 0, 3, c.id[0], c.id[1], 2)
		}
		f.Reply = append(f.Reply, 0, 5, c.id[0], c.id[1], 1, c.avl, byte(count))
	case isAVL(codec):
		f.Reply = append(f.Reply, 0, 0, 0, byte(count))
	}
}
