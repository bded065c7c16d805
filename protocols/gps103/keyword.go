package gps103

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// alarms are the keywords that raise one.
var alarms = map[string]string{
	"help me":         "sos",
	"low battery":     "low_battery",
	"stockade":        "geofence",
	"move":            "movement",
	"speed":           "overspeed",
	"acc alarm":       "illegal_start", // ignition while the guard is on
	"door alarm":      "door",
	"sensor alarm":    "vibration",
	"ac alarm":        "power_cut",
	"accident alarm":  "collision",
	"bonnet alarm":    "bonnet",
	"footbrake alarm": "general",
	"DTC":             "fault",
	"oil1":            "fuel_leak",
	"oil2":            "fuel_leak",
}

// keyword reads why the report was sent, and the field behind the time, whose meaning depends on it: a driver's card, a charge, a phone.
func (c *call) keyword(e *protocols.Event, k, phone []byte) {
	e.Alarm = alarms[string(k)]
	ordinary := false
	switch {
	case len(k) == 0, string(k) == "tracker":
		ordinary = true
	case string(k) == "acc on", string(k) == "acc off":
		e.Bool("ignition", len(k) == len("acc on"))
	case string(k) == "oil1", string(k) == "oil2":
		e.Int("sensor_tripped", int64(k[3]-'0'))
	case bytes.HasPrefix(k, []byte("T:")):
		e.Alarm = "temperature"
		if d, ok := protocols.ParseDecimal(k[2:]); ok {
			e.Dec("temp1_c", d.N, d.Scale)
		}
	case bytes.HasPrefix(k, []byte("oil")):
		e.Alarm = "fuel_leak"
		percent(e, "fuel_pct", k[3:])
	case bytes.HasPrefix(k, []byte("vt")):
		if n, ok := protocols.ParseDigits(k[2:]); ok {
			e.Int("photo_parts", int64(n))
		}
	case len(k) == 2 && k[1] == 't' && k[0] >= 'a' && k[0] <= 'z':
		e.Kind = protocols.CommandResult
		e.Text("command", string(k[0]-'a'+'A'))
		e.Text("result", string(k))
		e.Bool("success", true)
	}
	if !ordinary && e.Kind != protocols.CommandResult {
		e.Text("keyword", string(k))
	}
	switch {
	case len(phone) == 0:
	case string(k) == "rfid":
		e.Text("driver_id", string(phone))
	case phone[len(phone)-1] == '%':
		percent(e, "battery_pct", phone)
	case isPhone(phone):
		e.Text("phone", string(phone))
	default:
		other(e, atPhone, phone)
	}
	if string(k) == "help me" {
		if confirm, _ := c.s.Options.Get("sos_confirm"); confirm != "false" {
			c.f.Reply = append(append(append(c.f.Reply[:0], "**,imei:"...), c.s.Device...), ",E;"...)
		}
	}
}

// isPhone tells whether b is a telephone number: five digits or more, perhaps behind a plus.
func isPhone(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte{'+'})
	return len(b) >= 5 && digits(b) == len(b)
}
