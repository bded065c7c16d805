package fanout

import "errors"

// box is a part of the map in degrees. West may be greater than east: then it crosses the 180th meridian.
type box struct{ west, south, east, north float64 }

func newBox(v []float64) (*box, error) {
	if len(v) != 4 {
		return nil, errors.New("bbox: four numbers are needed: west, south, east, north")
	}
	b := box{v[0], v[1], v[2], v[3]}
	if !(b.south >= -90 && b.south <= b.north && b.north <= 90) || !(b.west >= -180 && b.west <= 180 && b.east >= -180 && b.east <= 180) {
		return nil, errors.New("bbox: not within -180, -90, 180, 90")
	}
	return &b, nil
}

func (b *box) contains(m *Message) bool {
	if m == nil || !m.HasFix || m.Lat < b.south || m.Lat > b.north {
		return false
	}
	if b.west <= b.east {
		return m.Lng >= b.west && m.Lng <= b.east
	}
	return m.Lng >= b.west || m.Lng <= b.east
}
