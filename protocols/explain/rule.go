package explain

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/trackgate/trackgate/protocols"
)

// ruleOf finds out how the bytes [from, to) become the field: the form that gives every value which the decoder gave.
func (a *asker) ruleOf(f protocols.Field, from, to int) string {
	raw := a.in.Bytes[from:to]
	mask := make([]byte, len(raw))
	for i := range raw {
		mask[i] = ^a.bytes[from+i].strange(f)
	}
	var near []sample
	for _, s := range a.samples[f] {
		if s.at >= from && s.at < to {
			s.at -= from
			near = append(near, s)
		}
	}
	base := a.value(f)
	if rule := sign(raw, []byte{a.bytes[from].mask(f)}, base, near); rule != "" {
		return rule
	}
	raw, near, signed := withoutSign(raw, mask, base, near)
	if rule := linear(f.Name, raw, mask, base, near); rule != "" {
		return rule + signed
	}
	if rule := text(raw, base); rule != "" {
		return rule
	}
	for i := range raw {
		mask[i] = a.bytes[from+i].mask(f)
	}
	if rule := flag(raw, mask, base, near); rule != "" {
		return rule
	}
	return code(raw, base, near)
}

// linear finds a form, a factor and a constant that give the field.
func linear(name string, raw, mask []byte, base value, near []sample) string {
	if name == "time" {
		for _, f := range dateForms(raw) {
			if k, c, ok := fit(f, raw, base, near); ok && k == 1 {
				return f.name + zone(f.name, c)
			}
		}
	}
	list := forms(raw, mask, name)
	for _, offset := range []bool{false, true} { // a constant is likelier a bit that belongs to something else
		for _, f := range list {
			k, c, ok := fit(f, raw, base, near)
			switch {
			case !ok:
			case name == "time":
				if rule := epoch(f.name, k, c); rule != "" {
					return rule
				}
			case f.exact && (math.Abs(k) != 1 || c != 0) || (c != 0) != offset || offset && !sensible(k, c):
			default:
				return f.name + scaled(k, c)
			}
		}
	}
	return ""
}

// sensible tells whether a factor and a constant are such as people put into protocols: few digits.
func sensible(k, c float64) bool {
	few := func(v float64) bool { return fmt.Sprintf("%.3g", v) == fmt.Sprintf("%.9g", v) }
	return math.Abs(c) < 1e6 && (few(k) || few(1/k))
}

// sign tells that the byte turns a coordinate over and does nothing else.
func sign(raw, mask []byte, base value, near []sample) string {
	if len(raw) != 1 || !base.isNum || base.number == 0 {
		return ""
	}
	others := 0
	for _, s := range near {
		if s.value.isNum && s.value.number != -base.number {
			return ""
		}
		if s.value.isNum {
			others++
		}
	}
	switch {
	case others == 0:
		return ""
	case bits.OnesCount8(mask[0]) == 1:
		return fmt.Sprintf("bit %d is the sign", bits.TrailingZeros8(mask[0]))
	}
	return "the sign"
}

// withoutSign takes the bits out that only turn the value over, when there are other bits; they are named at the end of the rule.
func withoutSign(raw, mask []byte, base value, near []sample) (_ []byte, rest []sample, signed string) {
	if !base.isNum || base.number == 0 {
		return raw, near, ""
	}
	for _, s := range near {
		changed := raw[s.at] ^ s.byte
		if s.value.isNum && s.value.number == -base.number && bits.OnesCount8(changed) == 1 && s.at+1 == len(raw) {
			mask[s.at] &^= changed
			signed += fmt.Sprintf(", bit %d of the last byte is the sign", bits.TrailingZeros8(changed))
			continue
		}
		rest = append(rest, s)
	}
	if len(rest) == 0 {
		return raw, near, ""
	}
	return raw, rest, signed
}

// fit finds k and c so that k x + c is the value for all of the values known, but for a few that the decoder may have bent (a week number rolled over).
func fit(f form, raw []byte, base value, near []sample) (k, c float64, ok bool) {
	var xs, vs []float64
	b := slices.Clone(raw)
	take := func(v value) {
		if x, ok := f.read(b); ok && v.isNum {
			xs, vs = append(xs, x), append(vs, v.number)
		}
	}
	take(base)
	unread, tolerance := 0, 2e-7
	if f.loose {
		tolerance = 1e-5
	}
	for _, s := range near {
		i := s.at
		was := b[i]
		b[i] = s.byte
		n := len(xs)
		take(s.value)
		if len(xs) == n && s.value.isNum {
			unread++ // the form does not take what the decoder took
		}
		b[i] = was
	}
	if len(xs) < 3 && !(len(xs) == 2 && len(near) <= 2) || unread*5 > len(near) {
		return 0, 0, false
	}
	order := make([]int, len(xs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(math.Abs(xs[j]-xs[0]), math.Abs(xs[i]-xs[0])) })
	for tried, i := range order { // the farthest value first: it is the most exact
		if xs[i] == xs[0] {
			continue
		}
		k = (vs[i] - vs[0]) / (xs[i] - xs[0])
		if f.exact {
			k = math.Round(k)
		}
		k = nice(k)
		if k == 0 {
			continue
		}
		c = vs[0] - k*xs[0]
		good := 0
		for j := range xs {
			if math.Abs(k*xs[j]+c-vs[j]) <= tolerance+1e-9*math.Abs(vs[j]) {
				good++
			}
		}
		if good*10 >= len(xs)*9 && good >= 2 {
			if math.Abs(c) < 1e-6 {
				c = 0
			}
			return k, c, true
		}
		if tried > 16 {
			break
		}
	}
	return 0, 0, false
}

// nice takes away what rounding did to a factor.
func nice(k float64) float64 {
	if degrees, power, ok := turn(math.Abs(k)); ok {
		return math.Copysign(degrees/math.Exp2(power), k)
	}
	if inverse := 1 / k; math.Abs(inverse) >= 1.5 && math.Abs(inverse-math.Round(inverse)) < max(1e-4, 1e-8*math.Abs(inverse)) {
		return 1 / math.Round(inverse)
	}
	scaled := k * 1e6
	if math.Abs(scaled-math.Round(scaled)) < 1e-3 && math.Abs(scaled) > 0.5 {
		return math.Round(scaled) / 1e6
	}
	return k
}

// turn tells whether a factor is a part of the circle: of 90, 180 or 360 degrees divided by a power of two.
func turn(k float64) (degrees, power float64, ok bool) {
	for _, degrees := range []float64{90, 180, 360} {
		power := math.Log2(degrees / k)
		if whole := math.Round(power); power > 12 && math.Abs(power-whole) < 1e-7 {
			return degrees, whole, true
		}
	}
	return 0, 0, false
}

// scaled says what is done with the number. A coordinate's sign may be the business of another bit.
func scaled(k, c float64) string {
	if k < 0 && c == 0 {
		return factor(-k) + ", negated"
	}
	return factor(k) + constant(c)
}

func factor(k float64) string {
	if degrees, power, ok := turn(k); ok {
		return fmt.Sprintf(" × %.0f / 2^%.0f", degrees, power)
	}
	switch inverse := 1 / k; {
	case k == 1:
		return ""
	case k == 1.852:
		return " × 1.852 (knots)"
	case k == 1.609344:
		return " × 1.609344 (miles)"
	case math.Abs(inverse) > 1.5 && math.Abs(inverse-math.Round(inverse)) < 1e-6*math.Abs(inverse):
		return " / " + thousands(inverse)
	}
	if inverse := 1 / k; inverse > 1 && math.Abs(inverse*1000-math.Round(inverse*1000)) < 1e-4 {
		return fmt.Sprintf(" / %.6g", inverse)
	}
	if math.Abs(k*9-math.Round(k*9)) < 1e-6 {
		return fmt.Sprintf(" × %.0f / 9", k*9)
	}
	return fmt.Sprintf(" × %.7g", k)
}

func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func constant(c float64) string {
	switch c = math.Round(c*1e6) / 1e6; {
	case c > 0:
		return fmt.Sprintf(" + %.8g", c)
	case c < 0:
		return fmt.Sprintf(" − %.8g", -c)
	}
	return ""
}

// epoch says what a linear time counts, and since when; empty: nothing that clocks count.
func epoch(form string, k, c float64) string {
	unit := map[float64]string{1: "milliseconds", 1000: "seconds", 60_000: "minutes", 86_400_000: "days"}[k]
	if unit == "" {
		return ""
	}
	since := protocols.Millis(c)
	if c == 0 {
		return form + ", " + unit + " since 1970"
	}
	return form + ", " + unit + " since " + since.Time().Format("2006-01-02 15:04:05")
}

// zone says how far the device's clock is from UTC, where the layout is a whole date and time.
func zone(name string, c float64) string {
	whole := strings.Contains(name, "yy") && strings.Contains(name, "HHMM")
	const quarter = 15 * 60_000
	if !whole || c == 0 || math.Mod(c, quarter) != 0 || math.Abs(c) > 14*4*quarter {
		return ""
	}
	minutes := int(-c) / 60_000
	sign := '+'
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	return fmt.Sprintf(", zone %c%02d:%02d", sign, minutes/60, minutes%60)
}

// text says how raw is written in a text.
func text(raw []byte, base value) string {
	var s string
	if json.Unmarshal([]byte(base.json), &s) != nil || s == "" {
		return ""
	}
	digits := hex.EncodeToString(raw)
	trimmed := string(bytes.Trim(raw, " \x00\t"))
	switch {
	case utf16Text(raw, false) == s:
		return "text, UTF-16 big endian"
	case utf16Text(raw, true) == s:
		return "text, UTF-16 little endian"
	case s == string(raw):
		return "text"
	case s == trimmed:
		return "text without its filling"
	case strings.EqualFold(s, digits) && isDigits(digits):
		return "BCD digits"
	case strings.EqualFold(s, digits):
		return "bytes in hex"
	case isDigits(s) && s == strings.TrimLeft(digits, "0"), isDigits(s) && s == strings.TrimRight(digits, "f"):
		return "BCD digits without filling"
	case len(raw) <= 8 && s == fmt.Sprint(number(raw)):
		return fmt.Sprintf("u%d big endian, in decimal", 8*len(raw))
	case len(raw) <= 8 && s == fmt.Sprint(number(reversed(raw))):
		return fmt.Sprintf("u%d little endian, in decimal", 8*len(raw))
	case strings.EqualFold(strings.NewReplacer(":", "", "-", "").Replace(s), digits):
		return "bytes in hex"
	case strings.EqualFold(s, hex.EncodeToString(reversed(raw))):
		return "bytes in hex, reversed"
	case len(trimmed) > 1 && strings.Contains(s, trimmed) && isText([]byte(trimmed)):
		return "text, within the value"
	case len(s) > 2 && strings.Contains(digits, strings.ToLower(s)):
		return "digits within"
	case len(digits) > 2 && strings.Contains(strings.ToLower(s), digits):
		return "bytes in hex, within the value"
	}
	return ""
}

// utf16Text is raw read as UTF-16, up to its filling.
func utf16Text(raw []byte, little bool) string {
	if len(raw)%2 != 0 {
		return ""
	}
	units := make([]uint16, 0, len(raw)/2)
	for i := 0; i < len(raw); i += 2 {
		u := uint16(raw[i])<<8 | uint16(raw[i+1])
		if little {
			u = u<<8 | u>>8
		}
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

func number(b []byte) uint64 { v, _ := wide(b); return v }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// flag says which bit a truth value is.
func flag(raw, mask []byte, base value, near []sample) string {
	if len(raw) != 1 || bits.OnesCount8(mask[0]) != 1 || isText(raw) && len(near) > 2 {
		return ""
	}
	bit := bits.TrailingZeros8(mask[0])
	set, clear := base.json, ""
	for _, s := range near {
		clear = s.value.json
	}
	if raw[0]>>bit&1 == 0 {
		set, clear = clear, set
	}
	return fmt.Sprintf("bit %d: set %s, clear %s", bit, orNone(set), orNone(clear))
}

func orNone(json string) string {
	if json == "" {
		return "none"
	}
	return json
}

// code says what some values of the bytes stand for.
func code(raw []byte, base value, near []sample) string {
	if len(near) == 0 || len(raw) > 24 || strings.HasPrefix(base.json, "[") || strings.HasPrefix(base.json, "{") {
		return "a part of the value"
	}
	write := func(b []byte) string {
		if isText(b) && isText(raw) {
			return string(b)
		}
		return hex.EncodeToString(b)
	}
	parts := []string{write(raw) + " is " + orNone(base.json)}
	b := slices.Clone(raw)
	said := []string{base.json}
	for _, s := range near {
		if s.value.json != "" && !slices.Contains(said, s.value.json) && len(parts) < 4 {
			was := b[s.at]
			b[s.at] = s.byte
			parts = append(parts, write(b)+" "+s.value.json)
			said = append(said, s.value.json)
			b[s.at] = was
		}
	}
	return "code: " + strings.Join(parts, ", ")
}
