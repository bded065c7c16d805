package teltonika

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Sub-types of a camera message, the first byte of its payload.
const (
	cameraPoll  = 0x00
	cameraPhoto = 0x01 // from the device: photo id 4, size 4
	cameraBlock = 0x02 // asked: photo id 4, offset 4, length 2; sent: the same and the data
)

const (
	maxPhotoBlock = 2048
	maxPhoto      = 16 << 20
)

// camera answers a camera on the serial port, so that it gets rid of its photos. Their bytes are not kept: the frame's type
// counts them. Blocks are asked for in order; one that is out of order is asked for again.
func camera(f *protocols.Frame, m *memory, payload []byte) {
	f.Type = "camera"
	if len(payload) == 0 {
		return
	}
	r := protocols.NewReader(payload[1:])
	switch payload[0] {
	case cameraPoll:
		f.Type = "camera_poll"
	case cameraPhoto:
		f.Type = "camera_photo"
		id := r.U32()
		if r.Err() != nil {
			return
		}
		m.camera, m.photo, m.size, m.next = true, id, unknownSize, 0
		if r.Len() >= 4 { // old firmware leaves the size out
			m.size = r.U32()
		}
		requestBlock(f, m)
	case cameraBlock:
		f.Type = "camera_data"
		id, offset, length := r.U32(), r.U32(), uint32(r.U16())
		if r.Err() != nil || int(length) != r.Len() {
			return
		}
		f.Media = int(length)
		if !m.camera || m.photo != id {
			m.camera, m.photo, m.size, m.next = true, id, unknownSize, offset
		}
		if offset == m.next {
			m.next += min(length, maxPhoto)
			if length < maxPhotoBlock && m.size == unknownSize || length == 0 || m.next >= m.size {
				m.camera, m.photo, m.size, m.next = false, 0, 0, 0 // complete
				return
			}
		}
		requestBlock(f, m)
	}
}

// requestBlock asks for the next block of the photo.
func requestBlock(f *protocols.Frame, m *memory) {
	length := uint32(maxPhotoBlock)
	if m.size != unknownSize {
		length = min(length, m.size-min(m.size, m.next))
	}
	if length == 0 || m.next >= maxPhoto {
		m.camera, m.photo, m.size, m.next = false, 0, 0, 0
		return
	}
	var payload [11]byte
	payload[0] = cameraBlock
	binary.BigEndian.PutUint32(payload[1:], m.photo)
	binary.BigEndian.PutUint32(payload[5:], m.next)
	binary.BigEndian.PutUint16(payload[9:], uint16(length))
	f.Reply = appendPacket(f.Reply, codec12, typeCamera, payload[:])
}

// appendPacket appends a packet with one message of codec 12 to 15.
func appendPacket(b []byte, codec, typ byte, payload []byte) []byte {
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(8+len(payload)))
	start := len(b)
	b = append(b, codec, 1, typ)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, payload...)
	b = append(b, 1)
	return binary.BigEndian.AppendUint32(b, uint32(protocols.ARC.Sum(b[start:])))
}
