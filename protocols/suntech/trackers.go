package suntech

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// neighbours is how many cells an ST4xx sends besides the serving one.
const neighbours = 6

// st4 reads the reports of the battery trackers ST410, ST420 and ST440:
//
//	id | version | model | (41: one more) | serving cell | neighbours | battery V | type | number | mode | (three characters) |
//	(41: two more, motion) | date | time | lat | lng | km/h | course | satellites | fix
func (c *call) st4(model string) error {
	if c.f.Type == "ALV" {
		return c.alive(model)
	}
	is41 := string(c.get(3)) == "41"
	i := 4
	if is41 {
		i++
	}
	if c.n < i+6*(1+neighbours)+6 {
		if names[c.f.Type] == "" || c.n < 4 {
			return c.other(model, 2)
		}
		return errShort
	}
	if err := c.learn(c.get(1), model); err != nil {
		return err
	}
	e := c.f.Add(protocols.Status)
	e.Text("software", c.str(&c.fields, 2))
	e.Text("model", c.str(&c.fields, 3))
	if is41 {
		c.keep(c.get(4))
	}
	c.st4Cells(e, i)
	i += 6 * (1 + neighbours)
	dec(e, "battery_v", c.get(i))
	if v := c.get(i + 1); len(v) == 1 {
		c.stored(e, v[0])
		c.changesField(&c.fields, i+1)
	}
	dec(e, "record", c.get(i+2))
	c.changesField(&c.fields, i+2)
	c.st4Mode(e, i+3)
	i += 4
	if len(c.get(i)) == 3 {
		c.keep(c.get(i))
		i++
	}
	if is41 {
		c.keep(c.get(i))
		c.keep(c.get(i + 1))
		if v, ok := integer(c.get(i + 2)); ok {
			e.Bool("motion", v == 2)
		}
		i += 3
	}
	e.Time = dateTime(c.get(i), c.get(i+1))
	c.place(e, i+2, i+7)
	c.satellites(e, c.get(i+6))
	c.keepFrom(&c.fields, i+8)
	c.finish(e)
	return nil
}

// st4Mode reads the field that other models use for the mode or for what happened.
func (c *call) st4Mode(e *protocols.Event, i int) {
	id, ok := integer(c.get(i))
	switch {
	case !ok:
		c.keep(c.get(i))
	case c.f.Type == "EMG":
		emergency(e, id)
	case c.f.Type == "ALT":
		alert(e, id)
	case c.f.Type == "EVT":
		e.Int("event", id)
	default:
		e.Int("mode", id)
	}
}

// st4Cells reads the serving cell (cid, MCC, MNC, dBm, LAC, timing advance) and its neighbours (cid, MCC, MNC, LAC, dBm, timing
// advance), all decimal. A level of 0 is none.
func (c *call) st4Cells(e *protocols.Event, i int) {
	b := make([]byte, 1, 512)
	b[0] = '['
	for k := range 1 + neighbours {
		at := i + 6*k
		lac, level := at+3, at+4
		if k == 0 {
			lac, level = level, lac
		}
		cid, ok1 := integer(c.get(at))
		mcc, ok2 := integer(c.get(at + 1))
		mnc, ok3 := integer(c.get(at + 2))
		l, ok4 := integer(c.get(lac))
		dbm, _ := integer(c.get(level))
		if !ok1 || !ok2 || !ok3 || !ok4 || cid < 0 || mcc < 1 || mnc < 0 || l < 0 {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"mcc":`...), mcc, 10)
		b = strconv.AppendInt(append(b, `,"mnc":`...), mnc, 10)
		b = strconv.AppendInt(append(b, `,"lac":`...), l, 10)
		b = strconv.AppendInt(append(b, `,"cid":`...), cid, 10)
		if dbm < 0 {
			b = strconv.AppendInt(append(b, `,"rssi_dbm":`...), dbm, 10)
		}
		b = append(b, '}')
		if k == 0 {
			dec(e, "timing_advance", c.get(at+5))
		}
	}
	if len(b) > 1 {
		e.JSON("cells", string(append(b, ']')))
	}
}

// st9 reads the reports of the ST910, in which words name the message:
//
//	Location | id | version | date | time | lat | lng | km/h | course | fix | V | ...
//	Location | id | version | date | time | cell | lat | lng | km/h | course | fix | m | ...
//
// The second layout is known by the field behind the time, which has no decimal point; its Alert has no version.
func (c *call) st9() error {
	switch string(c.get(1)) {
	case "Location", "Emergency", "Alert":
	default:
		c.f.Type = "other"
		id := 2
		if allDigits(c.get(1)) {
			id = 1
		}
		if err := c.learn(c.get(id), string(c.get(0))); err != nil {
			return err
		}
		e := c.f.Add(protocols.Status)
		c.keepFrom(&c.fields, 0)
		c.finish(e)
		return nil
	}
	date, lat := 0, 0
	for i := 3; i < min(c.n-1, 5); i++ {
		if len(c.get(i)) == 8 && isClock(c.get(i+1)) {
			date = i
			break
		}
	}
	for i := date + 2; date > 0 && i < min(c.n, date+4); i++ {
		if hasPoint(c.get(i)) {
			lat = i
			break
		}
	}
	if lat == 0 || c.n <= lat+1 {
		return errPlace
	}
	if err := c.learn(c.get(2), string(c.get(0))); err != nil {
		return err
	}
	e := c.f.Add(protocols.Status)
	c.versions(e, 3, date)
	e.Time = dateTime(c.get(date), c.get(date+1))
	c.place(e, lat, lat+4)
	i := lat + 5
	if lat > date+2 {
		e.Text("cell", c.str(&c.fields, date+2))
		dec(e, "odometer_m", c.get(i))
		i++
	}
	if v := c.get(i); hasPoint(v) && dec(e, "battery_v", v) {
		i++
	}
	if string(c.get(1)) != "Location" {
		e.Alarm = "general"
	}
	c.keepFrom(&c.fields, i)
	c.finish(e)
	return nil
}
