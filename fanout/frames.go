package fanout

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// frames takes the bytes of a WebSocket client apart into messages (RFC 6455, section 5), however the bytes are cut: between two calls it holds the
// beginning of a header and what has come of a message, and nothing once a message is whole. So nobody has to wait for the rest of a frame, and
// ten thousand clients that send half of one cost ten thousand halves and no goroutine.
//
//	fin 1 | reserved 3 | opcode 4 | masked 1 | length 7, 7+16 or 7+64 | mask 32 | payload
type frames struct {
	limit   int    // bytes of a message
	message []byte // of the data message that is not whole yet
	control []byte // of the control frame that is not whole yet: one may come between two fragments
	left    int    // bytes of the frame's payload still to come
	masked  int    // bytes of it that came
	head    [14]byte
	have    uint8 // bytes of head
	whole   bool  // head is whole: payload comes
	open    bool  // a message has begun
}

// fault is why a connection is closed: with the code of RFC 6455, 7.4.
type fault struct {
	code   int
	reason string
}

// goodbye says that the client closed, and no fault of its own.
func (f *fault) goodbye() bool { return f.code == closedByPeer }

var (
	faultReserved = &fault{codeProtocol, "reserved bit or opcode"}
	faultUnmasked = &fault{codeProtocol, "not masked"}
	faultControl  = &fault{codeProtocol, "control frame fragmented or too long"}
	faultOrder    = &fault{codeProtocol, "fragments out of order"}
	faultLength   = &fault{codeProtocol, "malformed length"}
	faultClose    = &fault{codeProtocol, "malformed close frame"}
	faultBinary   = &fault{codeUnsupported, "text frames only"}
	faultText     = &fault{codeInvalid, "not UTF-8"}
	faultLarge    = &fault{codeTooBig, "message too large"}
	faultPeer     = &fault{closedByPeer, ""}
)

const opContinuation = 0

// feed takes the next bytes and hands over what they complete: text messages, which are the visitor's to keep, and the payloads of pings and pongs, which are
// not. It reads no further than the first fault, a close frame among them.
func (f *frames) feed(b []byte, visit func(op int, payload []byte)) *fault {
	for {
		if !f.whole {
			var bad *fault
			if b, bad = f.header(b); bad != nil {
				return bad
			}
			if !f.whole {
				return nil
			}
		}
		n := min(f.left, len(b))
		op := int(f.head[0] & 15)
		if op >= websocket.CloseMessage {
			f.control = f.unmask(f.control, b[:n])
		} else {
			f.message = f.unmask(f.message, b[:n])
		}
		b = b[n:]
		if f.left -= n; f.left > 0 {
			return nil
		}
		f.whole, f.have, f.masked = false, 0, 0
		switch {
		case op == websocket.CloseMessage:
			return closeFault(f.control)
		case op > websocket.CloseMessage:
			visit(op, f.control)
			f.control = nil
		case f.head[0]&0x80 != 0:
			text := f.message
			f.message, f.open = nil, false
			if !utf8.Valid(text) {
				return faultText
			}
			visit(websocket.TextMessage, text)
		}
		if len(b) == 0 {
			return nil
		}
	}
}

// header gathers a frame's header, checks it, and returns what is behind it.
func (f *frames) header(b []byte) (rest []byte, bad *fault) {
	for size := f.headerSize(); ; {
		k := copy(f.head[f.have:size], b)
		f.have += uint8(k)
		if b = b[k:]; int(f.have) < size {
			return b, nil
		}
		if size == 2 {
			if bad := f.check(); bad != nil {
				return nil, bad
			}
			size = f.headerSize()
			continue
		}
		length := uint64(f.head[1] & 127)
		switch length {
		case 126:
			length = uint64(binary.BigEndian.Uint16(f.head[2:]))
		case 127:
			length = binary.BigEndian.Uint64(f.head[2:])
		}
		if length>>63 != 0 {
			return nil, faultLength
		}
		if length > uint64(f.limit-len(f.message)) {
			return nil, faultLarge
		}
		copy(f.head[10:], f.head[size-4:size]) // the mask, where unmask looks for it
		f.left, f.whole = int(length), true
		return b, nil
	}
}

// headerSize is how many bytes the header has, as far as is known: its first two at least.
func (f *frames) headerSize() int {
	if f.have < 2 {
		return 2
	}
	switch f.head[1] & 127 {
	case 126:
		return 2 + 2 + 4
	case 127:
		return 2 + 8 + 4
	}
	return 2 + 4
}

// check looks at the first two bytes of a frame.
func (f *frames) check() *fault {
	fin, op := f.head[0]&0x80 != 0, int(f.head[0]&15)
	switch {
	case f.head[0]&0x70 != 0 || op > websocket.BinaryMessage && op < websocket.CloseMessage || op > websocket.PongMessage:
		return faultReserved
	case f.head[1]&0x80 == 0:
		return faultUnmasked
	case op >= websocket.CloseMessage:
		if !fin || f.head[1]&127 > 125 {
			return faultControl
		}
	case f.open != (op == opContinuation):
		return faultOrder
	case op == websocket.BinaryMessage:
		return faultBinary
	default:
		f.open = true
	}
	return nil
}

// unmask appends a part of the frame's payload. What it appends to grows with what came, never by what a header promises.
func (f *frames) unmask(to, part []byte) []byte {
	at := len(to)
	to = append(to, part...)
	mask := f.head[10:14]
	for i := range to[at:] {
		to[at+i] ^= mask[(f.masked+i)&3]
	}
	f.masked += len(part)
	return to
}

// closeFault says what a close frame amounts to (5.5.1): with a code that may not stand in one it is malformed itself.
func closeFault(payload []byte) *fault {
	if len(payload) == 0 {
		return faultPeer
	}
	if len(payload) == 1 {
		return faultClose
	}
	code := int(binary.BigEndian.Uint16(payload))
	switch {
	case !utf8.Valid(payload[2:]):
		return faultText
	case code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006, code >= 3000 && code <= 4999:
		return faultPeer
	}
	return faultClose
}
