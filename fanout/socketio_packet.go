package fanout

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Engine.IO 4 packet types: the first byte of every text frame, and of every packet of a polling body.
const (
	engineOpen    = '0'
	engineClose   = '1'
	enginePing    = '2'
	enginePong    = '3'
	engineMessage = '4'
	engineUpgrade = '5'
	engineNoop    = '6'
)

// Socket.IO 5 packet types: the byte behind engineMessage.
const (
	ioConnect     = '0'
	ioDisconnect  = '1'
	ioEvent       = '2'
	ioAck         = '3'
	ioRefuse      = '4'
	ioBinaryEvent = '5'
	ioBinaryAck   = '6'
)

// separator stands between the packets of a polling body. No JSON text contains it.
const separator = 0x1e

// ioPacket is one Socket.IO packet:
//
//	type 1 | [attachments -] | [/namespace ,] | [id] | [JSON]
type ioPacket struct {
	kind      byte
	namespace string // "/" where none is named
	id        []byte // digits; nil: nobody waits for an acknowledgement
	data      json.RawMessage
}

const (
	maxNamespace = 256
	maxPacketID  = 16 // digits
)

var (
	errPacket = errors.New("fanout: malformed packet")
	errBinary = errors.New("fanout: binary packet")
)

// parsePacket takes a packet apart, without the Engine.IO type. It keeps raw.
func parsePacket(raw []byte) (p ioPacket, err error) {
	if len(raw) == 0 {
		return p, errPacket
	}
	p.kind, p.namespace = raw[0], "/"
	switch p.kind {
	case ioBinaryEvent, ioBinaryAck:
		return p, errBinary
	case ioConnect, ioDisconnect, ioEvent, ioAck:
	default:
		return p, errPacket
	}
	raw = raw[1:]
	if len(raw) > 0 && raw[0] == '/' {
		name, rest, _ := bytes.Cut(raw, []byte{','})
		name, _, _ = bytes.Cut(name, []byte{'?'})
		if len(name) > maxNamespace {
			return p, errPacket
		}
		p.namespace, raw = string(name), rest
	}
	n := 0
	for n < len(raw) && raw[n] >= '0' && raw[n] <= '9' {
		n++
	}
	if n > maxPacketID {
		return p, errPacket
	}
	if n > 0 {
		p.id, raw = raw[:n], raw[n:]
	}
	if len(raw) > 0 {
		if !json.Valid(raw) {
			return p, errPacket
		}
		p.data = raw
	}
	return p, nil
}

// ioCall is what an event packet says.
type ioCall struct {
	name string
	args []json.RawMessage
}

func parseCall(data json.RawMessage) (c ioCall, err error) {
	if err := json.Unmarshal(data, &c.args); err != nil || len(c.args) == 0 {
		return c, errPacket
	}
	if err := json.Unmarshal(c.args[0], &c.name); err != nil || c.name == "" {
		return c, errPacket
	}
	c.args = c.args[1:]
	return c, nil
}

// refusePacket answers a CONNECT.
func refusePacket(namespace, text string) []byte {
	b := []byte{engineMessage, ioRefuse}
	if namespace != "/" {
		b = append(append(b, namespace...), ',')
	}
	message, _ := json.Marshal(map[string]string{"message": text})
	return append(b, message...)
}

// What stands before an event's JSON on the way to a Socket.IO client, and behind it.
const (
	ioUpdate = `42["location:update",`
	ioOther  = `42["event",`
	ioError  = `42["error",`
	ioEnd    = ']'
)
