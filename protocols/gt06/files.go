package gt06

import (
	"encoding/binary"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Photos and files are answered and counted, and not kept.

const (
	maxPhoto   = 2 << 20 // a larger announcement is not asked for
	photoBlock = 1024
)

// photoAnnounced reads message 0x35 of the X1: date 6, fix 1, latitude 4, longitude 4, camera 1, source 1, format 1, size 4, id 4. The
// coordinates have no sign anywhere, so they are kept as sent.
func (c *call) photoAnnounced(e *protocols.Event) bool {
	b := c.info
	if len(b) != 26 {
		return false
	}
	c.date = b[:6]
	e.Text("raw", hexText(b[6:18]))
	e.Int("photo_size", u32(b[18:]))
	e.Int("photo_id", u32(b[22:]))
	size, id := uint32(u32(b[18:])), uint32(u32(b[22:]))
	if size > 0 && size <= maxPhoto {
		c.askPhoto(id, size, 0)
	}
	return true
}

// photoBlock reads message 0x36 of the X1, a block of the photo asked for: id 4, offset 4, length 2, data. It asks for the next block
// until the photo is whole. Blocks that were not asked for are passed over.
func (c *call) photoBlock(*protocols.Event) bool {
	b := c.info
	if len(b) < 10 || len(b) != 10+int(binary.BigEndian.Uint16(b[8:])) || len(c.s.State) < atPhoto+24 {
		return false
	}
	id, size, offset, ok := photoState(c.s.State)
	if !ok || uint32(u32(b)) != id {
		return false
	}
	c.quiet = true
	c.f.Type, c.f.Media = "photo", len(b)-10
	c.f.Reply = c.f.Reply[:0]
	if uint32(u32(b[4:])) != offset || len(b) == 10 {
		return true
	}
	if offset += uint32(len(b) - 10); offset >= size {
		set(c.s, atPhoto, "")
		return true
	}
	c.askPhoto(id, size, offset)
	return true
}

// askPhoto asks for the block at offset and remembers it.
func (c *call) askPhoto(id, size, offset uint32) {
	var ask [10]byte
	binary.BigEndian.PutUint32(ask[:], id)
	binary.BigEndian.PutUint32(ask[4:], offset)
	binary.BigEndian.PutUint16(ask[8:], photoBlock)
	c.f.Reply = appendFrame(c.f.Reply[:0], false, msgHeartbeat4G, ask[:], uint16(offset/photoBlock))
	place := make([]byte, 0, 24)
	for _, v := range [...]uint32{id, size, offset} {
		for shift := 28; shift >= 0; shift -= 4 {
			place = append(place, digits[v>>shift&15])
		}
	}
	set(c.s, atPhoto, string(place))
}

// photoState reads the photo's place in the state.
func photoState(state string) (id, size, offset uint32, ok bool) {
	var v [3]uint32
	for i := range v {
		n, err := strconv.ParseUint(state[atPhoto+8*i:atPhoto+8*i+8], 16, 32)
		if err != nil {
			return 0, 0, 0, false
		}
		v[i] = uint32(n)
	}
	return v[0], v[1], v[2], true
}

// file reads message 0x8D, a block of a recording: type 1, total 4, check type 1, check value 2 or 16, offset 4, length 2, data, flag.
// The first block is a record.
func (c *call) file(e *protocols.Event) bool {
	r := protocols.NewReader(c.info)
	kind, total := r.U8(), r.U32()
	check := 2
	if r.U8() == 1 {
		check = 16
	}
	r.Skip(check)
	offset := r.U32()
	data := r.Bytes(int(r.U16()))
	flag := r.Rest()
	if r.Err() != nil {
		return false
	}
	c.f.Media = len(data)
	if offset != 0 {
		c.quiet = true
		return true
	}
	if len(flag) == 6 && kind != 1 {
		c.date = flag
	} else {
		c.unread(e, flag)
	}
	e.Int("file_type", int64(kind))
	e.Int("file_size", int64(total))
	return true
}

// media reads message 0x41 of the WD-209: serial 8, Unix time 4, position 14, serving cell 8, id 4, total 4, type 1, format 1, event 1, block
// 2, data. The first block is a record. The scale of its position is not known.
func (c *call) media(e *protocols.Event) bool {
	b := c.info
	if len(b) < 47 {
		return false
	}
	c.f.Media = len(b) - 47
	if u16(b[45:]) != 0 {
		c.quiet = true
		return true
	}
	e.Text("serial", hexText(b[:8]))
	c.at = unix(b[8:])
	e.Text("raw", hexText(b[12:26]))
	if b[26]>>7 == 0 {
		c.servingCell(e, b[26:34], false)
	}
	e.Int("file_id", u32(b[34:]))
	e.Int("file_size", u32(b[38:]))
	e.Int("file_type", int64(b[42]))
	e.Int("file_format", int64(b[43]))
	e.Int("event", int64(b[44]))
	return true
}
