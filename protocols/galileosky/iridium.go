package galileosky

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// iridiumMark is how many bytes tell a message of the satellite network from a packet.
const iridiumMark = 6

// isIridium tells whether b begins a Direct-IP message: its first element is the header of 28 bytes. No packet begins so, as there is no tag 1c.
func isIridium(b []byte) bool {
	return b[0] == headerData && int(b[1])<<8|int(b[2]) >= 3+28 && b[3] == 0x01 && b[4] == 0x00 && b[5] == 0x1c
}

// iridium reads a message of the satellite network, big endian but for its payload:
//
//	01 | length 2 | elements, each: number 1, length 2, data
//	element 1: reference 4 | IMEI 15 | session status 1 | counters 2, 2 | time 4, s
//	element 3: flags 1, bit 1 south, bit 0 west | latitude: degrees 1, minutes 2, 1/1000 | longitude likewise | accuracy 4, km
//	element 2: tags, or one compressed record
//
// The network wants no answer.
func (c *call) iridium(b []byte, final bool) (int, error) {
	n := 3 + (int(b[1])<<8 | int(b[2]))
	if n > len(b) {
		if !final {
			if n > frameSize+maxLength {
				return 0, fmt.Errorf("galileosky: iridium message of %d bytes: %w", n, protocols.ErrMalformed)
			}
			return 0, nil
		}
		return len(b), fmt.Errorf("galileosky: iridium message is cut off: %w", protocols.ErrMalformed)
	}
	c.f.Type = "iridium"
	r := protocols.NewReader(b[3:n])
	var session, place, payload []byte
	c.f.Note(b[:1], "version", "of the satellite network's messages, 1")
	c.f.Note(b[1:3], "length", "u16 big endian; of the elements")
	for r.Len() > 0 {
		c.f.Note(r.Peek(1), "element", "1 session, 2 payload, 3 place of the modem")
		id := r.U8()
		c.f.Note(r.Peek(2), "length", "u16 big endian; of the element")
		switch v := r.Bytes(int(r.U16())); id {
		case 1:
			session = v
		case 2:
			payload = v
		case 3:
			place = v
		}
	}
	if r.Err() != nil || len(session) < 28 || !allDigits(session[4:19]) {
		return n, fmt.Errorf("galileosky: iridium message: %w", protocols.ErrMalformed)
	}
	if imei := session[4:19]; c.device != string(imei) {
		c.device = string(imei)
	}
	modem := c.device
	if plain(payload) {
		c.records(payload)
	} else {
		c.compressed(payload)
	}
	if len(c.f.Events) == 0 {
		e := c.f.Add(protocols.Status)
		h := protocols.NewReader(session[24:])
		e.Device, e.Time, e.FP = c.device, protocols.Millis(h.U32())*1000, protocols.Fingerprint(place, payload)
		if len(payload) > 0 {
			e.Text("raw", hexText(payload))
		}
	}
	for i := range c.f.Events {
		e := &c.f.Events[i]
		e.Text("iridium_imei", modem)
		iridiumPlace(e, place)
	}
	c.s.Device = c.device
	return n, nil
}

// plain tells whether a payload is tags to its end.
func plain(b []byte) bool {
	for len(b) > 0 {
		t := &tags[b[0]]
		if t.size == 0 {
			return false
		}
		if _, b = measure(t, b[1:]); b == nil {
			return false
		}
	}
	return true
}

// iridiumPlace adds where the network saw the modem: kilometres off, so no fix.
func iridiumPlace(e *protocols.Event, v []byte) {
	if len(v) < 11 {
		return
	}
	r := protocols.NewReader(v)
	flags := r.U8()
	lat := int64(r.U8())*60_000 + int64(r.U16())
	lng := int64(r.U8())*60_000 + int64(r.U16())
	if flags&2 != 0 {
		lat = -lat
	}
	if flags&1 != 0 {
		lng = -lng
	}
	e.Float("iridium_lat", float64(lat)/60_000)
	e.Float("iridium_lng", float64(lng)/60_000)
	e.Int("iridium_accuracy_km", int64(r.U32()))
}
