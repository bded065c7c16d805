package suntech

import (
	"github.com/trackgate/trackgate/protocols"
)

// leastFields is how many fields a legacy report must have to be one.
const leastFields = 11

// legacy reads the reports of the SA200 and ST200 to ST600 families:
//
//	id | model | version | date | time | cell | lat | lng | km/h | course | satellites | fix | m | V | I/O | by type | tail
//
// Not every family sends the model, and the cell is nothing, a location code, or cell id, MCC, MNC, LAC and level. The fields are
// found by their form: eight digits and a time, then the first decimal point.
func (c *call) legacy(model string) error {
	if c.f.Type == "ALV" {
		return c.alive(model)
	}
	date, lat := c.dateField(), latitudeField(&c.fields)
	if date == 0 {
		if names[c.f.Type] == "" || c.f.Type == "SNB" || c.f.Type == "DEX" || c.f.Type == "NAK" {
			return c.other(model, 2)
		}
		return errPlace
	}
	if lat == 0 || c.n <= lat+1 || c.n < leastFields {
		return errPlace
	}
	if err := c.learn(c.get(1), model); err != nil {
		return err
	}
	e := c.f.Add(protocols.Status)
	c.versions(e, 2, date)
	e.Time = dateTime(c.get(date), c.get(date+1))
	c.legacyCell(e, date+2, lat)
	c.place(e, lat, lat+5)
	c.satellites(e, c.get(lat+4))
	dec(e, "odometer_m", c.get(lat+6))
	dec(e, "power_v", c.get(lat+7))
	c.inputs(e, lat+8)
	c.byType(e, lat+9)
	c.finish(e)
	return nil
}

// legacyCell reads what stands between time and latitude.
func (c *call) legacyCell(e *protocols.Event, from, lat int) {
	switch {
	case lat-from == 1 && len(c.get(from)) > 0:
		e.Text("cell", c.str(&c.fields, from))
	case lat-from == 5 && c.cell(e, c.get(from+1), c.get(from+2), c.get(from+3), c.get(from)):
		dec(e, "rssi", c.get(from+4))
	default:
		for i := from; i < lat; i++ {
			c.keep(c.get(i))
		}
	}
}

// inputs reads the I/O field, a character each: ignition, inputs 1 to 3, then outputs. A shorter one is no such field.
func (c *call) inputs(e *protocols.Event, i int) {
	b := c.get(i)
	if len(b) < 6 || !allDigits(b) {
		if len(b) > 0 {
			e.Text("io", c.str(&c.fields, i))
		}
		return
	}
	for k, name := range [...]string{"ignition", "in1", "in2", "in3", "out1", "out2", "out3", "out4"} {
		if k < len(b) {
			e.Bool(name, b[k] == '1')
		}
	}
	if len(b) > 8 {
		e.Text("io", c.str(&c.fields, i))
	}
}

// byType reads what the message's type adds, and the tail.
func (c *call) byType(e *protocols.Event, i int) {
	id, ok := integer(c.get(i))
	switch {
	case i >= c.n || !ok:
		c.keepFrom(&c.fields, i)
		return
	case c.f.Type == "STT":
		e.Int("mode", id)
		if number, ok := integer(c.get(i + 1)); ok {
			e.Int("record", number)
			c.changesField(&c.fields, i+1)
		} else {
			c.keep(c.get(i + 1))
		}
		if string(c.line[:5]) == "ST500" {
			c.keepFrom(&c.fields, i+2) // fields of its own
			return
		}
		c.tail(e, &c.fields, i+2)
		return
	case c.f.Type == "EMG":
		emergency(e, id)
	case c.f.Type == "ALT":
		alert(e, id)
	case c.f.Type == "UEX":
		if c.data == nil {
			c.keepFrom(&c.fields, i)
			return
		}
		c.serial(e)
		c.tail(e, &c.after, 1) // behind the data's check
		return
	default:
		e.Int("event", id)
	}
	c.tail(e, &c.fields, i+1)
}
