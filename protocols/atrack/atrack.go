// Package atrack decodes the trackers of ATrack: positions in the binary and the ASCII form with custom fields, keep-alives, parts of photos and
// answers to commands, over TCP and UDP.
//
// A binary packet, integers big endian, and one in ASCII:
//
//	prefix 2 | CRC 2 | length 2 of what follows | sequence 2 | unit 8 | records
//	prefix 2 , CRC , length , sequence , unit , record CR LF [record CR LF ...]
//
// The CRC is ARC's, over all behind it. The prefix is @P, of a photo @R; a unit may be set to another, which is known by 0203, 0301, the
// operator's word, or a first packet whose CRC is right.
//
// An operator can say of a device, besides tolerate_checksum:
//
//	form=%MV%BV        custom fields of its records, where the packets do not announce them
//	long_date=true     binary dates are calendar dates, even where they can be read as a Unix time; false: they never are
//	prefix=0402        prefix of its packets, in hex
//	ignition_input=2   digital input that is the ignition, 1 to 8 (default 1); 0: none is
//	alarm_101=sos      alarm that a report with this number raises; the numbers are set in the device
//	fuel_text=decimal  the level in the text of a fuel sensor is decimal, not hexadecimal
//	analog_scale=2.5   millivolts of one step of the analog input (default 1)
package atrack

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is ATrack as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "atrack",
	Version:    1,
	TCP:        5062,
	UDP:        5062,
	MaxLogin:   maxPacket,
	MaxFrame:   maxPacket,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// Sizes.
const (
	maxPacket = 8 << 10
	overhead  = 6  // of a binary packet: what its length does not count
	headSize  = 10 // sequence and unit
	aliveSize = 12 // of a keep-alive and of each answer: fe 02, unit 8, sequence 2
	maxLine   = 1024
)

// Prefixes of two bytes.
const (
	prefixPosition = "@P"
	prefixPhoto    = "@R"
	prefixAlive    = "\xfe\x02"
)

var (
	errGarbage = fmt.Errorf("atrack: %w", protocols.ErrGarbage)
	errCut     = fmt.Errorf("atrack: packet is cut off: %w", protocols.ErrMalformed)
)

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if n := padding(b); n > 0 {
		f.Type = "padding"
		return n, nil
	}
	if b[0] == '$' {
		return line(s, in, f)
	}
	if len(b) < 2 {
		return short(in)
	}
	prefix := b[:2]
	if string(prefix) == prefixAlive {
		return alive(s, in, f)
	}
	known := isPrefix(s, prefix)
	if !known && s.State != "" {
		return resync(s, b), errGarbage
	}
	// With a prefix that nobody knows, a packet is one by its CRC alone, before any other packet has come.
	p, v := head(b)
	switch {
	case v == protocols.No:
		return resync(s, b), errGarbage
	case v == protocols.More:
		return short(in)
	case len(b) < p.end && !in.Final:
		return 0, nil
	}
	n, sum, ok := p.check(b)
	if !ok {
		return len(b), errCut
	}
	bad := sum != p.sum
	if bad && !known {
		return resync(s, b), errGarbage
	}
	c := call{s: s, f: f, bad: bad}
	before := *s
	if s.State == "" {
		s.State = string(prefix)
	}
	if err := c.packet(&p, b[:n]); err != nil {
		*s = before
		return n, fmt.Errorf("atrack: %w", err)
	}
	if bad && !s.Options.TolerateChecksum {
		for i := range f.Events {
			f.Events[i].Device = s.Device
		}
		*s = before
		return n, fmt.Errorf("atrack: packet %d: %w", c.sequence, protocols.ErrChecksum)
	}
	if bad {
		for i := range f.Events {
			f.Events[i].Bool("checksum_ok", false)
		}
	}
	return n, nil
}

// padding counts the bytes that some firmware leaves between packets: line ends that its length does not count, and zeros.
func padding(b []byte) (n int) {
	for n < len(b) && (b[n] == '\n' || b[n] == '\r' || b[n] == 0) {
		n++
	}
	return n
}

// short waits for more bytes, if any can come.
func short(in protocols.Input) (int, error) {
	if in.Final {
		return len(in.Bytes), errCut
	}
	return 0, nil
}

// isPrefix tells whether packets of the session may begin with p.
func isPrefix(s *protocols.Session, p []byte) bool {
	switch string(p) {
	case prefixPosition, prefixPhoto, "\x02\x03", "\x03\x01", s.State:
		return true
	}
	if s.Options.Extra == "" {
		return false
	}
	set, _ := s.Options.Get("prefix")
	v, ok := protocols.ParseHex([]byte(set))
	return ok && len(set) == 4 && uint16(v) == binary.BigEndian.Uint16(p)
}

// resync is where behind its first byte b may go on with a packet.
func resync(s *protocols.Session, b []byte) int {
	for i := 1; i < len(b); i++ {
		if b[i] == '$' || i+1 == len(b) || string(b[i:i+2]) == prefixAlive || isPrefix(s, b[i:i+2]) {
			return i
		}
	}
	return len(b)
}

// outline is where the parts of a packet are.
type outline struct {
	ascii bool
	sum   uint16 // the CRC that it carries
	from  int    // where that begins to count
	body  int    // in ASCII: where the fields behind the length begin
	end   int    // the length of the packet
}

// head reads what stands before the sequence.
func head(b []byte) (p outline, v protocols.Verdict) {
	if len(b) > 2 && b[2] == ',' {
		if p, v = asciiHead(b); v != protocols.No {
			return p, v
		}
		// One binary packet in 256 has a CRC that begins with a comma.
	}
	if len(b) < overhead {
		return p, protocols.More
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length < headSize || length > maxPacket-overhead {
		return p, protocols.No
	}
	return outline{sum: binary.BigEndian.Uint16(b[2:]), from: 4, end: length + overhead}, protocols.Sure
}

// asciiHead reads: prefix , CRC in four hex digits , length ,
func asciiHead(b []byte) (p outline, v protocols.Verdict) {
	const lengthAt = 8
	sum, ok := protocols.ParseHex(b[3:min(lengthAt-1, len(b))])
	switch {
	case len(b) == 3:
		return p, protocols.More
	case !ok || len(b) >= lengthAt && b[lengthAt-1] != ',':
		return p, protocols.No
	}
	length := 0
	for i := lengthAt; i < len(b); i++ {
		if b[i] == ',' && i > lengthAt {
			if length < headSize || i+length > maxPacket {
				return p, protocols.No
			}
			return outline{ascii: true, sum: uint16(sum), from: lengthAt - 1, body: i + 1, end: i + length}, protocols.Sure
		}
		if b[i] < '0' || b[i] > '9' || i == lengthAt+4 {
			return p, protocols.No
		}
		length = length*10 + int(b[i]-'0')
	}
	return p, protocols.More
}

// check takes the CRC of the packet at the start of b. The last line end of one in ASCII may be cut off or spoilt; of any other, all must be there.
func (p *outline) check(b []byte) (n int, sum uint16, ok bool) {
	if len(b) >= p.end {
		return p.end, protocols.ARC.Sum(b[p.from:p.end]), true
	}
	text := b
	for len(text) > p.from && (text[len(text)-1] == '\r' || text[len(text)-1] == '\n') {
		text = text[:len(text)-1]
	}
	if !p.ascii || len(text)+2 != p.end {
		return 0, 0, false
	}
	whole := append(append(make([]byte, 0, p.end), text...), '\r', '\n')
	return len(b), protocols.ARC.Sum(whole[p.from:]), true
}

// call is what the readers of one packet share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	bad      bool // the checksum is wrong
	unit     uint64
	sequence uint16
	form     []byte // custom fields that the packet has announced
}

// packet reads a whole packet, and answers it.
func (c *call) packet(p *outline, b []byte) error {
	if c.f.Notes != nil {
		c.note(p, b)
	}
	if p.ascii {
		c.f.Type = "text"
		if err := c.lines(b[p.body:]); err != nil {
			return err
		}
		c.answer()
		return nil
	}
	c.sequence, c.unit = binary.BigEndian.Uint16(b[6:]), binary.BigEndian.Uint64(b[8:])
	if c.unit == 0 {
		return fmt.Errorf("no unit: %w", protocols.ErrMalformed)
	}
	c.bind()
	if string(b[:2]) == prefixPhoto {
		c.f.Type = "photo"
		c.photo(b[overhead+headSize:])
	} else {
		c.f.Type = "records"
		c.records(b[overhead+headSize:])
	}
	c.answer()
	return nil
}

// bind makes the unit of the packet the device of the session. Nothing is allocated when it is the same as before.
func (c *call) bind() {
	var text [20]byte
	if id := strconv.AppendUint(text[:0], c.unit, 10); c.s.Device != string(id) {
		c.s.Device = string(id)
	}
}

// answer acknowledges a packet.
func (c *call) answer() {
	c.f.Reply = append(c.f.Reply, prefixAlive...)
	c.f.Reply = binary.BigEndian.AppendUint64(c.f.Reply, c.unit)
	c.f.Reply = binary.BigEndian.AppendUint16(c.f.Reply, c.sequence)
}

// alive reads a keep-alive, which is sent back as it is: fe 02, unit 8, sequence 2.
func alive(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) < aliveSize {
		return short(in)
	}
	c := call{s: s, f: f, unit: binary.BigEndian.Uint64(b[2:]), sequence: binary.BigEndian.Uint16(b[10:])}
	f.Type = "keepalive"
	if c.unit == 0 {
		return aliveSize, fmt.Errorf("atrack: keep-alive of no unit: %w", protocols.ErrMalformed)
	}
	c.bind()
	c.answer()
	return aliveSize, nil
}

// photo reads a part of a photo, which is not kept: time 4 | index 1 | count 1 | length 2 | data.
func (c *call) photo(b []byte) {
	if len(b) < 8 {
		return
	}
	c.f.Media = min(int(binary.BigEndian.Uint16(b[6:])), len(b)-8)
}

// hexText is bytes in hex.
func hexText(e *protocols.Event, name string, v []byte) { e.Text(name, hex.EncodeToString(v)) }
