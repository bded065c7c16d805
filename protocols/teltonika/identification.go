package teltonika

import "github.com/trackgate/trackgate/protocols"

// An identity has 15 digits; the length is read, so that shorter and longer ones pass.
const (
	minIdentity = 10
	maxIdentity = 20
)

var accepted, refused = []byte{1}, []byte{0}

// identification reads the first packet of a connection:
//
//	length 2 | IMEI, ASCII digits
//
// The answer is one byte, 01 or 00. A device may identify itself again on the same connection.
func identification(s *protocols.Session, in protocols.Input, f *protocols.Frame, n int) (int, error) {
	b := in.Bytes
	letters := false
	if v, ok := s.Options.Get("letters"); ok {
		letters = v == "true"
	}
	for _, c := range b[2:min(len(b), 2+n)] {
		if !identityByte(c, letters) {
			return lost(s, in)
		}
	}
	if len(b) < 2+n {
		return incomplete(in)
	}
	f.Type = "identification"
	f.Note(b[:2], "length", "u16 big endian; of the IMEI")
	f.Reply = append(f.Reply, accepted...)
	f.Refuse = append(f.Refuse, refused...)
	identify(s, b[2:2+n])
	return 2 + n, nil
}

// identify notes whose frames follow. What was learnt of another device is forgotten.
func identify(s *protocols.Session, id []byte) {
	if s.Device != string(id) {
		s.Device, s.State = string(id), ""
	}
}

func identityByte(c byte, letters bool) bool {
	return c >= '0' && c <= '9' || letters && (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
