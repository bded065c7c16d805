package meitrack

import (
	"bytes"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// defaultPhoto is the name that a picture gets which is ordered by the command photo.
const defaultPhoto = "camera_picture.jpg"

// photoBlock is how many parts of a picture a device sends for one request.
const photoBlock = 8

// photoFlag is the flag of requests for parts.
const photoFlag = 'O'

// photoTaken answers D03, with which a device announces a picture: a request for its first parts.
func (c *call) photoTaken() {
	name := []byte(defaultPhoto)
	for _, word := range bytes.Split(c.data, []byte{','}) {
		if len(word) > 4 && len(word) < 64 && bytes.EqualFold(word[len(word)-4:], []byte(".jpg")) && safeName(word) {
			name = word
		}
	}
	c.requestPart(name, 0)
}

func (c *call) requestPart(name []byte, part int) {
	c.answer(photoFlag, ",D00,"+string(name)+","+strconv.Itoa(part))
}

// safeName tells whether a name can be sent back.
func safeName(b []byte) bool {
	for _, x := range b {
		if x <= 0x20 || x > 0x7e || x == ',' || x == '*' {
			return false
		}
	}
	return len(b) > 0 && len(b) < 128
}

// photoPart reads D00: name, number of parts, this part, bytes. The next parts are asked for behind each block; the picture itself is in
// the journaled frames, its last part is a record.
func (c *call) photoPart() error {
	var t fields
	t.split(c.data[:min(len(c.data), 160)], 0, min(len(c.data), 160), ',')
	total, ok1 := integer(t.get(1))
	part, ok2 := integer(t.get(2))
	if t.n < 4 || !ok1 || !ok2 || total < 1 || part < 0 || part >= total || total > 1<<16 || !safeName(t.get(0)) {
		return errHead
	}
	switch {
	case part == total-1:
		e := c.f.Add(protocols.Status)
		e.Text("picture", string(t.get(0)))
		e.Int("picture_parts", total)
		e.FP = protocols.Fingerprint(c.data)
	case (part+1)%photoBlock == 0:
		c.requestPart(t.get(0), int(part)+1)
	}
	return nil
}
