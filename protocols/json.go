package protocols

import (
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

// asItIs are the bytes that a JSON string holds as they are, and HTML too.
var asItIs = func() (as [256]bool) {
	for c := byte(0x20); c < 0x7f; c++ {
		as[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return as
}()

// appendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if asItIs[c] {
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
	err := eachMember(raw, func(name, v []byte) (err error) {
		if string(v) == "null" {
			return nil
		}
		number := func(set func(float64)) {
			var f float64
			if f, err = parseNumber(v); err == nil {
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
		switch string(name) {
		case "id":
		case "seq":
			var s string
			if s, err = parseString(v); err == nil {
				e.Session, e.Counter, _ = ParseSeq(s)
			}
		case "vehicle", "vehicleId":
			e.Vehicle, err = parseIdentity(v)
		case "device":
			e.Device, err = parseIdentity(v)
		case "protocol":
			e.Protocol, err = parseString(v)
		case "kind":
			var s string
			if s, err = parseString(v); err == nil {
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
			valid, err = parseBool(v)
		case "late":
			e.Late, err = parseBool(v)
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
			e.Alarm, err = parseString(v)
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

func parseIdentity(v []byte) (s string, err error) {
	if v[0] != '"' {
		s = string(v) // a number, as some clients name their vehicles
	} else if s, err = parseString(v); err != nil {
		return "", err
	}
	if s == "" || len(s) > MaxIdentity || v[0] == '{' || v[0] == '[' {
		return "", fmt.Errorf("an id has 1 to %d bytes", MaxIdentity)
	}
	return s, nil
}

func parseTime(v []byte) (Millis, error) {
	if v[0] == '"' {
		var t time.Time
		if err := t.UnmarshalJSON(v); err != nil {
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

// eachMember calls visit for the members of the JSON object at the start of raw, in their order. Both are views of raw, where the name needs no decoding. What JSON is and what is
// not, encoding/json says; its Decoder would do the rest as well, at twenty times the cost.
func eachMember(raw []byte, visit func(name, value []byte) error) error {
	at := skipSpace(raw, 0)
	if at == len(raw) || raw[at] != '{' {
		return errors.New("not a JSON object")
	}
	end := skipValue(raw, at)
	if !json.Valid(raw[at:end]) {
		return errors.New("not a valid JSON object")
	}
	for at = skipSpace(raw, at+1); raw[at] != '}'; at = skipSpace(raw, at) {
		if raw[at] == ',' {
			at = skipSpace(raw, at+1)
		}
		end := skipValue(raw, at)
		name := raw[at+1 : end-1]
		if !plain(name) {
			s, err := decodeString(raw[at:end])
			if err != nil {
				return err
			}
			name = []byte(s)
		}
		at = skipSpace(raw, skipSpace(raw, end)+1) // past the colon
		end = skipValue(raw, at)
		if err := visit(name, raw[at:end]); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// skipSpace returns the place of the first byte from at on that is no white space, or the end.
func skipSpace(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\n' || b[at] == '\t' || b[at] == '\r') {
		at++
	}
	return at
}

// skipValue returns the end of the JSON value that begins at a place of b; of what is no JSON, some place behind it.
func skipValue(b []byte, at int) int {
	depth := 0
	for ; at < len(b); at++ {
		switch b[at] {
		case '"':
			for at++; at < len(b) && b[at] != '"'; at++ {
				if b[at] == '\\' {
					at++
				}
			}
			if depth == 0 {
				return min(at+1, len(b))
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return at
			}
			if depth == 0 {
				return at + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return at
			}
		}
	}
	return len(b)
}

// parseString reads a JSON string; most are plain ASCII.
func parseString(v []byte) (string, error) {
	if len(v) < 2 || v[0] != '"' {
		return "", errors.New("not a string")
	}
	if inner := v[1 : len(v)-1]; plain(inner) {
		return string(inner), nil
	}
	return decodeString(v)
}

// plain tells whether what stands between the quotes of a JSON string is what it means.
func plain(b []byte) bool {
	for _, x := range b {
		if x == '\\' || x >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func decodeString(v []byte) (s string, err error) {
	err = json.Unmarshal(v, &s)
	return s, err
}

// parseNumber reads a JSON number.
func parseNumber(v []byte) (float64, error) {
	if v[0] != '-' && (v[0] < '0' || v[0] > '9') {
		return 0, errors.New("not a number")
	}
	return strconv.ParseFloat(string(v), 64)
}

// parseBool reads a JSON truth value.
func parseBool(v []byte) (bool, error) {
	if v[0] != 't' && v[0] != 'f' {
		return false, errors.New("not a truth value")
	}
	return v[0] == 't', nil
}
