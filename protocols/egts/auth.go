package egts

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Subrecords of the service of authorisation.
const (
	subIdentity = 1
	subModule   = 2
	subVehicle  = 3
)

// Bits of TERM_IDENTITY: which of its fields are there.
const (
	identityDispatcher = 0x01
	identityIMEI       = 0x02
	identityIMSI       = 0x04
	identityLanguage   = 0x08
	identityNetwork    = 0x20
	identityBuffer     = 0x40
	identityPhone      = 0x80
)

// auth reads a record of the service of authorisation. What a platform says of itself, its password too, is not kept.
func (c *call) auth(rec *record) {
	for b := rec.data; ; {
		kind, data, rest, ok := nextSub(b)
		if !ok {
			return
		}
		b = rest
		switch kind {
		case subIdentity:
			c.identity(rec, data)
		case subModule:
			c.module(rec, data)
		case subVehicle:
			c.vehicle(rec, data)
		}
	}
}

// identity reads TERM_IDENTITY:
//
//	terminal 4 | flags 1 | [dispatcher 2] | [IMEI 15] | [IMSI 16] | [language 3] | [network 3] | [buffer 2] | [telephone number 15]
//
// The first of IMEI, IMSI, telephone number and terminal names the device.
func (c *call) identity(rec *record, b []byte) {
	r := protocols.NewReader(b)
	number, flags := r.U32LE(), r.U8()
	field := func(bit byte, size int) []byte {
		if flags&bit == 0 {
			return nil
		}
		return name(r.Bytes(size))
	}
	field(identityDispatcher, 2)
	imei := field(identityIMEI, 15)
	imsi := field(identityIMSI, 16)
	field(identityLanguage, 3)
	field(identityNetwork, 3)
	field(identityBuffer, 2)
	phone := field(identityPhone, 15)

	c.login, c.number, c.result = true, rec.number, resultOK
	id := imei
	if id == nil {
		id = imsi
	}
	if id == nil {
		id = phone
	}
	c.object, c.other, c.known = 0, "", 0
	switch {
	case id != nil:
		c.s.Device, c.s.State = string(id), string(binary.LittleEndian.AppendUint32(nil, number))
	case number != 0:
		c.s.State = ""
		c.bind(number)
	default:
		c.result = resultNoID
		return
	}
	if imei == nil || imsi == nil && phone == nil {
		return
	}
	e := c.add(rec, protocols.Status)
	e.FP = protocols.Fingerprint([]byte{subIdentity}, b)
	if imsi != nil {
		e.Text("imsi", string(imsi))
	}
	if phone != nil {
		e.Text("phone", string(phone))
	}
}

// terminal is the number of the terminal in a State.
func terminal(state string) uint32 {
	if len(state) < 4 {
		return 0
	}
	return uint32(state[0]) | uint32(state[1])<<8 | uint32(state[2])<<16 | uint32(state[3])<<24
}

// name is the text in a padded field; nil when there is none, or something else.
func name(b []byte) []byte {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	if b = bytes.TrimSpace(b); len(b) == 0 {
		return nil
	}
	for _, x := range b {
		if (x < '0' || x > '9') && (x|0x20 < 'a' || x|0x20 > 'z') && x != '+' {
			return nil
		}
	}
	return b
}

// module reads MODULE_DATA:
//
//	type 1 | vendor 4 | firmware 2 | software 2 | modification 1 | state 1 | serial number text 00 | description text 00
func (c *call) module(rec *record, b []byte) {
	r := protocols.NewReader(b)
	kind, vendor, firmware, software, _, state := r.U8(), r.U32LE(), r.U16LE(), r.U16LE(), r.U8(), r.U8()
	if r.Err() != nil || c.s.Device == "" {
		return
	}
	e := c.add(rec, protocols.Status)
	e.FP = protocols.Fingerprint([]byte{subModule}, b)
	e.Int("module_type", int64(kind))
	e.Int("module_vendor", int64(vendor))
	e.Text("hardware", dotted(firmware))
	e.Text("software", dotted(software))
	e.Int("module_state", int64(state))
	serial, rest, _ := bytes.Cut(r.Rest(), []byte{0})
	if len(serial) > 0 {
		e.Text("module_serial", words(serial))
	}
	if description, _, _ := bytes.Cut(rest, []byte{0}); len(description) > 0 {
		e.Text("module_name", words(description))
	}
}

// dotted is a version of two numbers.
func dotted(v uint16) string { return strconv.Itoa(int(v>>8)) + "." + strconv.Itoa(int(v&0xff)) }

// vehicle reads VEHICLE_DATA: VIN 17 | type 4 | fuel 4.
func (c *call) vehicle(rec *record, b []byte) {
	r := protocols.NewReader(b)
	vin, kind, fuel := name(r.Bytes(17)), r.U32LE(), r.U32LE()
	if r.Err() != nil || c.s.Device == "" {
		return
	}
	e := c.add(rec, protocols.Status)
	e.FP = protocols.Fingerprint([]byte{subVehicle}, b)
	if vin != nil {
		e.Text("vin", string(vin))
	}
	e.Int("vehicle_type", int64(kind))
	e.Int("propulsion", int64(fuel))
}
