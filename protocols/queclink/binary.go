package queclink

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// The binary form of the GL6xx, numbers big endian:
//
//	2b or 2d | 00 | length of all 2 | flag 1 | IMEI 8 | device type 2 | version 2 | reserved 2 | records | CRC 2 | 24
//
// and a record:
//
//	length 1, or 2 with the top bit set | Unix time 4 | count 2 | id 1 | event 1 | blocks: id 1, length 1, data | 1 spare byte
const (
	binaryHead = 19 // up to the records
	binaryTail = 3
	recordHead = 8
	dataGNSS   = 0x52 // header 1 | longitude 4 | latitude 4 | Unix time 4 | speed 2 | HDOP 1 | azimuth 2 | altitude 3 | satellites 1
	dataPower  = 0x61 // 1 | battery mV 2 | battery % 1 | 1
)

// decodeBinary reads a message of the binary form. How its CRC is made is not known: it is not checked.
func decodeBinary(s *protocols.Session, f *protocols.Frame, b []byte) error {
	f.Type = "binary"
	f.Note(b[:2], "start", "2b or 2d, 00")
	f.Note(b[2:4], "length", "u16 big endian; of all")
	f.Note(b[4:5], "flag", "not read")
	f.Note(b[17:binaryHead], "reserved", "not read")
	f.Note(b[len(b)-3:len(b)-1], "checksum", "not checked: how it is made is not known")
	f.Note(b[len(b)-1:], "stop", "dollar")
	imei, ok := packedIMEI(b[5:13])
	if !ok {
		return fmt.Errorf("queclink: device id %x: %w", b[5:13], protocols.ErrMalformed)
	}
	if s.Device != string(imei[:]) {
		s.Device = string(imei[:])
	}
	r := protocols.NewReader(b[binaryHead : len(b)-binaryTail])
	var count []byte
	for r.Len() > 0 {
		n := int(r.U8())
		if n&0x80 != 0 {
			n = n&0x7f<<8 | int(r.U8())
		}
		record := r.Bytes(n)
		if len(record) < recordHead {
			break
		}
		count = record[4:6]
		readRecord(f, b, record)
	}
	if v, _ := s.Options.Get(optionSack); v != "false" && count != nil {
		f.Reply = append(f.Reply, "+SACK:"...)
		f.Reply = append(appendHex(f.Reply, count), '$')
	}
	return nil
}

// packedIMEI is an IMEI of 15 digits behind a zero, two digits a byte.
func packedIMEI(b []byte) (imei [15]byte, ok bool) {
	for i := range 16 {
		d := b[i/2] >> 4
		if i%2 == 1 {
			d = b[i/2] & 15
		}
		if d > 9 || i == 0 && d != 0 {
			return imei, false
		}
		if i > 0 {
			imei[i-1] = '0' + d
		}
	}
	return imei, true
}

// readRecord reads one record of the message b.
func readRecord(f *protocols.Frame, b, record []byte) {
	e := f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(record[:4], record[6:])
	e.Text("protocol_version", string(appendHex(nil, b[13:17])))
	sent := protocols.Millis(binary.BigEndian.Uint32(record)) * 1000
	e.Int("record", int64(record[6]))
	e.Int("event", int64(record[7]))
	r := protocols.NewReader(record[recordHead:])
	for r.Len() > 1 {
		id, n := r.U8(), int(r.U8())
		data := r.Bytes(n)
		if data == nil {
			break
		}
		switch {
		case id == dataGNSS && n == 22:
			gnss(e, data)
		case id == dataPower && n == 5:
			e.Dec("battery_v", int64(binary.BigEndian.Uint16(data[1:])), 3)
			if data[3] <= 100 {
				e.Int("battery_pct", int64(data[3]))
			}
		default:
			if _, has := e.Attrs.Get(protocols.IOKey(uint16(id))); !has {
				e.Text(protocols.IOKey(uint16(id)), hex.EncodeToString(data))
			}
		}
	}
	if e.Time == 0 {
		e.Time = sent
	} else if sent != 0 {
		e.Int("send_delay_s", int64(sent-e.Time)/1000)
	}
}

// gnss reads a block of position.
func gnss(e *protocols.Event, d []byte) {
	lng, lat := int32(binary.BigEndian.Uint32(d[1:])), int32(binary.BigEndian.Uint32(d[5:]))
	if e.SetFix(float64(lat)/1e6, float64(lng)/1e6, d[15] > 0) {
		e.Kind = protocols.Position
	}
	e.Time = protocols.Millis(binary.BigEndian.Uint32(d[9:])) * 1000
	e.SetSpeed(float64(binary.BigEndian.Uint16(d[13:])) / 10)
	e.SetHDOP(float64(d[15]) / 10)
	e.SetCourse(float64(binary.BigEndian.Uint16(d[16:])))
	e.SetAlt(float64(int32(uint32(d[18])<<24|uint32(d[19])<<16|uint32(d[20])<<8)>>8) / 10)
	e.SetSats(d[21])
}
