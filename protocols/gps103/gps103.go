// Package gps103 decodes the text protocol of the Coban GPS102 to GPS311 and TK103A/B trackers and of their relatives.
//
//	##,imei:<imei>,A;                                            login, answered by LOAD
//	<imei>;                                                      heartbeat, answered by ON
//	imei:<imei>,<keyword>,<local time>,<phone>,F,<utc>,A,...;    report with a fix
//	imei:<imei>,<keyword>,<local time>,<phone>,L,,,<lac>,,<cid>  report without
//
// A message ends with ;, with ,* in one dialect, with a line's end, or not at all. Everything is repeated in each report but the zone of the
// local time, which a report with a fix reveals.
//
// An operator can say of a device, besides zone and unit:
//
//	longitude=west        what a longitude without hemisphere is; else east
//	mcc=460  mnc=0        the network of the SIM: reports without a fix name only LAC and cell
//	semicolon=true        commands end with a semicolon, as newer firmware wants it
//	sos_confirm=false     an emergency is not confirmed, so that the device repeats it
package gps103

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is the Coban family as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "gps103",
	Version:    1,
	TCP:        5001,
	UDP:        5001,
	MaxLogin:   1024,
	MaxFrame:   maxFrame,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"approximate":     {Type: "bool", Meaning: "the longitude was sent without its hemisphere"},
	"counter":         {Type: "number", Meaning: "a number in the place of the second fuel sensor, as sent"},
	"device_date":     {Type: "text", Meaning: "the local time as sent, where the zone is not known or it is no time"},
	"dtcs":            {Type: "list", Meaning: "trouble codes of the vehicle"},
	"error":           {Type: "text", Meaning: "error code of the device"},
	"fuel2_pct":       {Type: "number", Unit: "%", Meaning: "fuel, second sensor"},
	"fuel_avg_l100km": {Type: "number", Unit: "l/100 km", Meaning: "average fuel consumption"},
	"fuel_now_l100km": {Type: "number", Unit: "l/100 km", Meaning: "momentary fuel consumption"},
	"keyword":         {Type: "text", Meaning: "what caused the report, in the device's words; absent: the ordinary one"},
	"name":            {Type: "text", Meaning: "name that the device was given"},
	"photo_parts":     {Type: "number", Meaning: "number of the messages of a photo that follow"},
	"rssi":            {Type: "number", Meaning: "mobile signal as sent, 0 to 31"},
	"sensor_id":       {Type: "text", Meaning: "sensor that caused the report"},
	"sensor_v":        {Type: "number", Unit: "V", Meaning: "voltage of that sensor"},
	"sensor_tripped":  {Type: "number", Meaning: "number of the fuel sensor that raised the alarm"},
}

// call is what the readers of one message share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	c := call{s, f, in.Received}
	n, kind, body := cut(in.Bytes, in.Final)
	switch kind {
	case wait:
		return 0, nil
	case garbage:
		return n, fmt.Errorf("gps103: %w", protocols.ErrGarbage)
	case lineEnd:
		f.Type = "line end"
		f.Note(in.Bytes[:n], "line end", "between messages")
	case login:
		f.Type = "login"
		noteAround(f, in.Bytes[:n], body)
		c.name(body)
		f.Reply = append(f.Reply[:0], "LOAD"...)
	case heartbeat:
		f.Type = "heartbeat"
		c.name(body)
		f.Reply = append(f.Reply[:0], "ON"...)
	case report:
		f.Note(in.Bytes[:len(start)], "start", "imei:")
		return n, c.report(body)
	}
	return n, nil
}

// name makes imei the session's device. It costs nothing when that is known.
func (c *call) name(imei []byte) {
	if c.s.Device == string(imei) {
		return
	}
	c.s.Device = string(imei)
	c.s.State = ""
}
