// Package calamp decodes LM Direct, the datagrams of CalAmp's LMU, TTU, ATU and iOn units.
//
// A datagram, big endian throughout:
//
//	options header | service 1 | type 1 | sequence 2 | body
//
// The options header is there when bit 7 of the first byte is set, and tells whose datagram it is; without one the datagram belongs to the unit that
// was last heard from the same address. There is no checksum: UDP has one.
//
// An operator can say of a device:
//
//	acc<n>=<attribute>       accumulator n is that attribute of the dictionary, as acc0=odometer_m
//	acc<n>=<attribute>*<f>   likewise, times a factor, as acc1=power_v*0.001
//	event_<code>=<alarm>     the script of the unit means that alarm by the code, as event_17=sos
//	ignition=none            no wire is on input 0
//	hdop=integer             the firmware sends the dilution of precision in ones, not in tenths
//	action_<command>=<n>     numbers of a unit request, see request
package calamp

import (
	"encoding/binary"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is LM Direct as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "calamp",
	Version:    1,
	UDP:        5082,
	MaxLogin:   2048,
	MaxFrame:   2048,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// Message types.
const (
	typeNull          = 0
	typeAck           = 1
	typeEvent         = 2
	typeID            = 3
	typeUserData      = 4
	typeApplication   = 5
	typeConfiguration = 6
	typeUnitRequest   = 7
	typeLocate        = 8
	typeUserDataAcc   = 9
	typeMiniEvent     = 10
	typeMiniUserData  = 11
)

// typeNames label the metrics.
var typeNames = [...]string{
	"null", "ack", "event", "id", "user_data", "application", "configuration", "unit_request", "locate", "user_data_accumulators",
	"mini_event", "mini_user_data",
}

// decode is Protocol.Decode. A message ends where its datagram ends, so there is nothing to read in a stream before its end.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	n := len(in.Bytes)
	if !in.Final && !in.Datagram || n == 0 {
		return 0, nil
	}
	h, size, err := readHeader(in.Bytes)
	if err != nil {
		return n, fmt.Errorf("calamp: %w", err)
	}
	f.Type = typeNames[h.kind]
	if f.Notes != nil {
		noteHeader(f, in.Bytes, size)
	}
	body := in.Bytes[size:]
	if least := leastBody[h.kind]; len(body) < least {
		return n, fmt.Errorf("calamp: %s of %d bytes: %w", f.Type, len(body), protocols.ErrMalformed)
	}
	if h.idLen > 0 && s.Device != string(h.id[:h.idLen]) {
		s.Device = string(h.id[:h.idLen])
	}
	message(s, f, &h, body)
	if h.service == serviceAcknowledged && h.kind != typeAck {
		f.Reply = appendAck(f.Reply, &h)
	}
	return n, nil
}

// leastBody is the least a body holds, by message type.
var leastBody = [...]int{
	typeAck: 2, typeEvent: fixSize + 4, typeID: 1, typeUserData: fixSize + 4, typeApplication: fixSize + 4,
	typeLocate: fixSize + 2, typeUserDataAcc: fixSize + 4, typeMiniEvent: miniSize, typeMiniUserData: 0,
}

// message reads the body of a message, at least as long as leastBody says.
func message(s *protocols.Session, f *protocols.Frame, h *header, body []byte) {
	if h.kind == typeNull {
		return
	}
	r := protocols.NewReader(body)
	e := f.Add(protocols.Status)
	switch h.kind {
	case typeAck:
		ack(e, h, &r)
		return
	case typeEvent, typeUserData, typeApplication, typeLocate, typeUserDataAcc:
		e.FP = fingerprint(h.kind, body, fixStatusAt, fixHistoric)
		fix(s, e, &r)
	case typeMiniEvent:
		e.FP = fingerprint(h.kind, body, miniStatusAt, miniHistoric)
		miniFix(s, e, &r)
	default:
		e.FP = fingerprint(h.kind, body, len(body), 0)
	}
	switch h.kind {
	case typeEvent:
		e.Int("event_index", int64(r.U8()))
		event(s, e, r.U8())
		accumulators(s, e, &r, true)
		padding(e, &r)
	case typeLocate:
		accumulators(s, e, &r, true)
		padding(e, &r)
	case typeMiniEvent:
		event(s, e, r.U8())
		accumulators(s, e, &r, false)
		padding(e, &r)
	case typeUserData, typeUserDataAcc:
		userData(s, e, &r, h.kind == typeUserDataAcc)
	case typeApplication:
		e.Int("app_type", int64(r.U16()))
		e.Text("raw", hexText(r.Bytes(min(int(r.U16()), r.Len()))))
		padding(e, &r)
	case typeID:
		idReport(e, body)
	default:
		e.Int("type", int64(h.kind))
		e.Text("raw", hexText(body))
	}
	if h.service == serviceResponse {
		e.Int("command_id", int64(h.sequence))
	}
	switch {
	case e.Kind == protocols.Alarm:
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	case h.service == serviceResponse:
		e.Kind = protocols.CommandResult
	}
}

// fingerprint hashes what a unit repeats: all but the sequence number and the mark of a report that waited in the log.
func fingerprint(kind byte, body []byte, statusAt int, historic byte) int32 {
	if statusAt >= len(body) {
		return protocols.Fingerprint([]byte{kind}, body)
	}
	return protocols.Fingerprint(body[:statusAt], []byte{kind, body[statusAt] &^ historic}, body[statusAt+1:])
}

// appendAck appends the answer to an acknowledged message:
//
//	service 1 = 2 | type 1 = 1 | sequence 2 | type acknowledged 1 | result 1 | 0 | application version 3
func appendAck(b []byte, h *header) []byte {
	b = append(b, serviceResponse, typeAck)
	b = binary.BigEndian.AppendUint16(b, h.sequence)
	return append(b, h.kind, 0, 0, 0, 0, 0)
}
