package teltonika

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/trackgate/trackgate/protocols"
)

// Types of messages.
const (
	typeCommand  = 0x05 // from a server
	typeResponse = 0x06 // answer to a command, or serial data
	typeCamera   = 0x0d
	typeRefused  = 0x11 // codec 14: the command named another IMEI
)

// messages reads the data of a packet of codecs 12 to 15:
//
//	codec 1 | quantity 1 | type 1 | size 4 | timestamp 4 (13, 15) | IMEI 8 (14, 15) | payload | quantity 1
//
// size counts timestamp, IMEI and payload. The vendor tells receivers to ignore the quantities. Over TCP nothing is
// acknowledged.
func messages(s *protocols.Session, in protocols.Input, f *protocols.Frame, m *memory, data []byte) (int, error) {
	rest := data[2 : len(data)-1]
	for first := true; first || len(rest) > 0; first = false {
		if len(rest) < 5 {
			return 0, fmt.Errorf("teltonika: message of %d bytes: %w", len(rest), protocols.ErrMalformed)
		}
		size := binary.BigEndian.Uint32(rest[1:])
		if uint64(size) > uint64(len(rest)-5) {
			return 0, fmt.Errorf("teltonika: message of size %d in %d bytes: %w", size, len(rest)-5, protocols.ErrMalformed)
		}
		g := message{codec: data[0], typ: rest[0], payload: rest[5 : 5+size]}
		if err := g.head(in); err != nil {
			return 0, err
		}
		if g.codec == codec12 && g.typ == typeCamera {
			camera(f, m, g.payload)
		} else {
			g.event(s, f)
		}
		rest = rest[5+size:]
	}
	return int(data[1]), nil
}

// message is one message of a packet.
type message struct {
	codec   byte
	typ     byte
	time    protocols.Millis
	imei    string
	payload []byte
}

// head reads what stands before the payload.
func (g *message) head(in protocols.Input) error {
	r := protocols.NewReader(g.payload)
	if g.codec == codec13 || g.codec == codec15 {
		g.time = protocols.Millis(r.U32()) * 1000
	}
	if g.codec == codec14 || g.codec == codec15 {
		g.imei = packedIMEI(r.Bytes(8))
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("teltonika: message of codec %d: %w", g.codec, err)
	}
	// One manual shows eight bytes of milliseconds in codec 13.
	if g.codec == codec13 && g.time < year2009 && len(g.payload) >= 8 {
		ms := protocols.Millis(binary.BigEndian.Uint64(g.payload) &^ (1 << 63))
		if ms >= year2009 && ms <= in.Received+24*3_600_000 {
			g.time = ms
			r.Skip(4)
		}
	}
	g.payload = r.Rest()
	return nil
}

const year2009 protocols.Millis = 1230768000_000

// packedIMEI reads 15 digits of four bits after a zero; empty when they are none.
func packedIMEI(b []byte) string {
	if len(b) != 8 {
		return ""
	}
	var d [16]byte
	hex.Encode(d[:], b)
	if !allDigits(d[:]) {
		return ""
	}
	return string(d[1:])
}

// event makes the event of a message that is not of a camera.
func (g *message) event(s *protocols.Session, f *protocols.Frame) {
	text, isText := plainText(g.payload)
	kind := protocols.Status
	switch {
	case g.typ == typeRefused:
		kind, f.Type = protocols.CommandResult, "command_refused"
	case g.typ == typeResponse && isText && (g.codec == codec12 || g.codec == codec14) && !isAxleScale(text):
		kind, f.Type = protocols.CommandResult, "command_result"
	default:
		f.Type = "serial_data"
	}
	e := f.Add(kind)
	e.Time = g.time
	e.FP = protocols.Fingerprint([]byte{g.codec, g.typ}, g.payload)
	if g.imei != "" {
		switch {
		case s.Device == "":
			e.Device = g.imei
		case s.Device != g.imei:
			e.Text("imei", g.imei)
		}
	}
	if g.typ != typeResponse {
		e.Int("type", int64(g.typ))
	}
	switch {
	case g.typ == typeRefused:
		e.Bool("success", false)
		e.Text("result", "refused: the command names another IMEI")
		if len(text) > 0 && isText {
			e.Text("serial_data", string(text))
		}
	case kind == protocols.CommandResult:
		longText(e, "result", text)
	case isText:
		longText(e, "serial_data", text)
		axleScale(e, text)
		if id := driverCard(text); len(id) > 0 {
			e.Text("driver_id", string(id))
		}
	default:
		hexText(e, "serial_data", g.payload)
	}
}

// plainText tells text from binary data, and cuts off the line end.
func plainText(b []byte) (text []byte, ok bool) {
	text = bytes.TrimRight(b, "\r\n\x00")
	if !utf8.Valid(text) || len(text) == 0 && bytes.IndexByte(b, 0) >= 0 {
		return nil, false
	}
	for _, c := range text {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f {
			return nil, false
		}
	}
	return text, true
}

// scaleNames are the numbers of an axle scale's message.
var scaleNames = [...]string{"axle1_load_kg", "axle2_load_kg", "axle3_load_kg", "axle4_load_kg", "axle5_load_kg", "axle6_load_kg",
	"axle7_load_kg", "axle8_load_kg", "load_truck_kg", "load_trailer_kg", "total_truck_kg", "total_trailer_kg"}

func isAxleScale(text []byte) bool {
	return bytes.HasPrefix(text, []byte("UUUUww")) && bytes.HasSuffix(text, []byte("SSS"))
}

// axleScale reads the message of an axle scale on the serial port, weights in tonnes:
//
//	UUUUww06.4;04.2; ... ;SSS
func axleScale(e *protocols.Event, text []byte) {
	if !isAxleScale(text) {
		return
	}
	fields := bytes.Split(text[len("UUUUww"):len(text)-len("SSS")], []byte(";"))
	if len(fields) != len(scaleNames)+1 || len(fields[len(scaleNames)]) != 0 {
		return
	}
	for i, name := range scaleNames {
		if t, err := strconv.ParseFloat(string(fields[i]), 64); err == nil && t >= 0 && t < 1e6 {
			e.Int(name, int64(t*1000+0.5))
		}
	}
}

// driverCard finds the card in the message of a card reader on the serial port: the fifth field of GTSL|...|.
func driverCard(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte("GTSL|")) {
		return nil
	}
	for range 4 {
		i := bytes.IndexByte(text, '|')
		if i < 0 {
			return nil
		}
		text = text[i+1:]
	}
	card, _, _ := bytes.Cut(text, []byte("|"))
	return card
}
