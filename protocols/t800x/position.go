package t800x

import (
	"math"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Bits of the GNSS status.
const (
	bitStored = 0x80
	bitFix    = 0x40
	maskSats  = 0x1f
)

// Sizes.
const (
	settingsSize = 18 // up to the digital inputs and outputs
	blockSize    = 16 // of a fix or of cells
	obdSize      = 19 // without the second speed
)

// position reads types 02, 04, 13 and 14 of all but the asset trackers:
//
//	interval ACC on 2 | off 2 | angle 1 | distance 2 | overspeed and signal 2 | GNSS status 1 | g-sensor 1 | flags 1 | heartbeat 1 |
//	relay 1 | drag 2 | inputs and outputs 2 | [13, 14: outputs 1 | reserved 1] | analog inputs 2 or 5 words, none in OBD units |
//	alarm 1 | reserved 1 | odometer 4 | battery 1 | date 6 | fix or cells 16 | [13, 14: battery V 2] | external V 2 | [OBD]
func (c *call) position(r *protocols.Reader) {
	e := c.begin(protocols.Status)
	defer c.finish(e, r)
	if r.Len() < settingsSize {
		e.FP = c.whole()
		return
	}
	e.Int("interval_on_s", int64(r.U16()))
	e.Int("interval_off_s", int64(r.U16()))
	e.Int("angle_deg", int64(r.U8()))
	e.Int("distance_m", int64(r.U16()))
	signal := r.U16()
	e.Int("rssi", int64(signal&0x7f))
	if signal>>7 != 0 {
		e.Int("overspeed", int64(signal>>7))
	}
	status := r.U8()
	c.status(e, status, headSize+9)
	e.Int("gsensor", int64(r.U8()))
	e.Int("flags", int64(r.U8()))
	e.Int("heartbeat_min", int64(r.U8()))
	e.Int("relay", int64(r.U8()))
	e.Int("drag", int64(r.U16()))
	io := r.U16()
	e.Bool("ignition", io&(1<<14) != 0)
	e.Bool("ac", io&(1<<13) != 0)
	e.Bool("in3", io&(1<<12) != 0)
	e.Bool("in4", io&(1<<11) != 0)
	e.Int("ports", int64(io))
	extended := c.kind == msgPosition2 || c.kind == msgAlarm2
	switch {
	case !extended:
		e.Bool("out1", io&(1<<7) != 0)
		e.Bool("out2", io&(1<<8) != 0)
		e.Bool("out3", io&(1<<9) != 0)
	case r.Len() >= 2:
		out := r.U16() >> 8
		e.Int("outputs", int64(out))
		e.Bool("out1", out&1 != 0)
		e.Bool("out2", out&2 != 0)
	}
	c.analog(e, r, extended)
	if r.Len() < 2 {
		return
	}
	c.alarm(e, r.U8())
	if v := r.U8(); v != 0 {
		e.Int("reserved", int64(v))
	}
	if r.Len() < 5 {
		return
	}
	e.Int("odometer_m", int64(r.U32()))
	battery(e, r.U8())
	if r.Len() < 6 {
		return
	}
	e.Time = date(r.Bytes(6))
	if r.Len() < blockSize {
		return
	}
	c.block(e, r, status)
	if extended || c.s.Options.Model == "TLW2-2BL" {
		decimal(e, "battery_v", r, 2, 2)
	}
	decimal(e, "power_v", r, 2, 2)
	if c.family == familyOB && r.Len() >= obdSize {
		c.obd(e, r)
	}
}

// status reads the GNSS status, which stands at the given offset of the packet: that it is a stored upload does not identify the record.
func (c *call) status(e *protocols.Event, status byte, at int) {
	e.SetSats(status & maskSats)
	e.Stored = status&bitStored != 0
	e.FP = protocols.Fingerprint(c.packet[2:3], c.packet[headSize:at], []byte{status &^ bitStored}, c.packet[at+1:])
}

// analog reads the analog inputs, in hundredths of a volt.
func (c *call) analog(e *protocols.Event, r *protocols.Reader, extended bool) {
	list := [...]string{"adc1_v", "adc2_v", "adc3_v", "adc4_v", "adc5_v"}
	n := 2
	if extended {
		n = 5
	}
	if c.family == familyOB {
		n = 0
	}
	for i := 0; i < n && r.Len() >= 2; i++ {
		if v := r.U16(); v != 0xffff {
			e.Dec(list[i], int64(v), 2)
		}
	}
}

// alarms of all but the asset trackers, and of these.
var (
	alarms = map[byte]string{1: "power_cut", 2: "low_battery", 3: "sos", 4: "overspeed", 5: "geofence_enter", 6: "geofence_exit", 7: "tow",
		8: "vibration", 10: "vibration", 21: "jamming", 23: "power_restored", 24: "low_power"}
	alarmsAsset = map[byte]string{1: "tampering", 2: "tampering", 3: "sos", 4: "movement", 5: "fall", 6: "low_battery",
		14: "geofence_enter", 15: "geofence_exit"}
)

// alarm reads the code of what happened; one that is no alarm by the vendor's list, or depends on the model, is an event.
func (c *call) alarm(e *protocols.Event, code byte) {
	if c.code = code; code == 0 {
		return
	}
	list := alarms
	if c.family == familyPE {
		list = alarmsAsset
	}
	if e.Alarm = list[code]; e.Alarm != "" {
		e.Int("alarm_code", int64(code))
		return
	}
	e.Int("event", int64(code))
}

// block reads 16 bytes: altitude, longitude, latitude, speed and course of a fix, or mcc, mnc and three cells.
func (c *call) block(e *protocols.Event, r *protocols.Reader, status byte) {
	if status&bitFix == 0 {
		cells(e, r)
		return
	}
	c.coordinates(e, r)
	if speed := r.Bytes(2); c.family != familyOB {
		setSpeed(e, speed)
	}
	e.SetCourse(float64(r.U16()))
}

// coordinates reads altitude, longitude and latitude.
func (c *call) coordinates(e *protocols.Event, r *protocols.Reader) {
	alt, okAlt := float(r)
	lng, okLng := float(r)
	lat, okLat := float(r)
	if okLng && okLat {
		e.SetFix(lat, lng, true)
	}
	if okAlt {
		e.SetAlt(math.Round(alt*100) / 100) // the rest is noise of the float
	}
}

// setSpeed reads tenths of km/h in BCD.
func setSpeed(e *protocols.Event, b []byte) {
	if v, ok := bcd(b); ok {
		e.SetSpeed(float64(v) / 10)
	}
}

// cells reads mcc, mnc and three times lac and cell id, little endian; ffff is none.
func cells(e *protocols.Event, r *protocols.Reader) {
	mcc, mnc := r.U16LE(), r.U16LE()
	var list []byte
	for range 3 {
		lac, cid := r.U16LE(), r.U16LE()
		if mcc == 0xffff || mcc == 0 || lac == 0xffff && cid == 0xffff || lac == 0 && cid == 0 {
			continue
		}
		if len(list) == 0 {
			list = append(make([]byte, 0, 192), '[')
		} else {
			list = append(list, ',')
		}
		list = strconv.AppendUint(append(list, `{"mcc":`...), uint64(mcc), 10)
		list = strconv.AppendUint(append(list, `,"mnc":`...), uint64(mnc), 10)
		list = strconv.AppendUint(append(list, `,"lac":`...), uint64(lac), 10)
		list = strconv.AppendUint(append(list, `,"cid":`...), uint64(cid), 10)
		list = append(list, '}')
	}
	if len(list) > 0 {
		e.JSON("cells", string(append(list, ']')))
	}
}

// obd reads what an OBD unit adds:
//
//	speed 2, BCD, 0.1 km/h | [speed by the bus 2, BCD, 0.01 km/h] | fuel used 4, ml | fuel consumption 4, ml | rpm 2 | air input 1 | air pressure 1 |
//	coolant 1 and intake 1, less 40 | load 1 | throttle 1 | fuel 1
//
// The second speed is only there where the packet is long enough for it.
func (c *call) obd(e *protocols.Event, r *protocols.Reader) {
	setSpeed(e, r.Bytes(2))
	if r.Len() >= obdSize {
		decimal(e, "vehicle_speed_kmh", r, 2, 2)
	}
	if v := r.U32(); v != 0xffffffff {
		e.Dec("fuel_used_l", int64(v), 3)
	}
	if v := r.U32(); v != 0xffffffff {
		e.Dec("fuel_consumption_l", int64(v), 3)
	}
	if v := r.U16(); v != 0xffff {
		e.Int("rpm", int64(v))
	}
	for _, x := range [...]struct {
		name   string
		offset int64
	}{
		{"air_input", 0}, {"air_pressure_kpa", 0}, {"coolant_c", -40}, {"temp_intake_c", -40}, {"engine_load_pct", 0}, {"throttle_pct", 0},
		{"fuel_pct", 0},
	} {
		if v := r.U8(); v != 0xff {
			e.Int(x.name, int64(v)+x.offset)
		}
	}
}

// asset reads types 02 and 04 of the asset and personal trackers:
//
//	GNSS status 1 | alarm 1 | date 6 | fix or cells 16 | acceleration 5 | battery % 1 | temperature 1 | light 1 | battery V 1 | solar V 1 |
//	odometer 4 | inputs 2 | interval ACC on 2 | off 4 | angle 1 | distance 2 | heartbeat 1
func (c *call) asset(r *protocols.Reader) {
	e := c.add(protocols.Status)
	defer c.finish(e, r)
	if r.Len() < 8 {
		return
	}
	status := r.U8()
	c.status(e, status, headSize)
	c.alarm(e, r.U8())
	e.Time = date(r.Bytes(6))
	if r.Len() < blockSize {
		return
	}
	c.block(e, r, status)
	if r.Len() < 10 {
		return
	}
	accel(e, r.Bytes(5))
	battery(e, r.U8())
	e.Int("temp_device_c", int64(r.I8()))
	decimal(e, "light", r, 1, 1)
	decimal(e, "battery_v", r, 1, 1)
	decimal(e, "solar_v", r, 1, 1)
	if r.Len() < 6 {
		return
	}
	e.Int("odometer_m", int64(r.U32()))
	in := r.U16()
	e.Bool("ignition", in&4 != 0)
	e.Int("rssi", int64(in>>4&0x7f))
	e.Int("inputs", int64(in))
	if r.Len() < 10 {
		return
	}
	e.Int("interval_on_s", int64(r.U16()))
	e.Int("interval_off_s", int64(r.U32()))
	e.Int("angle_deg", int64(r.U8()))
	e.Int("distance_m", int64(r.U16()))
	e.Int("heartbeat_min", int64(r.U8()))
}

// accel reads three times sign, integer and tenth, a nibble each, in g; a sign of 8 is plus.
func accel(e *protocols.Event, b []byte) {
	nibble := func(i int) int64 { return int64(b[i/2]>>(4*(1-i%2))) & 15 }
	for k, name := range [...]string{"accel_x_mg", "accel_y_mg", "accel_z_mg"} {
		v := nibble(3*k+1)*1000 + nibble(3*k+2)*100
		if nibble(3*k)&8 == 0 {
			v = -v
		}
		e.Int(name, v)
	}
}
