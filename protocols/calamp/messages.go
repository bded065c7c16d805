package calamp

import (
	"bytes"
	"encoding/hex"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// results are the answers to an acknowledged message, by their number.
var results = [...]string{
	"ok", "failed", "message type not supported", "operation not supported", "not passed to the serial port", "authentication failed",
	"unknown mobile id", "same sequence number as before",
}

// ack reads the answer to a request:
//
//	type acknowledged 1 | result 1 | reserved 1 | application version 3
func ack(e *protocols.Event, h *header, r *protocols.Reader) {
	kind, result := r.U8(), r.U8()
	e.Kind = protocols.CommandResult
	e.FP = protocols.Fingerprint([]byte{typeAck, kind, result, byte(h.sequence >> 8), byte(h.sequence)})
	e.Int("command_id", int64(h.sequence))
	e.Int("type", int64(kind))
	if int(result) < len(results) {
		e.Text("result", results[result])
	} else {
		e.Text("result", strconv.Itoa(int(result)))
	}
	e.Bool("success", result == 0)
	if r.Len() < 4 {
		return
	}
	r.Skip(1)
	if v := r.Bytes(3); v[0]|v[1]|v[2] != 0 {
		e.Text("software", version(v))
	}
}

// version is an application version: three letters, or three numbers.
func version(v []byte) string {
	if printable(v) {
		return string(v)
	}
	return strconv.Itoa(int(v[0])) + "." + strconv.Itoa(int(v[1])) + "." + strconv.Itoa(int(v[2]))
}

// userData reads what a serial port received:
//
//	route 1 | id 1 | accumulators, in type 9 alone | length 2 | data
func userData(s *protocols.Session, e *protocols.Event, r *protocols.Reader, withAccumulators bool) {
	e.Int("message_route", int64(r.U8()))
	e.Int("message_id", int64(r.U8()))
	if withAccumulators {
		accumulators(s, e, r, true)
		if _, unknown := e.Attrs.Get("acc_format"); unknown {
			padding(e, r)
			return
		}
	}
	if r.Len() < 2 {
		padding(e, r)
		return
	}
	data := r.Bytes(min(int(r.U16()), r.Len()))
	if text := bytes.TrimRight(data, "\r\n\x00"); printable(text) {
		e.Text("serial_data", string(text))
	} else {
		e.Text("serial_data", hexText(data))
	}
	padding(e, r)
}

// Layout of an id report where the firmware keeps to it:
//
//	script 1 | configuration 1 | application version 3 | 3 | ESN 8 | IMEI 8 | IMSI 8 | MIN 8 | ICCID 10
const (
	idHead  = 8
	idIMSIs = 24
	idICCID = 40
)

// idReport reads what a unit says of itself. Firmwares differ in it, so the bytes stay, and only what shows itself is named.
func idReport(e *protocols.Event, b []byte) {
	e.Text("raw", hexText(b))
	if len(b) < idHead {
		return
	}
	e.Int("script_version", int64(b[0]))
	e.Int("configuration_version", int64(b[1]))
	e.Text("software", version(b[2:5]))
	for at := idHead; at+10 <= len(b); at++ {
		number, ok := digits(b[at : at+10])
		if !ok || b[at] != 0x89 || len(number) < 19 {
			continue
		}
		e.Text("iccid", number)
		if at == idICCID {
			if imsi, ok := digits(b[idIMSIs : idIMSIs+8]); ok && len(imsi) == 15 {
				e.Text("imsi", imsi)
			}
		}
		return
	}
}

// digits reads packed decimal digits that F may fill up at the end.
func digits(b []byte) (string, bool) {
	text := bytes.TrimRight(hex.AppendEncode(nil, b), "f")
	for _, x := range text {
		if x > '9' {
			return "", false
		}
	}
	return string(text), true
}

// printable tells whether bytes are text of a terminal.
func printable(b []byte) bool {
	for _, x := range b {
		if (x < ' ' || x > '~') && x != '\t' && x != '\r' && x != '\n' {
			return false
		}
	}
	return len(b) > 0
}

// hexText is what has no meaning here, as far as a text attribute goes.
func hexText(b []byte) string {
	return hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)])
}
