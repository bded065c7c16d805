package wialonips

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// signed checks the checksum of a block of a photo or a file, which covers the block.
func (c *call) signed(field, block []byte) {
	if sum, ok := hexadecimal(field); c.version == '2' && (!ok || sum != protocols.ARC.Sum(block)) {
		c.badCRC = true
	}
}

// split cuts a message at its semicolons into at most 8 fields.
func split(body []byte) (fields [8][]byte, n int) {
	for n < len(fields)-1 {
		at := bytes.IndexByte(body, ';')
		if at < 0 {
			break
		}
		fields[n], body = body[:at], body[at+1:]
		n++
	}
	fields[n] = body
	return fields, n + 1
}

// photo reads a block of a photo:
//
//	#I#size;index;last index;date;time;name[;CRC] CR LF | block
//
// The journal keeps the block with its frame; the event says what it is part of.
func (c *call) photo(p *packet) {
	v, n := split(p.body)
	index, ok1 := whole(v[1])
	last, ok2 := whole(v[2])
	if p.tooBig || n < 6 || !ok1 || !ok2 {
		c.reply("#AI#NA#0")
		c.f.Close = p.tooBig // where the next packet begins can not be known
		return
	}
	c.signed(v[6], p.binary)
	e := c.f.Add(protocols.Status)
	c.setTime(e, v[3], v[4])
	e.Text("file_name", string(v[5]))
	e.Int("file_part", index)
	e.Int("file_last_part", last)
	e.Int("file_part_size", int64(len(p.binary)))
	e.FP = protocols.Fingerprint(p.body[:len(p.body)-len(v[6])], p.binary)
	c.f.Reply = strconv.AppendInt(append(c.f.Reply, "#AI#"...), index, 10)
	c.reply("#1")
	if index == last {
		c.reply("#AI#1")
	}
}

// tachograph reads the announcement of a tachograph file:
//
//	#IT#date;time;driver;code;last index;CRC
func (c *call) tachograph(p *packet) {
	body := c.unsign(p.body, ";")
	v, n := split(body)
	last, ok := whole(v[4])
	if n < 5 || !ok {
		c.reply("#AIT#0")
		return
	}
	e := c.f.Add(protocols.Status)
	c.setTime(e, v[0], v[1])
	if !absent(v[2]) {
		e.Text("driver_id", string(v[2]))
	}
	e.Text("file_name", string(v[3]))
	e.Int("file_last_part", last)
	e.FP = protocols.Fingerprint(body)
	if len(v[3]) <= protocols.MaxIdentity {
		if next := "2;" + string(v[3]) + ";" + strconv.FormatInt(last, 10); c.s.State != next {
			c.s.State = next
		}
	}
	c.reply("#AIT#1")
}

// tachographBlock reads a block of a tachograph file:
//
//	#T#code;size;index;CRC CR LF | block
func (c *call) tachographBlock(p *packet) {
	v, n := split(p.body)
	index, ok := whole(v[2])
	if p.tooBig || n < 3 || !ok {
		c.reply("#AT#NA#0")
		c.f.Close = p.tooBig
		return
	}
	c.signed(v[3], p.binary)
	e := c.f.Add(protocols.Status)
	e.Text("file_name", string(v[0]))
	e.Int("file_part", index)
	e.Int("file_part_size", int64(len(p.binary)))
	e.FP = protocols.Fingerprint(v[0], v[2], p.binary)
	c.f.Reply = strconv.AppendInt(append(c.f.Reply, "#AT#"...), index, 10)
	c.reply("#1")
	if code, last, ok := fileUnderWay(c.s.State); ok && code == string(v[0]) && last == index {
		e.Int("file_last_part", last)
		c.reply("#AT#1")
	}
}

// fileUnderWay is the file that the last IT announced: its code and the index of its last block.
func fileUnderWay(state string) (code string, last int64, ok bool) {
	_, rest, ok := strings.Cut(state, ";")
	if !ok {
		return "", 0, false
	}
	code, number, _ := strings.Cut(rest, ";")
	last, err := strconv.ParseInt(number, 10, 64)
	return code, last, err == nil
}
