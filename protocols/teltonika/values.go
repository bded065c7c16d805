package teltonika

import "github.com/trackgate/trackgate/protocols"

// value adds an element of 1, 2, 4 or 8 bytes.
func (r *recordReader) value(id uint16, raw uint64, width uint8, i int) {
	el := r.family.element(id)
	if el.width != width && el.width != 0 {
		r.unnamed(id, raw)
		return
	}
	e := r.event
	if r.marks&el.mark != 0 && r.has(el.name) {
		if el.second == nil || r.has(el.second.name) {
			r.unnamed(id, raw)
			return
		}
		el = el.second
	}
	r.marks |= el.mark
	switch el.rule {
	case numberRule:
		if raw>>32 != 0 && (el.factor != 1 || raw>>53 != 0) {
			r.unnamed(id, raw)
			return
		}
		e.Dec(el.name, int64(raw)*int64(el.factor), el.scale)
	case flagRule:
		if raw > 1 {
			r.unnamed(id, raw)
			return
		}
		e.Bool(el.name, raw == 1)
	case signedRule:
		e.Dec(el.name, signed(raw, width)*int64(el.factor), el.scale)
	case unknownRule:
		r.unnamed(id, raw)
	default:
		if el.rule >= firstPart {
			r.parts.set(el.rule, raw)
		} else {
			r.special(el, raw, width)
		}
	}
	if el.alarm != noAlarm {
		r.alarm(el, id, raw, i)
	}
}

// signed is the two's complement of the width in bytes.
func signed(raw uint64, width uint8) int64 {
	shift := 64 - 8*uint(width)
	return int64(raw<<shift) >> shift
}

// unnamed keeps an element that has no name, or not the width that its name wants: unsigned, and in decimal digits where
// a number of JSON would lose some.
func (r *recordReader) unnamed(id uint16, raw uint64) {
	name, mark := protocols.IOKey(id), uint64(1)<<(id%64)
	if r.marks&mark != 0 && r.has(name) {
		return // an element that comes again and again
	}
	r.marks |= mark
	if raw < 1<<53 {
		r.event.Int(name, int64(raw))
		return
	}
	r.event.Text(name, decimalText(raw))
}

// has says that the record has an attribute of that name. No name comes twice: the second value is kept as io_<id>.
func (r *recordReader) has(name string) bool {
	_, ok := r.event.Attrs.Get(name)
	return ok
}
