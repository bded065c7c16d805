package protocols

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// Attrs are an event's attributes in the order in which they were added. Names come from Dictionary, or are io_<id> for an element
// that has no name there.
type Attrs []Attr

// Attr is one attribute: a name and a number, a bool, a text, or a list in JSON.
type Attr struct {
	Name  string
	text  string
	num   int64
	kind  attrKind
	scale uint8
}

type attrKind uint8

const (
	attrDecimal attrKind = iota // num / 10^scale
	attrFloat                   // bits of a float64 in num
	attrBool
	attrText
	attrJSON
	attrCell // one radio cell packed into num, see Cell
)

// MaxText is the longest text attribute in bytes; a longer one is cut.
const MaxText = 1024

// put adds an attribute without text. It sets the fields one by one where the last record's were: a composite literal would be
// built on the stack and copied, at twice the cost, and this is most of what decoding costs.
func (e *Event) put(name string, num int64, kind attrKind, scale uint8) {
	attrs := e.Attrs
	n := len(attrs)
	if n >= cap(attrs) || e.notes != nil {
		e.putRarely(name, "", num, kind, scale)
		return
	}
	attrs = attrs[:n+1]
	e.Attrs = attrs
	a := &attrs[n]
	a.Name, a.num, a.kind, a.scale = name, num, kind, scale
	if len(a.text) != 0 {
		a.text = ""
	}
}

// putText adds an attribute with a text.
func (e *Event) putText(name, text string, kind attrKind) {
	attrs := e.Attrs
	n := len(attrs)
	if n >= cap(attrs) || e.notes != nil {
		e.putRarely(name, text, 0, kind, 0)
		return
	}
	attrs = attrs[:n+1]
	e.Attrs = attrs
	a := &attrs[n]
	a.Name, a.text, a.num, a.kind, a.scale = name, text, 0, kind, 0
}

// putRarely adds an attribute for which there is no room yet, or whose reader is noted.
//
//go:noinline
func (e *Event) putRarely(name, text string, num int64, kind attrKind, scale uint8) {
	if len(e.Attrs) == cap(e.Attrs) {
		e.Attrs = slices.Grow(e.Attrs, max(16, len(e.Attrs)))
	}
	e.Attrs = append(e.Attrs, Attr{Name: name, text: text, num: num, kind: kind, scale: scale})
	if e.notes != nil {
		e.notes.set(name)
	}
}

// Int adds a whole number.
func (e *Event) Int(name string, v int64) { e.put(name, v, attrDecimal, 0) }

// Dec adds the decimal number v / 10^scale, exactly: Dec("power_v", 12480, 3) is 12.48. Scale is 0 to 9.
func (e *Event) Dec(name string, v int64, scale uint8) { e.put(name, v, attrDecimal, min(scale, 9)) }

// Float adds a number; one that is not finite is left out.
func (e *Event) Float(name string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	e.put(name, int64(math.Float64bits(v)), attrFloat, 0)
}

// Bool adds a truth value.
func (e *Event) Bool(name string, v bool) {
	var n int64
	if v {
		n = 1
	}
	e.put(name, n, attrBool, 0)
}

// Text adds a text, cut to MaxText bytes at a character; bytes that are not UTF-8 are written as U+FFFD, control characters as escapes.
func (e *Event) Text(name, v string) {
	if len(v) > MaxText {
		v = v[:MaxText]
		for len(v) > 0 && !utf8.ValidString(v[len(v)-min(len(v), utf8.UTFMax):]) {
			v = v[:len(v)-1]
			if len(v) < MaxText-utf8.UTFMax {
				break
			}
		}
	}
	e.putText(name, v, attrText)
}

// JSON adds a list or an object that is already encoded; raw must be valid JSON.
func (e *Event) JSON(name, raw string) {
	e.putText(name, raw, attrJSON)
}

// Cell adds the serving cell as the list `cells`. A cell whose numbers are within the sizes of GSM and LTE (MCC and MNC below 1024, LAC
// below 1<<16, id below 1<<28) costs no allocation: it stays packed until it is written.
func (e *Event) Cell(mcc, mnc uint16, lac uint32, cid uint64) {
	if mcc >= 1<<10 || mnc >= 1<<10 || lac >= 1<<16 || cid >= 1<<28 {
		e.JSON("cells", string(appendCell(make([]byte, 0, 96), mcc, mnc, lac, cid)))
		return
	}
	packed := uint64(mcc)<<54 | uint64(mnc)<<44 | uint64(lac)<<28 | cid
	e.put("cells", int64(packed), attrCell, 0)
}

func appendCell(b []byte, mcc, mnc uint16, lac uint32, cid uint64) []byte {
	b = strconv.AppendUint(append(b, `[{"mcc":`...), uint64(mcc), 10)
	b = strconv.AppendUint(append(b, `,"mnc":`...), uint64(mnc), 10)
	b = strconv.AppendUint(append(b, `,"lac":`...), uint64(lac), 10)
	b = strconv.AppendUint(append(b, `,"cid":`...), cid, 10)
	return append(b, "}]"...)
}

// Get returns the attribute of that name.
func (a Attrs) Get(name string) (Attr, bool) {
	for i := range a {
		if a[i].Name == name {
			return a[i], true
		}
	}
	return Attr{}, false
}

// Float returns a number's value, and 1 or 0 for a bool; false for text and JSON.
func (a Attr) Float() (float64, bool) {
	switch a.kind {
	case attrDecimal:
		return float64(a.num) / float64(pow10[a.scale]), true
	case attrFloat:
		return math.Float64frombits(uint64(a.num)), true
	case attrBool:
		return float64(a.num), true
	}
	return 0, false
}

// Bool returns a truth value; false, false for anything else.
func (a Attr) Bool() (value, ok bool) { return a.num == 1, a.kind == attrBool }

// Text returns a text; false for anything else.
func (a Attr) Text() (string, bool) { return a.text, a.kind == attrText }

// JSON returns a list or an object as the decoder encoded it; false for anything else, also for what is encoded only when it is written.
func (a Attr) JSON() (string, bool) { return a.text, a.kind == attrJSON }

// AppendJSON appends the attributes as one JSON object.
func (a Attrs) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	for i := range a {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, a[i].Name)
		b = append(b, ':')
		b = a[i].appendValue(b)
	}
	return append(b, '}')
}

func (a *Attr) appendValue(b []byte) []byte {
	switch a.kind {
	case attrDecimal:
		return appendDecimal(b, a.num, int(a.scale))
	case attrFloat:
		return strconv.AppendFloat(b, math.Float64frombits(uint64(a.num)), 'f', -1, 64)
	case attrBool:
		return strconv.AppendBool(b, a.num == 1)
	case attrText:
		return appendString(b, a.text)
	case attrCell:
		v := uint64(a.num)
		return appendCell(b, uint16(v>>54), uint16(v>>44&0x3ff), uint32(v>>28&0xffff), v&(1<<28-1))
	default:
		return append(b, a.text...)
	}
}

// ParseAttrs reads a JSON object into attributes, in its order.
func ParseAttrs(raw []byte) (Attrs, error) {
	var e Event
	err := eachMember(raw, func(member, value []byte) error {
		name := string(member)
		switch value[0] {
		case '"':
			s, err := parseString(value)
			if err != nil {
				return err
			}
			e.Text(name, s)
		case 't', 'f':
			e.Bool(name, value[0] == 't')
		case '{', '[':
			e.JSON(name, string(value))
		case 'n':
		default:
			if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
				e.Int(name, n)
				return nil
			}
			v, err := strconv.ParseFloat(string(value), 64)
			if err != nil {
				return err
			}
			e.Float(name, v)
		}
		return nil
	})
	return e.Attrs, err
}

var pow10 = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// appendDecimal appends v / 10^scale without trailing zeros.
func appendDecimal(b []byte, v int64, scale int) []byte {
	for scale > 0 && v%10 == 0 {
		v /= 10
		scale--
	}
	if scale == 0 {
		return strconv.AppendInt(b, v, 10)
	}
	u := uint64(v)
	if v < 0 {
		b = append(b, '-')
		u = -u
	}
	whole := u / pow10[scale]
	b = strconv.AppendUint(b, whole, 10)
	return appendDigits(append(b, '.'), u-whole*pow10[scale], scale)
}

// appendDigits appends the last n decimal digits of v, at most 10 of them.
func appendDigits(b []byte, v uint64, n int) []byte {
	end := len(b) + n
	b = append(b, "0000000000"[:n]...)
	for i := end - 1; v > 0 && i >= end-n; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
	return b
}

var ioKeys [1 << 16]struct {
	once sync.Once
	key  string
}

// IOKey is the name of an element that the dictionary does not know: io_<id>. It allocates once per id.
func IOKey(id uint16) string {
	k := &ioKeys[id]
	k.once.Do(func() { k.key = "io_" + strconv.Itoa(int(id)) })
	return k.key
}
