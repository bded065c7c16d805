package teltonika

import "encoding/binary"

// groups reads the IO element from its total on. It returns the end of the record, 0 when it lies beyond b, and whether the
// total is what the groups hold: they count.
func (r *recordReader) groups(b []byte, at, i int) (end int, ok bool) {
	wideID := r.codec != codec8
	idSize := 1
	if wideID {
		idSize = 2
	}
	total, at := r.count(b, at)
	sum := 0
	for width := 1; width <= 8; width *= 2 {
		n, start := r.count(b, at)
		size := n * (idSize + width)
		if start == 0 || size > len(b)-start {
			return 0, false
		}
		sum += n
		at = start + size
		group := b[start:at]
		switch {
		case wideID:
			r.wideGroup(group, width, i)
		case width == 1:
			r.group1(group, i)
		case width == 2:
			r.group2(group, i)
		case width == 4:
			r.group4(group, i)
		default:
			r.group8(group, i)
		}
	}
	n := 0
	switch {
	case r.codec == codec8E:
		n, at = r.longGroup(b, at, i)
	case r.n16:
		n, at = r.group16(b, at, i)
	}
	return at, total == sum+n
}

// count reads a number of elements at a place of b, and returns the place behind it; 0 when b ends before.
func (r *recordReader) count(b []byte, at int) (n, next int) {
	switch {
	case r.codec != codec8E && at < len(b):
		return int(b[at]), at + 1
	case r.codec == codec8E && at+1 < len(b):
		return int(binary.BigEndian.Uint16(b[at:])), at + 2
	}
	return 0, 0
}

// longGroup reads the elements of variable length: id 2, length 2, value. It returns their number and end; 0 when it lies
// beyond b.
func (r *recordReader) longGroup(b []byte, at, i int) (n, end int) {
	n, at = r.count(b, at)
	if at == 0 || n*4 > len(b)-at {
		return 0, 0
	}
	for range n {
		if len(b)-at < 4 {
			return 0, 0
		}
		id, length := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		at += 4
		if length > len(b)-at {
			return 0, 0
		}
		r.long(id, b[at:at+length], i)
		at += length
	}
	return n, at
}

// group16 reads the elements of 16 bytes: id 1, value 16.
func (r *recordReader) group16(b []byte, at, i int) (n, end int) {
	n, at = r.count(b, at)
	if at == 0 || n*17 > len(b)-at {
		return 0, 0
	}
	for range n {
		r.long(uint16(b[at]), b[at+1:at+17], i)
		at += 17
	}
	return n, at
}

// The groups of codec 8, (id 1, value 1, 2, 4 or 8)..., have a loop each: they are most of what a gateway reads. Elements
// that are a number or a flag and nothing more are added here, the others by value.

func (r *recordReader) group1(b []byte, i int) {
	e, f, marks := r.event, r.family, r.marks
	for ; len(b) >= 2; b = b[2:] {
		el := &f.rows[f.index[b[0]]]
		raw := b[1]
		if el.plain != 1 || marks&el.mark != 0 || el.rule == flagRule && raw > 1 {
			r.marks = marks
			r.value(uint16(b[0]), uint64(raw), 1, i)
			marks = r.marks
			continue
		}
		marks |= el.mark
		if el.rule == flagRule {
			e.Bool(el.name, raw == 1)
		} else {
			e.Dec(el.name, int64(raw)*int64(el.factor), el.scale)
		}
	}
	r.marks = marks
}

func (r *recordReader) group2(b []byte, i int) {
	e, f, marks := r.event, r.family, r.marks
	for ; len(b) >= 3; b = b[3:] {
		el := &f.rows[f.index[b[0]]]
		raw := binary.BigEndian.Uint16(b[1:])
		if el.plain != 2 || marks&el.mark != 0 {
			r.marks = marks
			r.value(uint16(b[0]), uint64(raw), 2, i)
			marks = r.marks
			continue
		}
		marks |= el.mark
		e.Dec(el.name, int64(raw)*int64(el.factor), el.scale)
	}
	r.marks = marks
}

func (r *recordReader) group4(b []byte, i int) {
	e, f, marks := r.event, r.family, r.marks
	for ; len(b) >= 5; b = b[5:] {
		el := &f.rows[f.index[b[0]]]
		raw := binary.BigEndian.Uint32(b[1:])
		if el.plain != 4 || marks&el.mark != 0 {
			r.marks = marks
			r.value(uint16(b[0]), uint64(raw), 4, i)
			marks = r.marks
			continue
		}
		marks |= el.mark
		e.Dec(el.name, int64(raw)*int64(el.factor), el.scale)
	}
	r.marks = marks
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
