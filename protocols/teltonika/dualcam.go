package teltonika

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// A DualCam or dash cam sends its photos and videos over a connection of its own: a greeting, then commands in both
// directions. The commands are answered so that the transfer runs its course; the media are not kept, and counted by the
// frame's type.

// dualCamHead starts a greeting: header 00 00, protocol id 00 05.
const dualCamHead = 0x0005

// Commands.
const (
	camClose       = 0x0000 // server
	camStart       = 0x0001 // device: number of packets 4
	camResume      = 0x0002 // server: packet offset 4
	camSync        = 0x0003 // device: offset 4
	camData        = 0x0004 // device: up to 1024 bytes and their CRC
	camStatus      = 0x0005 // both: 4 bytes; the server's 0 is: file complete
	camRequest     = 0x0008 // server: file name
	camRepeat      = 0x0009 // server: greet again
	camMetaQuery   = 0x000a // server
	camMetaAnswer  = 0x000b // device
	maxCamFiles    = 32     // per connection
	maxCamData     = 4 << 10
	greetingLength = 16
)

// Files, by the bit in the first option byte of the greeting.
var camFiles = [...]struct {
	bit  byte
	name string
}{{0x04, "%photof"}, {0x08, "%photor"}, {0x10, "%videof"}, {0x20, "%videor"}}

// camSession is what a camera's connection remembers: in Session.State "d", files fetched, packets of the file, packets
// received.
type camSession struct {
	files           byte
	packets, passed uint32
}

func dualCamSession(state string) bool { return len(state) == 19 && state[0] == 'd' }

func recallCam(state string) camSession {
	return camSession{byte(hexNumber(state[1:3])), hexNumber(state[3:11]), hexNumber(state[11:19])}
}

func (c camSession) store(s *protocols.Session) {
	if dualCamSession(s.State) && recallCam(s.State) == c {
		return
	}
	b := appendHex([]byte{'d'}, uint32(c.files), 2)
	s.State = string(appendHex(appendHex(b, c.packets, 8), c.passed, 8))
}

// greeting reads the first packet of a camera's connection:
//
//	header 2 | protocol id 2 | IMEI 8, an integer | options 4
func greeting(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) < greetingLength {
		return incomplete(in)
	}
	imei := binary.BigEndian.Uint64(b[4:])
	if imei == 0 || imei >= 1e15 {
		return 0, fmt.Errorf("teltonika: camera with IMEI %d: %w", imei, protocols.ErrGarbage)
	}
	f.Type = "camera_greeting"
	var c camSession
	if dualCamSession(s.State) {
		c = recallCam(s.State)
	}
	id := fmt.Sprintf("%015d", imei)
	if s.Device != id {
		s.Device, c = id, camSession{}
	}
	f.Refuse = append(f.Refuse, 0, camClose, 0, 0)
	c.packets, c.passed = 0, 0
	for _, file := range camFiles {
		if b[12]&file.bit != 0 && c.files < maxCamFiles {
			c.files++
			c.store(s)
			f.Reply = append(f.Reply, 0, camRequest, 0, byte(len(file.name)))
			f.Reply = append(f.Reply, file.name...)
			return greetingLength, nil
		}
	}
	c.store(s)
	f.Reply, f.Close = append(f.Reply, 0, camClose, 0, 0), true
	return greetingLength, nil
}

// dualCam reads a command of a camera's connection:
//
//	command 2 | length 2 | data
func dualCam(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) < 4 {
		return incomplete(in)
	}
	if binary.BigEndian.Uint32(b) == dualCamHead {
		return greeting(s, in, f)
	}
	command, length := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	if command > camMetaAnswer+2 || length > maxCamData {
		return 0, fmt.Errorf("teltonika: camera command %04x of %d bytes: %w", command, length, protocols.ErrGarbage)
	}
	n := 4 + length
	if len(b) < n {
		return incomplete(in)
	}
	c, data := recallCam(s.State), b[4:n]
	switch command {
	case camStart:
		f.Type = "camera_start"
		if len(data) < 4 {
			return n, fmt.Errorf("teltonika: camera start of %d bytes: %w", len(data), protocols.ErrMalformed)
		}
		c.packets, c.passed = binary.BigEndian.Uint32(data), 0
		f.Reply = append(f.Reply, 0, camResume, 0, 4, 0, 0, 0, 1) // packets count from 1, as captured
	case camSync:
		f.Type = "camera_sync"
	case camData:
		f.Type, f.Media = "camera_media", len(data)
		if c.passed++; c.passed == c.packets {
			f.Reply = append(f.Reply, 0, camStatus, 0, 4, 0, 0, 0, 0)
			f.Reply = append(f.Reply, 0, camRepeat, 0, 0)
		}
	case camStatus:
		f.Type = "camera_status"
		if c.passed < c.packets || c.packets == 0 {
			f.Reply = append(f.Reply, 0, camRepeat, 0, 0)
		}
	case camMetaAnswer:
		f.Type = "camera_metadata"
	default:
		f.Type = "camera_other"
	}
	c.store(s)
	return n, nil
}
