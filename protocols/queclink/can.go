package queclink

import "github.com/trackgate/trackgate/protocols"

// can reads GTCAN: report type, state of the bus, mask, a field for each bit of it, and a location group where bit 30 is set.
func (c *call) can() {
	e := c.add(protocols.Status)
	c.number(e, "report_type", c.body)
	limit := c.end
	g, ok := c.firstGroup(-1)
	if ok {
		limit = g
	}
	i := c.canValues(e, c.body+1, limit)
	if !ok {
		// A group without a fix: accuracy and six empty fields, behind the values.
		for k := i; k < c.end; k++ {
			if len(c.m.at(k)) > 0 {
				if g, ok = k, c.isBlank(k); ok {
					break
				}
			}
		}
	}
	if ok {
		c.behind(e, layouts["CAN"], c.group(e, g))
	}
	c.rest(e)
	c.finish(e)
}

// canValues reads the state of the bus, the mask, and the values up to limit. It returns the place behind them.
func (c *call) canValues(e *protocols.Event, i, limit int) int {
	c.number(e, "can_state", i)
	mask, ok := readHex(c.m.at(i + 1))
	if !ok || mask > 0xffffffff || i+1 >= limit {
		return i
	}
	c.m.take(i + 1)
	w := walk{c, e, i + 2, limit}
	for _, bit := range canOrder {
		if mask>>bit&1 != 0 {
			w.value(bit)
		}
	}
	for bit := 22; bit <= 28; bit++ {
		if mask>>bit&1 != 0 {
			w.modelValue(c.model.name, bit)
		}
	}
	if mask>>29&1 != 0 {
		if b := c.m.at(w.i); len(b) == 8 && isHex(b) && w.i < limit {
			more, _ := readHex(c.m.take(w.i))
			w.i++
			for bit := range 32 {
				if more>>bit&1 != 0 {
					w.expansion(bit)
				}
			}
		}
	}
	return w.i
}

// canOrder is the order of the fields of bits 0 to 21.
var canOrder = [...]uint{0, 1, 2, 3, 5, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}

// walk is the place in a run of fields that a mask describes.
type walk struct {
	c     *call
	e     *protocols.Event
	i     int
	limit int
}

// next is the place of the next field; beyond the last one it is where nothing is.
func (w *walk) next() int {
	i := w.i
	if i >= w.limit {
		return maxFields
	}
	w.i++
	return i
}

func (w *walk) value(bit uint) {
	c, e, i := w.c, w.e, w.next()
	switch bit {
	case 0:
		c.vin(e, i)
	case 1:
		if v, ok := readInt(c.m.at(i)); c.number(e, "ignition_key", i) && ok {
			addBool(e, "ignition", v > 0)
		}
	case 2:
		c.distance(e, i)
	case 3:
		c.number(e, "fuel_used_l", i)
	case 4:
		c.number(e, "vehicle_speed_kmh", i)
	case 5:
		c.number(e, "rpm", i)
	case 6:
		c.number(e, "coolant_c", i)
	case 7:
		c.consumption(e, i)
	case 8:
		c.level(e, i, "fuel_pct", "fuel_l")
	case 9:
		c.scaled(e, "range_m", i, 100)
	case 10:
		c.number(e, "throttle_pct", i)
	case 11:
		c.scaled(e, "hours_s", i, 3600)
	case 12:
		c.scaled(e, "driving_s", i, 3600)
	case 13:
		c.scaled(e, "idle_s", i, 3600)
	case 14:
		c.number(e, "idle_fuel_l", i)
	case 15:
		c.number(e, "axle2_kg", i)
	case 16:
		c.hex(e, "tachograph", i)
	case 17:
		c.hex(e, "indicators", i)
	case 18:
		c.hex(e, "lights", i)
	case 19:
		c.hex(e, "doors", i)
	case 20:
		c.scaled(e, "overspeed_s", i, 3600)
	case 21:
		c.scaled(e, "engine_overspeed_s", i, 3600)
	}
}

// modelValue reads the field of bits 22 to 28, which only two models have.
func (w *walk) modelValue(model string, bit int) {
	var names []string
	switch model {
	case "gv350m":
		names = []string{"impulse_distance", "gross_weight_kg", "catalyst_level"}
	case "gv355ceu":
		names = []string{"impulse_distance", "cold_starts", "starts", "ignition_starts", "cold_running", "handbrakes", "electric_mask"}
	}
	if bit -= 22; bit < len(names) {
		w.c.number(w.e, names[bit], w.next())
	}
}

// expansionNames are those of the expansion mask whose fields are plain numbers.
var expansionNames = [32]string{1: "axle1_kg", 2: "axle3_kg", 3: "axle4_kg", 4: "tacho_overspeed_code", 5: "tacho_motion_code", 6: "tacho_direction",
	21: "rapid_brakings", 22: "rapid_accelerations", 23: "torque", 24: "service_distance", 25: "temp_ambient_c", 29: "gas_level"}

// expansion reads the field of a bit of the expansion mask; what has no name stays where it is.
func (w *walk) expansion(bit int) {
	c, e, i := w.c, w.e, w.next()
	switch bit {
	case 0:
		c.level(e, i, "adblue_pct", "adblue_l")
	case 7:
		c.milli(e, "adc1_v", i)
	case 15:
		c.text(e, "driver_id", i)
	case 16:
		c.text(e, "driver2_id", i)
	case 17:
		c.text(e, "driver_name", i)
	case 18:
		c.text(e, "driver2_name", i)
	case 19:
		c.text(e, "registration", i)
	case 20:
		c.hex(e, "expansion_info", i)
	case 28:
		c.text(e, "dtc", i)
	default:
		if expansionNames[bit] != "" {
			c.number(e, expansionNames[bit], i)
		}
	}
}

// scaled adds field i times factor.
func (c *call) scaled(e *protocols.Event, name string, i int, factor int64) {
	if v, scale, ok := readDecimal(c.m.at(i)); ok && i < c.end && v < 1e11 && v > -1e11 && !has(e, name) {
		e.Dec(name, v*factor, scale)
		c.m.take(i)
	}
}

// distance adds the vehicle's own odometer: H and hundreds of metres, or I and kilometres.
func (c *call) distance(e *protocols.Event, i int) {
	b := c.m.at(i)
	if len(b) < 2 || i >= c.end {
		return
	}
	factor := int64(100)
	if b[0] == 'I' {
		factor = 1000
	} else if b[0] != 'H' {
		return
	}
	v, scale, ok := readDecimal(b[1:])
	if ok && v >= 0 && v < 1e12 {
		name := "odometer_m"
		if has(e, name) { // the device's own came first
			name = "vehicle_odometer_m"
		}
		e.Dec(name, v*factor, scale)
		c.m.take(i)
	}
}

// consumption adds a rate of fuel: L/H and litres an hour, or M and litres on 100 km; a lone H is the former, too.
func (c *call) consumption(e *protocols.Event, i int) {
	b := c.m.at(i)
	name, skip := "", 0
	switch {
	case len(b) > 3 && string(b[:3]) == "L/H":
		name, skip = "fuel_rate_lph", 3
	case len(b) > 1 && b[0] == 'H':
		name, skip = "fuel_rate_lph", 1
	case len(b) > 1 && b[0] == 'M':
		name, skip = "fuel_l_per_100km", 1
	}
	if v, scale, ok := readDecimal(b[min(skip, len(b)):]); ok && name != "" && i < c.end && !has(e, name) {
		e.Dec(name, v, scale)
		c.m.take(i)
	}
}

// level adds a level: P and percent, or L and litres.
func (c *call) level(e *protocols.Event, i int, percent, litres string) {
	b := c.m.at(i)
	if len(b) < 2 || i >= c.end {
		return
	}
	name := percent
	if b[0] == 'L' {
		name = litres
	} else if b[0] != 'P' {
		return
	}
	if v, scale, ok := readDecimal(b[1:]); ok && !has(e, name) {
		e.Dec(name, v, scale)
		c.m.take(i)
	}
}
