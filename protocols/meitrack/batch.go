package meitrack

import (
	"encoding/hex"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// recordSize is the size of a CCC record that is known; longer ones are stepped over.
const recordSize = 52

// epoch2000 is 2000-01-01 in ms, from which binary times count seconds.
const epoch2000 protocols.Millis = 946684800_000

// batch reads CCC: version 2, record size 2, records still in the device's memory 4, records.
func (c *call) batch() error {
	r := protocols.NewReader(c.data)
	r.Skip(2)
	size, cached := int(r.U16LE()), r.U32LE()
	if r.Err() != nil || size < recordSize || r.Len() < size {
		return errHead
	}
	n := 0
	for ; r.Len() >= size; n++ {
		c.record(r.Bytes(size), cached > 0)
	}
	if len(c.f.Events) == 0 {
		return errRecord
	}
	c.answer(c.flag, ",CCC,"+strconv.Itoa(n))
	return nil
}

// record reads one record of CCC:
//
//	event 1 | lat 4 | lng 4 | s 4 | valid 1 | satellites 1 | GSM 1 | km/h 2 | course 2 | HDOP 2 | alt 2 | odometer 4 | run time 4 |
//	MCC 2 | MNC 2 | LAC 2 | cell 2 | I/O 2 | AD1 2 | battery 2 | supply 2 | event data 4
//
// One that is out of range is passed over.
func (c *call) record(b []byte, stored bool) {
	r := protocols.NewReader(b)
	event := int64(r.U8())
	lat, lng := float64(int32(r.U32LE()))/1e6, float64(int32(r.U32LE()))/1e6
	at := epoch2000 + 1000*protocols.Millis(r.U32LE())
	if !plausible(lat, lng, at) {
		return
	}
	e := c.f.Add(protocols.Status)
	e.FP = protocols.Fingerprint(b)
	e.Time = at
	e.SetFix(lat, lng, r.U8() == 1)
	e.Int("event", event)
	e.SetSats(r.U8())
	e.Int("rssi", int64(r.U8()))
	e.SetSpeed(float64(r.U16LE()))
	e.SetCourse(float64(r.U16LE()))
	e.SetHDOP(float64(r.U16LE()) / 10)
	e.SetAlt(float64(int16(r.U16LE())))
	e.Int("odometer_m", int64(r.U32LE()))
	e.Int("runtime_s", int64(r.U32LE()))
	mcc, mnc, lac, cid := r.U16LE(), r.U16LE(), r.U16LE(), r.U16LE()
	if mcc != 0 {
		e.Cell(mcc, mnc, uint32(lac), uint64(cid))
	}
	io := int(r.U16LE())
	c.inputs(e, io>>8, event)
	outputs(e, io&0xff)
	e.Dec("adc1_v", int64(r.U16LE()), 2)
	e.Dec("battery_v", int64(r.U16LE()), 2)
	if power := r.U16LE(); c.s.Options.Model == "" || c.scalingOf(0, 3) == centivolts {
		e.Dec("power_v", int64(power), 2)
	} else {
		e.Int("ad5", int64(power))
	}
	switch data := int64(r.U32LE()); {
	case data == 0:
	case event == eventGeofenceEnter || event == eventGeofenceExit:
		e.Int("geofence", data)
	default:
		e.Int("event_value", data)
	}
	if rest := r.Rest(); len(rest) > 0 {
		e.Text("raw", hex.EncodeToString(rest[:min(len(rest), protocols.MaxText/2)]))
	}
	archive(e, stored)
	finish(e, event)
}

// archive marks a record from the device's memory.
func archive(e *protocols.Event, stored bool) {
	if stored {
		e.Stored = true
		e.Bool("archive", true)
	}
}
