package protocols

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends the event as a JSON object, in the form of docs/event.md. Coordinates have seven decimals (a centimetre), other numbers as
// many as they need.
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	return append(e.AppendMembers(b), '}')
}

// AppendMembers appends what stands between the braces of the event's JSON object, so that a caller can put members before it.
func (e *Event) AppendMembers(b []byte) []byte {
	b = append(b, `"id":`...)
	if e.Device == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, e.Device)
		b = append(b[:len(b)-1], '-')
		b = strconv.AppendInt(b, int64(e.Time), 10)
		b = append(b, '-')
		b = append(appendHex32(b, uint32(e.FP)), '"')
	}
	if e.Session != 0 {
		b = append(b, `,"seq":"`...)
		b = append(e.AppendSeq(b), '"')
	}
	if e.Vehicle != "" {
		b = appendMember(b, "vehicle", e.Vehicle)
	}
	if e.Device == "" {
		b = append(b, `,"device":null`...)
	} else {
		b = appendMember(b, "device", e.Device)
	}
	b = appendMember(b, "protocol", e.Protocol)
	b = appendMember(b, "kind", e.Kind.String())
	b = append(b, `,"time":"`...)
	b = e.Time.AppendRFC3339(b)
	b = append(b, `","received":"`...)
	b = append(e.Received.AppendRFC3339(b), '"')
	if e.Has&HasFix != 0 {
		b = appendNumber(append(b, `,"lat":`...), e.Lat)
		b = appendNumber(append(b, `,"lng":`...), e.Lng)
		b = strconv.AppendBool(append(b, `,"valid":`...), e.Valid)
	}
	if e.Has&HasAlt != 0 {
		b = appendNumber(append(b, `,"alt":`...), e.Alt)
	}
	if e.Has&HasSpeed != 0 {
		b = appendNumber(append(b, `,"speed":`...), e.Speed)
	}
	if e.Has&HasCourse != 0 {
		b = appendNumber(append(b, `,"course":`...), e.Course)
	}
	if e.Has&HasSats != 0 {
		b = strconv.AppendUint(append(b, `,"sats":`...), uint64(e.Sats), 10)
	}
	if e.Has&HasHDOP != 0 {
		b = appendNumber(append(b, `,"hdop":`...), e.HDOP)
	}
	b = strconv.AppendBool(append(b, `,"late":`...), e.Late)
	if e.Alarm != "" {
		b = appendMember(b, "alarm", e.Alarm)
	}
	b = append(b, `,"attrs":`...)
	return e.Attrs.AppendJSON(b)
}

// appendNumber appends v rounded to seven decimals.
func appendNumber(b []byte, v float64) []byte {
	if math.Abs(v) < 1e9 {
		return appendDecimal(b, int64(math.Round(v*1e7)), 7)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

func appendMember(b []byte, name, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

// appendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' && c != 0x7f {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			i++
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		if c == '"' || c == '\\' {
			b = append(b, '\\', c)
		} else {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

// ParseEvent reads an event's JSON object: what AppendJSON writes, and what phones send, where the time may be RFC 3339 or Unix milliseconds.
// Absent keys stay unset. Unknown keys are kept as attributes when they are of a simple type.
func ParseEvent(raw []byte) (Event, error) {
	var e Event
	var lat, lng float64
	var haveLat, haveLng bool
	valid := true
	err := eachMember(raw, func(name string, v json.RawMessage) (err error) {
		if string(v) == "null" {
			return nil
		}
		number := func(set func(float64)) {
			var f float64
			if err = json.Unmarshal(v, &f); err == nil {
				set(f)
			}
		}
		sensible := func(set func(float64) bool) {
			number(func(f float64) {
				if !set(f) {
					err = fmt.Errorf("%v makes no sense", f)
				}
			})
		}
		switch name {
		case "id":
		case "seq":
			var s string
			if err = json.Unmarshal(v, &s); err == nil {
				e.Session, e.Counter, _ = ParseSeq(s)
			}
		case "vehicle", "vehicleId":
			e.Vehicle, err = parseIdentity(v)
		case "device":
			e.Device, err = parseIdentity(v)
		case "protocol":
			err = json.Unmarshal(v, &e.Protocol)
		case "kind":
			var s string
			if err = json.Unmarshal(v, &s); err == nil {
				var ok bool
				if e.Kind, ok = ParseKind(s); !ok {
					err = errors.New("unknown kind")
				}
			}
		case "time":
			e.Time, err = parseTime(v)
		case "received":
			e.Received, err = parseTime(v)
		case "lat":
			number(func(f float64) { lat, haveLat = f, true })
		case "lng":
			number(func(f float64) { lng, haveLng = f, true })
		case "valid":
			err = json.Unmarshal(v, &valid)
		case "late":
			err = json.Unmarshal(v, &e.Late)
		case "alt":
			sensible(e.SetAlt)
		case "speed":
			sensible(e.SetSpeed)
		case "course":
			sensible(e.SetCourse)
		case "sats":
			number(func(f float64) { e.SetSats(uint8(max(0, min(f, 255)))) })
		case "hdop":
			sensible(e.SetHDOP)
		case "alarm":
			err = json.Unmarshal(v, &e.Alarm)
		case "attrs":
			e.Attrs, err = ParseAttrs(v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return e, err
	}
	if haveLat != haveLng {
		return e, errors.New("lat and lng belong together")
	}
	if haveLat && !e.SetFix(lat, lng, valid) {
		return e, errors.New("lat, lng: no place on earth, or 0,0")
	}
	return e, nil
}

func parseIdentity(v json.RawMessage) (string, error) {
	var s string
	if v[0] != '"' {
		s = string(v) // a number, as some clients name their vehicles
	} else if err := json.Unmarshal(v, &s); err != nil {
		return "", err
	}
	if s == "" || len(s) > MaxIdentity || v[0] == '{' || v[0] == '[' {
		return "", fmt.Errorf("an id has 1 to %d bytes", MaxIdentity)
	}
	return s, nil
}

func parseTime(v json.RawMessage) (Millis, error) {
	if v[0] == '"' {
		var t time.Time
		if err := json.Unmarshal(v, &t); err != nil {
			return 0, errors.New("not RFC 3339")
		}
		return At(t), nil
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || !(f > 0 && f < 4e12) {
		return 0, errors.New("not Unix milliseconds")
	}
	return Millis(f), nil
}

// eachMember calls visit for the members of a JSON object in their order.
func eachMember(raw []byte, visit func(name string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := visit(t.(string), value); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}
