package wialonips

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/trackgate/trackgate/protocols"
)

const (
	// maxLine is the longest packet without what follows its line end.
	maxLine = 64 << 10
	// maxBlock is the largest block of a photo or a file.
	maxBlock = 1 << 20
	// maxInflated is the most bytes that a compressed block may hold, maxRatio how many for each byte of it; a small one may hold
	// freeInflated anyway.
	maxInflated  = 1 << 20
	maxRatio     = 100
	freeInflated = 4 << 10
	// compressed is the first byte of a compressed block.
	compressed = 0xff
	// minZlib is the smallest zlib stream: header 2, an empty block 2, checksum 4.
	minZlib = 8
)

// packet is one packet taken apart. Its slices are views of the input.
type packet struct {
	id      []byte // in front of a datagram; nil over TCP
	version byte   // that id says: '1' or '2'
	kind    []byte // between the two number signs
	body    []byte // behind them, without the line end
	binary  []byte // what follows the line
	tooBig  bool   // the message promises more than maxBlock, or nothing readable
}

// cut takes the first packet off b. A blank line is a packet of no kind. n is 0 while more bytes are needed; with final, b is all there
// will ever be. What it decides on a prefix holds for every longer one.
func cut(p *packet, b []byte, final bool) (n int, err error) {
	end := bytes.IndexByte(b[:min(len(b), maxLine)], '\n')
	n = end + 1
	switch {
	case end < 0 && len(b) >= maxLine:
		return 0, fmt.Errorf("wialon-ips: line of more than %d bytes: %w", maxLine, protocols.ErrMalformed)
	case end < 0 && !final:
		return 0, nil
	case end < 0:
		end, n = len(b), len(b)
	}
	line := b[:end]
	for len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return n, nil
	}
	if !p.take(line) {
		if noise := bytes.IndexByte(line, '#'); noise > 0 && !final {
			n = noise // the packet behind it may be whole
		}
		return n, fmt.Errorf("wialon-ips: %w", protocols.ErrGarbage)
	}
	size, ok := p.follows()
	if !ok {
		p.tooBig = true
		return n, nil
	}
	if len(b)-n < size {
		if !final {
			return 0, nil
		}
		return len(b), fmt.Errorf("wialon-ips: %d of %d bytes behind the message: %w", len(b)-n, size, protocols.ErrMalformed)
	}
	p.binary = b[n : n+size]
	return n + size, nil
}

// take splits a line into its parts; false: it is none of this protocol.
func (p *packet) take(line []byte) bool {
	first := bytes.IndexByte(line, '#')
	if first < 0 {
		return false
	}
	if first > 0 {
		p.id, p.version = line[:first], '1'
		if rest, ok := bytes.CutPrefix(p.id, []byte("2.")); ok && len(rest) > 2 && rest[1] == ';' {
			p.id, p.version = rest[2:], '2'
		}
		if !name(p.id) {
			return false
		}
	}
	line = line[first+1:]
	second := bytes.IndexByte(line, '#')
	if second < 1 || second > maxKind {
		return false
	}
	p.kind, p.body = line[:second], line[second+1:]
	for _, x := range p.kind {
		if x < 'A' || x > 'Z' {
			return false
		}
	}
	return true
}

// maxKind is the length of the longest type.
const maxKind = 8

// name tells whether b can be an identity.
func name(b []byte) bool {
	if len(b) == 0 || len(b) > protocols.MaxIdentity {
		return false
	}
	for _, x := range b {
		if x <= ' ' || x > '~' || x == ';' {
			return false
		}
	}
	return true
}

// follows is the number of raw bytes behind the line; false: it can not be followed.
func (p *packet) follows() (int, bool) {
	var at int
	switch string(p.kind) {
	case "I":
	case "T":
		at = 1
	default:
		return 0, true
	}
	rest := p.body
	for range at {
		_, rest, _ = bytes.Cut(rest, []byte(";"))
	}
	field, _, _ := bytes.Cut(rest, []byte(";"))
	n, ok := whole(field)
	return int(min(n, maxBlock)), ok && n >= 0 && n <= maxBlock
}

// block reads a compressed block: the packets in it are one frame.
func (c *call) block(b []byte, final bool) (int, error) {
	const head = 3
	if len(b) < head+2 {
		if !final {
			return 0, nil
		}
		return len(b), fmt.Errorf("wialon-ips: %w", protocols.ErrGarbage)
	}
	size := int(binary.LittleEndian.Uint16(b[1:]))
	if header := binary.BigEndian.Uint16(b[head:]); size < minZlib || b[head]&0x0f != 8 || header%31 != 0 {
		return 1, fmt.Errorf("wialon-ips: %w", protocols.ErrGarbage)
	}
	n := head + size
	if len(b) < n {
		if !final {
			return 0, nil
		}
		return len(b), fmt.Errorf("wialon-ips: %d of %d compressed bytes: %w", len(b)-head, size, protocols.ErrMalformed)
	}
	if c.f.Notes != nil {
		noteBlock(c.f, b[:n])
	}
	z := inflaters.Get().(*inflater)
	defer inflaters.Put(z)
	text, err := z.inflate(b[head:n])
	if err != nil {
		return n, fmt.Errorf("wialon-ips: %w: %w", protocols.ErrMalformed, err)
	}
	if text == nil {
		return 0, fmt.Errorf("wialon-ips: %d compressed bytes hold more than is allowed: %w", size, protocols.ErrMalformed)
	}
	before := *c.s
	err = c.packets(text)
	return n, c.settle(before, err)
}

// packets reads what a compressed block held.
func (c *call) packets(text []byte) error {
	for len(text) > 0 {
		var p packet
		n, err := cut(&p, text, true)
		if n == 0 {
			return err
		}
		if err == nil {
			if err = c.packet(&p); err != nil {
				return err
			}
		}
		text = text[n:]
	}
	return nil
}

// inflater is the storage that one decompression needs. It carries nothing from one use to the next.
type inflater struct {
	src bytes.Reader
	z   io.ReadCloser
	out []byte
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// inflate returns what the zlib stream b holds, good until the next call; nil: more than is allowed.
func (i *inflater) inflate(b []byte) (text []byte, err error) {
	i.src.Reset(b)
	if i.z == nil {
		i.z, err = zlib.NewReader(&i.src)
	} else {
		err = i.z.(zlib.Resetter).Reset(&i.src, nil)
	}
	if err != nil {
		i.z = nil
		return nil, err
	}
	limit := min(maxInflated, max(freeInflated, maxRatio*len(b)))
	i.out = i.out[:0]
	for {
		if len(i.out) > limit {
			return nil, nil
		}
		if len(i.out) == cap(i.out) {
			i.out = append(i.out, make([]byte, max(4096, min(len(i.out), limit+1-len(i.out))))...)[:len(i.out)]
		}
		n, err := i.z.Read(i.out[len(i.out):min(cap(i.out), limit+1)])
		i.out = i.out[:len(i.out)+n]
		if err == io.EOF {
			if len(i.out) > limit {
				return nil, nil
			}
			return i.out[:len(i.out):len(i.out)], nil
		}
		if err != nil {
			return nil, err
		}
	}
}
