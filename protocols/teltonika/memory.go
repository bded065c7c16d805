package teltonika

import "github.com/trackgate/trackgate/protocols"

// memory is what a session remembers between packets. In Session.State it is
//
//	one letter per fact: a kkoo       alarm elements known, and on, as bit masks
//	                     x nshhhhhhhh faults in a row, times the last one came, its hash
//	                     c iiiiiiiissssssssnnnnnnnn photo, its size, the next offset
//	                     d ...        a camera's own connection: see dualcam.go
//
// in hex digits without blanks. It is written only when it changes.
type memory struct {
	known, on byte // alarm elements, by alarm.bit

	faults, same byte   // unreadable packets in a row; how often the last came
	hash         uint32 // of the last one

	camera            bool // a photo is being fetched
	photo, size, next uint32
}

// maxFaults is how often a device may send what can not be read.
const maxFaults = 3

// unknownSize is the size of a photo that was announced without one.
const unknownSize = 1<<32 - 1

func (m *memory) failed(hash uint32) {
	if m.faults < maxFaults {
		m.faults++
	}
	if m.same == 0 || m.hash != hash {
		m.same = 0
	}
	if m.same < maxFaults {
		m.same++
	}
	m.hash = hash
}

// recall reads what store wrote.
func recall(state string) (m memory) {
	if state == "" {
		return m
	}
	for len(state) > 0 {
		var length int
		switch state[0] {
		case 'a':
			length = 4
		case 'x':
			length = 10
		case 'c':
			length = 24
		default:
			return m
		}
		if len(state) < 1+length {
			return m
		}
		v := state[1 : 1+length]
		switch state[0] {
		case 'a':
			m.known, m.on = byte(hexNumber(v[:2])), byte(hexNumber(v[2:]))
		case 'x':
			m.faults, m.same, m.hash = byte(hexNumber(v[:1])), byte(hexNumber(v[1:2])), hexNumber(v[2:])
		case 'c':
			m.camera, m.photo, m.size, m.next = true, hexNumber(v[:8]), hexNumber(v[8:16]), hexNumber(v[16:])
		}
		state = state[1+length:]
	}
	return m
}

// store writes m into the session, when it says something new.
func (m *memory) store(s *protocols.Session) {
	if m.faults == 0 && m.same == 0 {
		m.hash = 0
	}
	if s.State == "" && *m == (memory{}) || s.State != "" && *m == recall(s.State) {
		return
	}
	var b []byte
	if m.known != 0 {
		b = append(b, 'a')
		b = appendHex(b, uint32(m.known), 2)
		b = appendHex(b, uint32(m.on), 2)
	}
	if m.faults != 0 {
		b = append(b, 'x')
		b = appendHex(b, uint32(m.faults), 1)
		b = appendHex(b, uint32(m.same), 1)
		b = appendHex(b, m.hash, 8)
	}
	if m.camera {
		b = append(b, 'c')
		b = appendHex(b, m.photo, 8)
		b = appendHex(b, m.size, 8)
		b = appendHex(b, m.next, 8)
	}
	s.State = string(b)
}

const hexDigits = "0123456789abcdef"

func appendHex(b []byte, v uint32, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		b = append(b, hexDigits[v>>(4*i)&15])
	}
	return b
}

// hexNumber reads digits that appendHex wrote.
func hexNumber(s string) uint32 {
	var v uint32
	for i := range len(s) {
		d := uint32(s[i] - '0')
		if s[i] >= 'a' {
			d = uint32(s[i]-'a') + 10
		}
		v = v<<4 | d&15
	}
	return v
}
