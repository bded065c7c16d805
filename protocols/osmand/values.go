package osmand

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// number reads a decimal number; infinities, hexadecimal and what is no number give false.
func number(b []byte) (float64, bool) {
	digits, mantissa, scale := b, int64(0), 0
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(b) > 64 {
		return 0, false
	}
	if len(digits) > 16 {
		return longNumber(b)
	}
	point := -1
	for i, x := range digits {
		switch {
		case x >= '0' && x <= '9':
			mantissa = mantissa*10 + int64(x-'0')
		case x == '.' && point < 0:
			point = i
		default:
			return longNumber(b)
		}
	}
	if point >= 0 {
		scale = len(digits) - 1 - point
	}
	if len(digits) == 16 && point < 0 || len(digits) == 1 && point == 0 {
		return longNumber(b) // more digits than a float64 holds exactly, or none
	}
	v := float64(mantissa) / pow10[scale]
	if len(digits) < len(b) {
		v = -v
	}
	return v, true
}

// longNumber is number for what has many digits or an exponent.
func longNumber(b []byte) (float64, bool) {
	for _, x := range b {
		if (x < '0' || x > '9') && x != '.' && x != '-' && x != '+' && x != 'e' && x != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

// degrees reads a coordinate; some phones write a decimal comma.
func degrees(b []byte) (float64, bool) {
	if at := bytes.IndexByte(b, ','); at >= 0 && at == bytes.LastIndexByte(b, ',') {
		b = bytes.Clone(b)
		b[at] = '.'
	}
	return number(b)
}

// truth reads a truth value.
func truth(b []byte) (value, ok bool) {
	switch string(b) {
	case "true", "True", "TRUE", "1":
		return true, true
	case "false", "False", "FALSE", "0":
		return false, true
	}
	return false, false
}

// layouts are the forms of a date in words.
var layouts = [...]string{
	"2006-01-02T15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999",
}

// millisFrom is the smallest whole number that is milliseconds, not seconds.
const millisFrom = math.MaxInt32

// moment reads a time: seconds or milliseconds since 1970, or a date. A date without a zone is in the device's, UTC by default.
func moment(b []byte, z protocols.Zone) (protocols.Millis, bool) {
	if v, ok := number(b); ok {
		if v >= millisFrom {
			v /= 1000
		}
		if v < 0 || v > 1<<36 {
			return 0, false
		}
		return protocols.Millis(math.Round(v * 1000)), true
	}
	if len(b) < 19 || len(b) > 40 {
		return 0, false
	}
	if at, ok := plainDate(b, z); ok {
		return at, true
	}
	zone := time.UTC
	if z.Set && z.Seconds != 0 {
		zone = time.FixedZone("", int(z.Seconds))
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, string(b), zone); err == nil && t.Year() >= 1970 && t.Year() <= 9999 {
			return protocols.At(t), true
		}
	}
	return 0, false
}

// plainDate reads the commonest of the layouts: a date in whole seconds, in the zone z or with Z. False: it may be one of the others.
func plainDate(b []byte, z protocols.Zone) (protocols.Millis, bool) {
	const like = "dddd-dd-ddTdd:dd:dd"
	switch {
	case len(b) == len(like) && (b[10] == 'T' || b[10] == ' '):
	case len(b) == len(like)+1 && b[10] == 'T' && b[len(like)] == 'Z':
		z = protocols.Zone{}
	default:
		return 0, false
	}
	for i := range like {
		if x := b[i]; like[i] == 'd' && (x < '0' || x > '9') || like[i] != 'd' && like[i] != 'T' && x != like[i] {
			return 0, false
		}
	}
	two := func(at int) int { return int(b[at]-'0')*10 + int(b[at+1]-'0') }
	year, second := two(0)*100+two(2), two(17)
	if year < 1970 || second > 59 {
		return 0, false
	}
	return protocols.Civil(year, two(5), two(8), two(11), two(14), second, z)
}

// maxFuture is how far ahead of its receipt a report may be, in ms; one beyond has no usable time.
const maxFuture = 24 * 3_600_000

// setTime sets the time of a report. False: it can not be read.
func (c *call) setTime(e *protocols.Event, b []byte) bool {
	at, ok := moment(b, c.s.Options.Zone)
	if !ok {
		option, _ := c.s.Options.Get("bad_time")
		ok = option == "receive"
	} else if at <= c.received+maxFuture {
		e.Time = at
		return true
	}
	drop(e, "device_time")
	e.Text("device_time", string(b))
	return ok
}

// knots and metres per second in km/h.
const (
	kmhOfKnots = 1.852
	kmhOfMiles = 1.609344
	kmhOfMPS   = 3.6
)

// speedFactor turns speeds of query and form into km/h.
func (c *call) speedFactor() float64 {
	switch c.s.Options.Unit {
	case "kmh":
		return 1
	case "mph":
		return kmhOfMiles
	}
	if unit, _ := c.s.Options.Get("speed"); unit == "mps" {
		return kmhOfMPS
	}
	return kmhOfKnots
}

// networkAccuracy is the accuracy in metres beyond which a place can not come from satellites.
const networkAccuracy = 10_000

// setAccuracy sets the accuracy in metres. False: the operator does not want reports that bad.
func (c *call) setAccuracy(e *protocols.Event, m float64) bool {
	if m < 0 {
		return true // unknown
	}
	drop(e, "accuracy_m")
	e.Float("accuracy_m", m)
	if m > networkAccuracy {
		drop(e, "network_fix")
		e.Bool("network_fix", true)
	}
	limit, ok := c.s.Options.Get("max_accuracy_m")
	if !ok {
		return true
	}
	worst, err := strconv.ParseFloat(limit, 64)
	return err != nil || m <= worst
}

// setAlarm sets the alarm that the client names in words, or keeps words that name none.
func setAlarm(e *protocols.Event, words string) {
	if words == "" {
		return
	}
	name := snake(words)
	if other, ok := synonyms[name]; ok {
		name = other
	}
	for known := range protocols.Alarms {
		if known == name {
			e.Alarm = known
			return
		}
	}
	setEvent(e, words)
}

// synonyms are alarms by the names that clients give them, in snake_case.
var synonyms = map[string]string{
	"accident": "collision", "fall_down": "fall", "fatigue_driving": "fatigue", "hard_acceleration": "harsh_accel", "hard_braking": "harsh_brake",
	"hard_cornering": "harsh_corner", "idle": "idling", "lowspeed": "low_speed", "removing": "tampering",
}

// snake turns lowBattery into low_battery.
func snake(s string) string {
	out := make([]byte, 0, 32)
	for i := range min(len(s), 64) {
		x := s[i]
		if x >= 'A' && x <= 'Z' {
			if x += 'a' - 'A'; i > 0 && (s[i-1] < 'A' || s[i-1] > 'Z') {
				out = append(out, '_')
			}
		}
		out = append(out, x)
	}
	return string(out)
}

// setEvent sets what caused the report: a number, or words.
func setEvent(e *protocols.Event, words string) {
	if n, err := strconv.ParseInt(words, 10, 64); err == nil {
		drop(e, "event")
		e.Int("event", n)
		return
	}
	drop(e, "event_text")
	e.Text("event_text", words)
}

// drop forgets an attribute: what a client says twice it means as it said last.
func drop(e *protocols.Event, name string) {
	for i := range e.Attrs {
		if e.Attrs[i].Name == name {
			e.Attrs = append(e.Attrs[:i], e.Attrs[i+1:]...)
			return
		}
	}
}

// finish settles the kind of a report.
func finish(e *protocols.Event) {
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}

// addRaw keeps bytes that have no meaning here.
func addRaw(e *protocols.Event, b []byte) {
	e.Text("raw", hex.EncodeToString(b[:min(len(b), protocols.MaxText/2)]))
}

const (
	maxParams = 64      // further parameters of a report
	maxValue  = 4 << 10 // bytes of one
)

// extras are the parameters that have no name here: an object under way.
type extras struct {
	list    []extra
	dropped int64
}

type extra struct {
	name  string
	value []byte // JSON
}

// add keeps a parameter whose value is JSON; the last of a name counts.
func (x *extras) add(name string, value []byte) {
	for i := range x.list {
		if x.list[i].name == name {
			x.list[i].value = value
			return
		}
	}
	if len(x.list) >= maxParams || len(name) > maxValue || len(value) > maxValue+2 {
		x.dropped++
		return
	}
	x.list = append(x.list, extra{name, value})
}

// addWord keeps a parameter of a query: a number, a truth value or a text.
func (x *extras) addWord(name string, value []byte) {
	switch word := string(value); {
	case word == "true" || word == "false":
		x.add(name, []byte(word))
		return
	default:
		if v, ok := number(value); ok {
			x.add(name, strconv.AppendFloat(nil, v, 'f', -1, 64))
			return
		}
		x.add(name, quoted(word[:min(len(word), maxValue)]))
	}
}

// finish adds the object to the event.
func (x *extras) finish(e *protocols.Event) {
	if len(x.list) > 0 {
		b := make([]byte, 0, 64*len(x.list))
		for i := range x.list {
			b = append(append(append(append(b, ','), quoted(x.list[i].name)...), ':'), x.list[i].value...)
		}
		b[0] = '{'
		e.JSON("params", string(append(b, '}')))
	}
	if x.dropped > 0 {
		e.Int("params_dropped", x.dropped)
	}
}

// quoted is s as JSON; bytes that are not UTF-8 become U+FFFD.
func quoted(s string) []byte {
	b, _ := json.Marshal(s) // a string always has a JSON form
	return b
}
