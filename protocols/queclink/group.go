package queclink

import "github.com/trackgate/trackgate/protocols"

// A location group, by the places of its fields:
//
//	accuracy | speed | azimuth | altitude | longitude | latitude | time | MCC | MNC | LAC | cell id | mask or odometer
//
// WiFi-capable devices insert access points behind the time; GL500s have signal and bit error rate instead of the mask.

// anchor finds the next group at or behind field i by the only two neighbours that have exactly six decimals, longitude and latitude. It
// returns the place of the accuracy.
func (c *call) anchor(i int) (start int, ok bool) {
	for i = max(i, 2); i+5 < c.end; i++ {
		// Longitude and latitude are long; most fields are not, and are passed over without a look.
		if !isCoordinate(c.m.at(i+4)) || !isCoordinate(c.m.at(i+5)) {
			continue
		}
		if t := c.m.at(i + 6); len(t) == 0 || isTime(t) {
			return i, true
		}
	}
	return 0, false
}

// isBlank says whether field i begins a group without a fix: accuracy, and six empty fields up to the time.
func (c *call) isBlank(i int) bool {
	a := c.m.at(i)
	if i+6 >= c.end || len(a) > 4 {
		return false
	}
	if _, _, ok := readDecimal(a); !ok && len(a) > 0 {
		return false
	}
	for k := i + 1; k <= i+6; k++ {
		if len(c.m.at(k)) > 0 {
			return false
		}
	}
	return true
}

// isCell says whether fields i to i+3 are a cell: MCC and MNC decimal, LAC and id hex.
func (c *call) isCell(i int) bool {
	mcc, mnc := c.m.at(i), c.m.at(i+1)
	return i+3 < c.end && len(mcc) >= 3 && len(mcc) <= 4 && isDigits(mcc) && len(mnc) >= 1 && len(mnc) <= 4 && isDigits(mnc) &&
		isHex(c.m.at(i+2)) && isHex(c.m.at(i+3))
}

// firstGroup finds the first group; want is where the report has it by the document. False: there is none.
func (c *call) firstGroup(want int) (start int, ok bool) {
	start, ok = c.anchor(c.body)
	if ok && (start <= want || want < c.body) {
		return start, true
	}
	if want >= c.body && c.isBlank(want) {
		return want, true
	}
	if ok {
		return start, true
	}
	for i := c.body; i < c.end; i++ {
		if c.isBlank(i) && c.isCell(i+7) {
			return i, true
		}
	}
	return 0, false
}

// group reads the group at g into e and returns the place behind it.
func (c *call) group(e *protocols.Event, g int) int {
	c.fix(e, g)
	at := c.accessPoints(e, g+7)
	return c.mask(e, c.cell(e, at))
}

// fix reads accuracy to time, seven fields.
func (c *call) fix(e *protocols.Event, g int) {
	order := [...]int{0, 1, 2, 3}
	old := c.isOld(g)
	if old { // speed, azimuth, altitude, accuracy
		order = [...]int{3, 0, 1, 2}
	}
	accuracy, hasAccuracy := readFloat(c.m.at(g + order[0]))
	valid := hasAccuracy && accuracy > 0
	if old {
		valid = string(c.m.at(g-1)) == "0"
	}
	if hasAccuracy && accuracy >= 0 {
		e.SetHDOP(accuracy)
		c.m.take(g + order[0])
	}
	if v, ok := readFloat(c.m.at(g + order[1])); ok && v >= 0 {
		e.SetSpeed(v)
		c.m.take(g + order[1])
	}
	if v, ok := readFloat(c.m.at(g + order[2])); ok && e.SetCourse(v) {
		c.m.take(g + order[2])
	}
	if v, ok := readFloat(c.m.at(g + order[3])); ok {
		e.SetAlt(v)
		c.m.take(g + order[3])
	}
	lng, ok1 := readFloat(c.m.at(g + 4))
	lat, ok2 := readFloat(c.m.at(g + 5))
	if ok1 && ok2 && (e.SetFix(lat, lng, valid) || lat == 0 && lng == 0) {
		c.m.take(g + 4)
		c.m.take(g + 5)
	}
	if t, ok := readTime(c.m.at(g+6), protocols.Zone{}); ok {
		e.Time = t
		c.m.take(g + 6)
	}
}

// isOld says whether the group at g has the order of the older line: the altitude, which has a decimal, one place earlier.
func (c *call) isOld(g int) bool {
	if c.model.name != "" || len(c.version) != 10 || c.body != 2 {
		return false
	}
	_, scale, ok := readDecimal(c.m.at(g + 2))
	_, none, _ := readDecimal(c.m.at(g + 3))
	return ok && scale > 0 && none == 0
}

// accessPoints reads what a WiFi-capable device inserts at i: a count, and five fields for each access point.
func (c *call) accessPoints(e *protocols.Event, i int) int {
	n, ok := readInt(c.m.at(i))
	if first := c.m.at(i + 1); !ok || n < 1 || n > 99 || len(first) != 12 || !isHex(first) {
		return i
	}
	c.m.take(i)
	var l list
	at := i + 1
	for ; n > 0 && at+4 < c.end; n-- {
		if mac := c.m.at(at); len(mac) != 12 || !isHex(mac) {
			break
		}
		l.accessPoint(c.m.take(at), c.m.take(at+1))
		at += 5
	}
	l.add(e, "wifi")
	return at
}

// cell reads the serving cell at i, which may be empty.
func (c *call) cell(e *protocols.Event, i int) int {
	if c.isCell(i) {
		mcc, _ := readInt(c.m.take(i))
		mnc, _ := readInt(c.m.take(i + 1))
		lac, ok1 := readHex(c.m.take(i + 2))
		id, ok2 := readHex(c.m.take(i + 3))
		if ok1 && ok2 && lac <= 0xffffffff && (mcc != 0 || lac != 0 || id != 0) {
			e.Cell(uint16(mcc), uint16(mnc), uint32(lac), id)
		}
		return i + 4
	}
	if c.m.empty(i, min(i+4, c.end)) {
		return min(i+4, c.end)
	}
	return min(i, c.end)
}

// mask reads what stands behind the cell: a mask of fields that follow, the odometer of GL200 and GL300, or signal and bit errors.
func (c *call) mask(e *protocols.Event, i int) int {
	v := c.m.at(i)
	if i >= c.end {
		return c.end
	}
	if c.model.family == sleeper || c.model.family == wearable && string(v) != "00" {
		rssi, ok1 := readInt(v)
		ber, ok2 := readInt(c.m.at(i + 1))
		if ok1 && ok2 && i+1 < c.end && rssi >= 0 && rssi <= 99 && ber >= 0 && ber <= 99 {
			c.m.take(i)
			c.m.take(i + 1)
			if rssi < 99 {
				e.Int("rssi", rssi)
			}
			e.Int("bit_errors", ber)
			return i + 2
		}
	}
	switch {
	case len(v) == 0:
		return i + 1
	case len(v) == 2 && isHex(v):
		bits, _ := readHex(c.m.take(i))
		return c.appended(e, i+1, bits)
	case c.model.family == asset:
		if c.kilometres(e, i) {
			return i + 1
		}
		if isDigits(v) && len(v) > 3 {
			return i + 1 // of unknown meaning
		}
	case c.model.family == wearable:
		return i + 1
	}
	if len(v) == 12 && isHex(v) { // an access point alone
		var l list
		l.accessPoint(c.m.take(i), c.m.take(i+1))
		l.add(e, "wifi")
		return i + 2
	}
	return i
}

// appended reads the fields that the mask announces: bit 0 satellites, bit 1 what triggered the report, one field for each of the others.
func (c *call) appended(e *protocols.Event, i int, bits uint64) int {
	for bit := 0; bits != 0 && i < c.end; bit, bits = bit+1, bits>>1 {
		if bits&1 == 0 {
			continue
		}
		if n, ok := readInt(c.m.at(i)); ok && n >= 0 {
			switch {
			case bit == 0 && n <= 255:
				e.SetSats(uint8(n))
				c.m.take(i)
			case bit == 1:
				e.Int("trigger", n)
				c.m.take(i)
			}
		}
		i++
	}
	return i
}
