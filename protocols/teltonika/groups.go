package teltonika

import "encoding/binary"

// The groups of codec 8, (id 1, value 1, 2, 4 or 8)..., have a loop each: they are most of what a gateway reads. Elements
// that are a number or a flag and nothing more are added here, the others by value.

func (r *recordReader) group1(b []byte, i int) {
	e, f := r.event, r.family
	for ; len(b) >= 2; b = b[2:] {
		el := &f.rows[f.index[b[0]]]
		raw := b[1]
		switch {
		case el.plain != 1 || r.marks&el.mark != 0:
			r.value(uint16(b[0]), uint64(raw), 1, i)
		case el.rule == numberRule:
			r.marks |= el.mark
			e.Dec(el.name, int64(raw)*int64(el.factor), el.scale)
		case raw <= 1:
			r.marks |= el.mark
			e.Bool(el.name, raw == 1)
		default:
			r.unnamed(uint16(b[0]), uint64(raw), 1)
		}
	}
}

func (r *recordReader) group2(b []byte, i int) {
	e, f := r.event, r.family
	for ; len(b) >= 3; b = b[3:] {
		el := &f.rows[f.index[b[0]]]
		raw := binary.BigEndian.Uint16(b[1:])
		if el.plain == 2 && el.rule == numberRule && r.marks&el.mark == 0 {
			r.marks |= el.mark
			e.Dec(el.name, int64(raw)*int64(el.factor), el.scale)
		} else {
			r.value(uint16(b[0]), uint64(raw), 2, i)
		}
	}
}

func (r *recordReader) group4(b []byte, i int) {
	e, f := r.event, r.family
	for ; len(b) >= 5; b = b[5:] {
		el := &f.rows[f.index[b[0]]]
		raw := binary.BigEndian.Uint32(b[1:])
		if el.plain == 4 && el.rule == numberRule && r.marks&el.mark == 0 {
			r.marks |= el.mark
			e.Dec(el.name, int64(raw)*int64(el.factor), el.scale)
		} else {
			r.value(uint16(b[0]), uint64(raw), 4, i)
		}
	}
}

func (r *recordReader) group8(b []byte, i int) {
	for ; len(b) >= 9; b = b[9:] {
		r.value(uint16(b[0]), binary.BigEndian.Uint64(b[1:]), 8, i)
	}
}

// wideGroup reads a group whose ids have two bytes.
func (r *recordReader) wideGroup(b []byte, width, i int) {
	for step := 2 + width; len(b) >= step; b = b[step:] {
		id, v := binary.BigEndian.Uint16(b), b[2:step]
		var raw uint64
		switch width {
		case 1:
			raw = uint64(v[0])
		case 2:
			raw = uint64(binary.BigEndian.Uint16(v))
		case 4:
			raw = uint64(binary.BigEndian.Uint32(v))
		default:
			raw = binary.BigEndian.Uint64(v)
		}
		r.value(id, raw, uint8(width), i)
	}
}
