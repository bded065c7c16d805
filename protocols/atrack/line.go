package atrack

import (
	"bytes"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Fields of the answer INFO.
const (
	infoUnit = iota
	infoModel
	infoSoftware
	infoIMEI
	infoIMSI
	infoICCID
	infoPower
	infoBattery
	infoSats
	infoGSM
	infoCSQ
	infoConnection
	infoAntenna
	infoCount
)

// line reads the answer to a command: $WORD, perhaps + and the tag of the command, perhaps = and what it says, CR LF.
func line(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) > 1 && (b[1] < 'A' || b[1] > 'Z') {
		return resync(s, b), errGarbage
	}
	n := bytes.IndexByte(b[:min(len(b), maxLine)], '\n') + 1
	switch {
	case n == 0 && len(b) >= maxLine:
		return resync(s, b), errGarbage
	case n == 0 && !in.Final:
		return 0, nil
	case n == 0:
		n = len(b)
	}
	body := bytes.TrimRight(b[1:n], "\r\n")
	for _, x := range body {
		if x < ' ' || x > '~' {
			return resync(s, b), errGarbage
		}
	}
	word, says, _ := bytes.Cut(body, []byte{'='})
	word, tag, _ := bytes.Cut(word, []byte{'+'})
	f.Type = "answer"
	if string(word) == "INFO" {
		id, ok := digits(says[:max(0, bytes.IndexByte(says, ','))])
		if !ok || id == 0 {
			return n, fmt.Errorf("atrack: information of no unit: %w", protocols.ErrMalformed)
		}
		c := call{s: s, f: f, unit: id}
		c.bind()
	}
	e := f.Add(protocols.CommandResult)
	e.FP = protocols.Fingerprint(body)
	if id, ok := protocols.ParseDigits(tag); ok {
		e.Int("command_id", int64(id))
	}
	switch string(word) {
	case "INFO":
		e.Text("command", "INFO")
		info(e, says)
	case "OK":
		e.Bool("success", true)
		e.Text("result", string(body))
	case "ERROR":
		e.Bool("success", false)
		e.Text("result", string(body))
	default:
		e.Text("command", string(word))
		e.Text("result", string(says))
	}
	return n, nil
}

// info reads:
//
//	unit , model , firmware , IMEI , IMSI , ICCID , power and battery in 0.1 V , satellites , GSM status , signal , connection , antenna
func info(e *protocols.Event, b []byte) {
	fields := bytes.SplitN(b, []byte{','}, infoCount+1)
	for i, v := range fields {
		if len(v) == 0 {
			continue
		}
		switch i {
		case infoModel:
			e.Text("model", string(v))
		case infoSoftware:
			e.Text("software", string(v))
		case infoIMEI:
			e.Text("imei", string(v))
		case infoIMSI:
			e.Text("imsi", string(v))
		case infoICCID:
			e.Text("iccid", string(v))
		case infoPower, infoBattery, infoSats, infoGSM, infoCSQ, infoConnection, infoAntenna:
			n, ok := protocols.ParseDigits(v)
			if !ok {
				continue
			}
			switch i {
			case infoPower:
				e.Dec("power_v", int64(n), 1)
			case infoBattery:
				e.Dec("battery_v", int64(n), 1)
			case infoSats:
				e.SetSats(uint8(min(n, 255)))
			case infoGSM:
				e.Int("gsm_status", int64(n))
			case infoCSQ:
				e.Int("rssi", int64(n))
			case infoConnection:
				e.Int("connection", int64(n))
			case infoAntenna:
				e.Int("gnss_antenna", int64(n))
			}
		case infoCount:
			longText(e, "custom", v)
		}
	}
}
