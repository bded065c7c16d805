// Package tk103 decodes the protocol in parentheses of the TK103 clones, KX402 and their relatives, in its two
// dialects. A message is
//
//	(<serial><word><fields of fixed width>)       compact: BP05, BR00, BO01, ...
//	(<serial>,<word>,<fields>)                    with commas: ZC07, DW30, ...
//
// The words are B and a letter, ZC or DW, and two digits. A compact login BP05 and the handshake BP00 want an answer. Neither length nor
// checksum protects a message.
//
// An operator can say of a device:
//
//	alarm_confirm=false     alarms (BO01) are not answered, so that the device repeats them
//	dialect=comma           commands are those of the comma dialect, before the device has shown that it speaks it
package tk103

import (
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is the TK103 family as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "tk103",
	Version:    1,
	TCP:        5002,
	UDP:        5002,
	MaxLogin:   maxQuoted,
	MaxFrame:   maxQuoted,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// attributes are the names that only this protocol uses.
var attributes = map[string]protocols.Attribute{
	"alarm_value":        {Type: "number", Meaning: "value that raised the alarm, in the device's unit"},
	"bms":                {Type: "object", Meaning: "frames of the battery management that have no meaning here, in hex, by their number"},
	"bms_a":              {Type: "number", Unit: "A", Meaning: "current of the traction battery"},
	"bms_balance":        {Type: "number", Meaning: "balancing as sent"},
	"bms_capacity_ah":    {Type: "number", Unit: "Ah", Meaning: "calibrated capacity"},
	"bms_cell_max":       {Type: "number", Meaning: "number of the cell of the highest voltage"},
	"bms_cell_max_mv":    {Type: "number", Unit: "mV", Meaning: "highest voltage of a cell"},
	"bms_cell_min":       {Type: "number", Meaning: "number of the cell of the lowest voltage"},
	"bms_cell_min_mv":    {Type: "number", Unit: "mV", Meaning: "lowest voltage of a cell"},
	"bms_cells_mv":       {Type: "list", Unit: "mV", Meaning: "voltages of the cells"},
	"bms_charge_stop":    {Type: "bool", Meaning: "charging is blocked by a protection"},
	"bms_charging":       {Type: "bool", Meaning: "the traction battery is charged"},
	"bms_cycles":         {Type: "number", Meaning: "charge cycles"},
	"bms_discharge_stop": {Type: "bool", Meaning: "discharging is blocked by a protection"},
	"bms_discharged":     {Type: "number", Meaning: "total discharge as sent"},
	"bms_drop":           {Type: "number", Meaning: "voltage drop flag as sent"},
	"bms_equilibrium_c":  {Type: "number", Unit: "°C", Meaning: "temperature of the balancer"},
	"bms_fault":          {Type: "number", Meaning: "fault code"},
	"bms_gather_v":       {Type: "number", Unit: "V", Meaning: "gathered voltage"},
	"bms_overheat":       {Type: "bool", Meaning: "the traction battery is too hot"},
	"bms_power_c":        {Type: "number", Unit: "°C", Meaning: "temperature of the power stage"},
	"bms_soc_pct":        {Type: "number", Unit: "%", Meaning: "charge of the traction battery"},
	"bms_temp1_c":        {Type: "number", Unit: "°C", Meaning: "temperature 1 of the traction battery"},
	"bms_temp2_c":        {Type: "number", Unit: "°C", Meaning: "temperature 2 of the traction battery"},
	"bms_temp3_c":        {Type: "number", Unit: "°C", Meaning: "temperature 3 of the traction battery"},
	"bms_temp4_c":        {Type: "number", Unit: "°C", Meaning: "temperature 4 of the traction battery"},
	"bms_temp5_c":        {Type: "number", Unit: "°C", Meaning: "temperature 5 of the traction battery"},
	"bms_temp6_c":        {Type: "number", Unit: "°C", Meaning: "temperature 6 of the traction battery"},
	"bms_temp7_c":        {Type: "number", Unit: "°C", Meaning: "temperature 7 of the traction battery"},
	"bms_temp_max":       {Type: "number", Meaning: "number of the hottest sensor"},
	"bms_temp_max_c":     {Type: "number", Unit: "°C", Meaning: "highest temperature"},
	"bms_temp_min":       {Type: "number", Meaning: "number of the coldest sensor"},
	"bms_temp_min_c":     {Type: "number", Unit: "°C", Meaning: "lowest temperature"},
	"bms_v":              {Type: "number", Unit: "V", Meaning: "voltage of the traction battery"},
	"device_date":        {Type: "text", Meaning: "date and time as sent, where they are none"},
	"extra":              {Type: "text", Meaning: "what follows the known fields of a position, as sent"},
	"fuel_adc":           {Type: "number", Meaning: "fuel sensor, 0 to 4095"},
	"imei":               {Type: "text", Meaning: "IMEI that a login names beside the serial number"},
	"installed":          {Type: "number", Meaning: "ZC20: whether the device is installed, as sent"},
	"sensors_high":       {Type: "number", Meaning: "sensors 1 to 3 of the upper level: bits 2 to 0"},
	"sensors_low":        {Type: "number", Meaning: "sensors 1 to 3 of the lower level: bits 3 to 1"},
}

// call is what the readers of one message share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	serial   []byte
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	n, body := cut(in.Bytes, in.Final)
	switch {
	case n == 0:
		return 0, nil
	case body == nil && blank(in.Bytes[:n]):
		f.Type = "line end"
		f.Note(in.Bytes[:n], "line end", "between messages")
		return n, nil
	case body == nil:
		return n, fmt.Errorf("tk103: %w", protocols.ErrGarbage)
	}
	c := call{s: s, f: f, received: in.Received}
	f.Note(in.Bytes[:1], "start", "opening parenthesis")
	f.Note(in.Bytes[1+len(body):n], "stop", "closing parenthesis")
	return n, c.message(body)
}

// message reads what stands in parentheses.
func (c *call) message(b []byte) error {
	for _, x := range b {
		if x >= 0x80 {
			return fmt.Errorf("tk103: bytes beyond ASCII: %w", protocols.ErrMalformed)
		}
	}
	if serial, word, rest, ok := commaMessage(b); ok {
		c.f.Note(word, "message type", "decides the layout of what follows")
		c.name(serial, 'c')
		return c.comma(b, word, rest)
	}
	if serial, word, rest, ok := compactMessage(b); ok {
		c.f.Note(word, "message type", "decides the layout of what follows")
		c.name(serial, 'k')
		return c.compact(b, word, rest)
	}
	return fmt.Errorf("tk103: no serial number and word: %w", protocols.ErrMalformed)
}

// add adds an event whose identity is the whole message.
func (c *call) add(k protocols.Kind, b []byte) *protocols.Event {
	e := c.f.Add(k)
	e.FP = protocols.Fingerprint(b)
	return e
}

// settle gives the event its kind.
func settle(e *protocols.Event) {
	switch {
	case e.Kind == protocols.CommandResult:
		e.Alarm = ""
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
}

// Session.State is two characters: the dialect, k or c, and the conditions of the last I/O state that are alarms, '0' plus 1 for main power cut
// and 2 for the panic input.
const noState = "k0"

// name makes serial the session's device, and remembers its dialect. It costs nothing when both are known.
func (c *call) name(serial []byte, dialect byte) {
	c.serial = serial
	if c.s.Device != string(serial) {
		c.s.Device = string(serial)
		c.s.State = ""
	}
	if c.s.State == "" || c.s.State[0] != dialect {
		old := c.s.State
		if old == "" {
			old = noState
		}
		c.s.State = string(dialect) + old[1:]
	}
}

// conditions are the alarm conditions of the last I/O state.
func (c *call) conditions() byte { return c.s.State[1] - '0' }

func (c *call) setConditions(now byte) {
	if c.conditions() != now {
		c.s.State = c.s.State[:1] + string('0'+rune(now))
	}
}
