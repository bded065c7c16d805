package castel

import (
	"bytes"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// dongle reads the contents of the SC family.
func (c *call) dongle(r *protocols.Reader) error {
	switch c.kind {
	case msgLogin, msgLogout, msgFuel, msgLocation:
		return c.located(r)
	case msgGPS:
		return c.gps(r)
	case msgAlarm:
		c.index = r.Bytes(4)
		return c.alarms(r)
	case msgPID, msgGSensor, msgSupported, msgSnapshot, msgDTC, msgTruckDTC, msgCell:
		return c.measured(r)
	case msgAll:
		return c.all(r)
	case msgSleep:
		clock := r.Bytes(4)
		e, err := c.lone(r)
		if err == nil {
			e.Int("clock_s", int64(u32(clock)))
			finish(e, r)
		}
		return err
	case msgAGPS:
		e, err := c.lone(r)
		if err == nil {
			finish(e, r)
		}
		return err
	case msgAnswer:
		return c.result(r)
	}
	finish(c.add(protocols.Status, c.content), r)
	return nil
}

func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// lone reads one GPS item without a state.
func (c *call) lone(r *protocols.Reader) (*protocols.Event, error) {
	b := r.Bytes(itemSize)
	if b == nil {
		return nil, r.Err()
	}
	e := c.add(protocols.Status, b)
	item(e, b)
	return e, nil
}

// located reads state and positions, and
//
//	login      firmware and hardware, each ended by zero | count 2, numbers of parameters 2
//	fuel       an analog value for each position 2
//	location   the number of the command 2, before the state
func (c *call) located(r *protocols.Reader) error {
	var number int64
	if c.kind == msgLocation {
		number = int64(r.U16LE())
	}
	s, err := readStat(r)
	if err != nil {
		return err
	}
	list, err := items(r)
	if err != nil {
		return err
	}
	first := len(c.f.Events)
	e := c.positions(s, list, false)
	switch c.kind {
	case msgLogin:
		text(e, "software", r)
		text(e, "hardware", r)
		parameters(e, r)
	case msgFuel:
		for i := first; i < len(c.f.Events) && r.Len() >= 2; i++ {
			c.f.Events[i].Int("fuel_adc", int64(r.U16LE()))
		}
	case msgLocation:
		e.Kind = protocols.CommandResult
		e.Int("command_id", number)
	}
	finish(e, r)
	return nil
}

// text reads characters up to a zero; without one there is no text.
func text(e *protocols.Event, name string, r *protocols.Reader) {
	i := bytes.IndexByte(r.Peek(r.Len()), 0)
	if i < 0 {
		return
	}
	if b := r.Bytes(i); len(b) > 0 {
		e.Text(name, string(b))
	}
	r.Skip(1)
}

// parameters reads count 2 and the numbers of the device's parameters.
func parameters(e *protocols.Event, r *protocols.Reader) {
	head := r.Peek(2)
	if head == nil || 2*(int(head[0])|int(head[1])<<8) > r.Len()-2 {
		return
	}
	n := int(r.U16LE())
	words(e, "parameters", n, r)
}

// words reads n numbers of two bytes, which are there, into a list.
func words(e *protocols.Event, name string, n int, r *protocols.Reader) {
	if n == 0 {
		return
	}
	b := append(make([]byte, 0, 8*n), '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.U16LE()), 10)
	}
	e.JSON(name, string(append(b, ']')))
}

// gps reads 4001: history 1 | state | positions | count 1, engine speed for each position 2, where 0 is unknown.
func (c *call) gps(r *protocols.Reader) error {
	stored := r.U8() == 1
	s, err := readStat(r)
	if err != nil {
		return err
	}
	list, err := items(r)
	if err != nil {
		return err
	}
	first := len(c.f.Events)
	e := c.positions(s, list, stored)
	if head := r.Peek(1); head != nil && 2*int(head[0]) <= r.Len()-1 && int(head[0]) <= len(c.f.Events)-first {
		n := int(r.U8())
		for i := range n {
			if v := r.U16LE(); v != 0 {
				c.f.Events[first+i].Int("rpm", int64(v))
			}
		}
	}
	finish(e, r)
	return nil
}

// all reads 401F: history 1 | index 4 | state | positions | items: tag 2, length 2, data.
func (c *call) all(r *protocols.Reader) error {
	stored := r.U8() == 1
	index := r.U32LE()
	s, err := readStat(r)
	if err != nil {
		return err
	}
	list, err := items(r)
	if err != nil {
		return err
	}
	e := c.positions(s, list, stored)
	e.Int("record", int64(index))
	var raised []byte // the alarms, of which each but the first needs an event of its own
	for r.Len() >= 4 {
		head := r.Peek(4)
		if n := int(head[2]) | int(head[3])<<8; n > r.Len()-4 {
			break
		}
		tag := r.U16LE()
		data := r.Bytes(int(r.U16LE()))
		if tag == tagAlarms && len(data) > 5 && raised == nil {
			raised = data
			continue
		}
		c.tag(e, tag, data)
	}
	if rest := r.Rest(); len(rest) > 0 {
		hexText(e, "raw", rest)
	}
	settle(e)
	if raised != nil {
		list := protocols.NewReader(raised[4:])
		c.raise(&list)
	}
	return nil
}
