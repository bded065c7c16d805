package queclink

// maxFields bounds the fields of a text message.
const maxFields = 1000

// message is a text message cut at its commas, without copying it.
type message struct {
	b    []byte
	n    int
	off  [maxFields + 1]uint16         // where each field begins; behind the last, where one more would
	used [(maxFields + 63) / 64]uint64 // fields that have been read
}

// split cuts b, which is at most maxFrame bytes long. False: too many fields.
func (m *message) split(b []byte) bool {
	m.b = b
	m.n = 1
	for i, x := range b { // fields are short: this beats a search for each comma
		if x != ',' {
			continue
		}
		if m.n == maxFields {
			return false
		}
		m.off[m.n] = uint16(i + 1)
		m.n++
	}
	m.off[m.n] = uint16(len(b) + 1)
	return true
}

// start is where field i begins, or the end of the message behind its last field.
func (m *message) start(i int) int { return min(int(m.off[min(max(i, 0), m.n)]), len(m.b)) }

// at is field i; nil when there is none.
func (m *message) at(i int) []byte {
	if i < 0 || i >= m.n {
		return nil
	}
	return m.b[m.off[i] : m.off[i+1]-1]
}

// take is at, and notes that the field has been read.
func (m *message) take(i int) []byte {
	if i < 0 || i >= m.n {
		return nil
	}
	m.used[i/64] |= 1 << (i % 64)
	return m.b[m.off[i] : m.off[i+1]-1]
}

func (m *message) isUsed(i int) bool { return m.used[i/64]>>(i%64)&1 != 0 }

// empty says that fields [from, to) exist and hold nothing.
func (m *message) empty(from, to int) bool {
	return from >= 0 && to <= m.n && m.start(to)-m.start(from) <= to-from && m.off[to]-m.off[from] == uint16(to-from)
}
