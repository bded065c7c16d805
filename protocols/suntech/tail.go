package suntech

import (
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// optionTail names the fields of the tail, for devices whose configuration the rules do not tell.
const optionTail = "tail"

// Names of the things of which there may be several.
var (
	adcNames    = [...]string{"adc1_v", "adc2_v", "adc3_v"}
	tempNames   = [...]string{"temp1_c", "temp2_c", "temp3_c"}
	sensorNames = [...]string{"temp1_id", "temp2_id", "temp3_id"}
)

// tail reads what a device's configuration adds to a legacy report. Nothing in the bytes says what was configured, so fields are known
// by their form:
//
//	hour meter, backup voltage, 0 or 1    the three in a row, or each alone at the start
//	decimals                              analog inputs, an empty field is one that is not connected
//	a whole number before a driver        engine speed
//	14 hex digits, 0 or 1                 driver's key and whether it is registered
//	16 hex digits : decimal               temperature sensors, a colon alone is one that is not connected
//	six numbers at the end                cell id, MCC, MNC, level in dBm, LAC, timing advance
func (c *call) tail(e *protocols.Event, t *fields, i int) {
	if i >= t.n {
		return
	}
	if c.s.Options.Extra != "" {
		if layout, ok := c.s.Options.Get(optionTail); ok {
			c.tailBy(e, t, i, layout)
			return
		}
	}
	end := t.n
	if end-i >= 6 && c.tailCell(e, t, end-6) {
		end -= 6
	}
	i = c.meters(e, t, i, end)
	adc, temp := 0, 0
	driver := false
	for ; i < end; i++ {
		b := t.get(i)
		switch {
		case isKey(b):
			driver = true
			c.driver(e, t, i)
			if flag := t.get(i + 1); i+1 < end && isFlag(flag) {
				c.registered(e, b, flag)
				i++
			}
		case strings.IndexByte(string(b), ':') >= 0 && temp < len(tempNames):
			c.sensor(e, t, i, temp)
			temp++
		case len(b) == 0:
			adc++
		case hasPoint(b) && !driver && adc < len(adcNames) && dec(e, adcNames[adc], b):
			adc++
		case i+1 < end && isKey(t.get(i+1)) && allDigits(b) && dec(e, "rpm", b):
		default:
			c.keep(b)
		}
	}
}

// meters reads hour meter, backup voltage and message type and returns where it stopped.
func (c *call) meters(e *protocols.Event, t *fields, i, end int) int {
	for k := i; k+2 < end; k++ {
		if allDigits(t.get(k)) && isVolts(t.get(k+1)) && isFlag(t.get(k+2)) {
			for ; i < k; i++ {
				c.keep(t.get(i))
			}
			c.hours(e, t.get(k))
			dec(e, "battery_v", t.get(k+1))
			c.tailType(e, t, k+2)
			return k + 3
		}
	}
	if b := t.get(i); i < end && allDigits(b) && len(b) >= 6 && len(b) <= 10 {
		c.hours(e, b)
		i++
	}
	if b := t.get(i); i < end && isVolts(b) && b[len(b)-2] == '.' {
		dec(e, "battery_v", b)
		i++
	}
	if i < end && isFlag(t.get(i)) {
		c.tailType(e, t, i)
		i++
	}
	return i
}

// tailType reads the message type, which is no part of the record's identity.
func (c *call) tailType(e *protocols.Event, t *fields, i int) {
	c.stored(e, t.get(i)[0])
	c.changesField(t, i)
}

func isFlag(b []byte) bool { return len(b) == 1 && (b[0] == '0' || b[0] == '1') }

// isVolts tells whether a field is the voltage of a backup battery, like 4.1 or 4.03.
func isVolts(b []byte) bool {
	v, scale, ok := decimal(b)
	return ok && (scale == 1 || scale == 2) && v >= 0 && len(b) <= 5
}

// isKey tells whether a field is a driver's key.
func isKey(b []byte) bool { return len(b) == 14 && allHex(b) }

func isZero(b []byte) bool {
	for _, x := range b {
		if x != '0' {
			return false
		}
	}
	return true
}

// driver reads a driver's key; zeros are none.
func (c *call) driver(e *protocols.Event, t *fields, i int) {
	if !isZero(t.get(i)) {
		e.Text("driver_id", c.str(t, i))
	}
}

func (c *call) registered(e *protocols.Event, key, flag []byte) {
	if !isZero(key) {
		e.Bool("driver_registered", flag[0] == '1')
	}
}

// sensor reads a temperature sensor, id:value.
func (c *call) sensor(e *protocols.Event, t *fields, i, slot int) {
	id, value, _ := strings.Cut(c.str(t, i), ":")
	if dec(e, tempNames[slot], []byte(value)) {
		e.Text(sensorNames[slot], id)
	} else if id != "" || value != "" {
		c.keep(t.get(i))
	}
}

// tailCell reads the cell at the end; the network code and the level in dBm tell it from other numbers.
func (c *call) tailCell(e *protocols.Event, t *fields, i int) bool {
	cid, ok1 := integer(t.get(i))
	mcc, ok2 := integer(t.get(i + 1))
	mnc, ok3 := integer(t.get(i + 2))
	level, ok4 := integer(t.get(i + 3))
	lac, ok5 := integer(t.get(i + 4))
	ta, ok6 := integer(t.get(i + 5))
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || mcc < 200 || mcc > 799 || mnc < 0 || mnc > 999 || level >= 0 || level < -150 ||
		cid < 0 || lac < 0 || lac > 1<<32-1 {
		return false
	}
	e.Cell(uint16(mcc), uint16(mnc), uint32(lac), uint64(cid))
	e.Int("rssi_dbm", level)
	e.Int("timing_advance", ta)
	return true
}

// tailBy reads the tail by the operator's list of names.
func (c *call) tailBy(e *protocols.Event, t *fields, i int, layout string) {
	temp := 0
	for name := ""; layout != "" && i < t.n; i++ {
		name, layout, _ = strings.Cut(layout, ",")
		b := t.get(i)
		if len(b) == 0 {
			continue
		}
		read := true
		switch name {
		case "hours":
			c.hours(e, b)
		case "battery":
			read = dec(e, "battery_v", b)
		case "type":
			if read = isFlag(b); read {
				c.tailType(e, t, i)
			}
		case "adc1", "adc2", "adc3":
			read = dec(e, adcNames[name[3]-'1'], b)
		case "rpm":
			read = dec(e, "rpm", b)
		case "driver":
			c.driver(e, t, i)
		case "registered":
			if read = isFlag(b); read {
				c.registered(e, t.get(i-1), b)
			}
		case "temp":
			if read = temp < len(tempNames); read {
				c.sensor(e, t, i, temp)
				temp++
			}
		case "cell":
			if read = c.tailCell(e, t, i); read {
				i += 5
			}
		default:
			read = false
		}
		if !read {
			c.keep(b)
		}
	}
	c.keepFrom(t, i)
}
