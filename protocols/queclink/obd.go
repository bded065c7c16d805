package queclink

import "github.com/trackgate/trackgate/protocols"

// obd reads GTOBD in front of its group at g:
//
//	type | mask | VIN | connected | mV | PIDs | rpm | speed | coolant | consumption | distance since codes cleared | distance with lamp on |
//	lamp | number of codes | codes | throttle | load | fuel % | [protocol] | [mileage]
func (c *call) obd(e *protocols.Event, g int) {
	i := c.body
	c.number(e, "report_type", i)
	c.hex(e, "obd_mask", i+1)
	c.vin(e, i+2)
	c.number(e, "obd_connected", i+3)
	c.milli(e, "obd_power_v", i+4)
	c.hex(e, "obd_pids", i+5)
	c.number(e, "rpm", i+6)
	c.number(e, "vehicle_speed_kmh", i+7)
	c.number(e, "coolant_c", i+8)
	if b := string(c.m.at(i + 9)); b == "nan" || b == "inf" {
		c.m.take(i + 9) // what is no number
	} else {
		c.number(e, "fuel_rate", i+9)
	}
	c.number(e, "dtc_cleared_km", i+10)
	c.number(e, "mil_distance_km", i+11)
	c.number(e, "mil_state", i+12)
	c.number(e, "dtc_count", i+13)
	c.text(e, "dtc", i+14)
	c.number(e, "throttle_pct", i+15)
	c.number(e, "engine_load_pct", i+16)
	c.percent(e, "fuel_pct", i+17)
	if g-1 > i+18 {
		c.number(e, "obd_protocol", i+18)
		c.odometer(e, g-1)
	}
}

// vin adds field i as the VIN. Some messages have it twice.
func (c *call) vin(e *protocols.Event, i int) {
	if v, ok := e.Attrs.Get("vin"); ok {
		if s, _ := v.Text(); s == string(c.m.at(i)) {
			c.m.take(i)
		}
		return
	}
	c.text(e, "vin", i)
}
