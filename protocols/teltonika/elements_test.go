package teltonika

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// attrsOf decodes one record of codec 8E and returns its attributes as JSON.
func attrsOf(t *testing.T, model string, id uint16, width int, value uint64) string {
	t.Helper()
	var b []byte
	b = append(b, newRecord(1780315200000).b[:causeAt]...)
	b = append(b, 0, 0, 0, 1)
	for w := 1; w <= 8; w *= 2 {
		if w != width {
			b = append(b, 0, 0)
			continue
		}
		b = append(b, 0, 1)
		b = binary.BigEndian.AppendUint16(b, id)
		for k := w - 1; k >= 0; k-- {
			b = append(b, byte(value>>(8*k)))
		}
	}
	return decodeWide(t, model, append(b, 0, 0))
}

func decodeWide(t *testing.T, model string, record []byte) string {
	t.Helper()
	s := protocols.Session{Device: testIMEI, Options: protocols.Options{Model: model}}
	_, f, err := next(&s, avlPacket(codec8E, record))
	if err != nil {
		t.Fatal(err)
	}
	out := f.Events[0].Attrs.AppendJSON(nil)
	if !json.Valid(out) {
		t.Fatalf("no JSON: %s", out)
	}
	return string(out)
}

func TestElements(t *testing.T) {
	f := func(model string, id uint16, width int, value uint64, want string) {
		t.Helper()
		if got := attrsOf(t, model, id, width, value); got != want {
			t.Errorf("%s %d (%d bytes) = %#x: %s, want %s", model, id, width, value, got, want)
		}
	}
	f("", 239, 1, 1, `{"ignition":true}`)
	f("", 239, 1, 2, `{"io_239":2}`)
	f("", 239, 2, 1, `{"io_239":1}`)
	f("", 66, 2, 14363, `{"power_v":14.363}`)
	f("", 66, 4, 14363, `{"io_66":14363}`)
	f("", 16, 4, 1234567, `{"odometer_m":1234567}`)
	f("", 16, 8, 1234567, `{"odometer_m":1234567}`)
	f("", 389, 4, 4000000000, `{"obd_odometer_m":4000000000000}`)
	f("", 102, 4, 90, `{"hours_s":5400}`)
	f("", 45, 2, 12, `{"direct_rail_pressure_kpa":120}`)
	f("", 17, 2, 0xff9c, `{"accel_x_mg":-100}`)
	f("", 32, 1, 0xd8, `{"coolant_c":-40}`)
	f("", 32, 1, 215, `{"coolant_c":-41}`)
	f("", 58, 1, 215, `{"oil_c":215}`)
	f("", 58, 1, 216, `{"oil_c":-40}`)
	f("", 25, 2, 0xfe0c, `{"ble_temp1_c":-5}`)
	f("", 25, 2, 32767, `{"ble_temp1_fault":32767}`)
	f("", 86, 2, 455, `{"ble_humidity1_pct":45.5}`)
	f("", 86, 2, 32735, `{"ble_humidity1_fault":32735}`)
	f("", 72, 4, 0xffffffdd, `{"temp1_c":-3.5}`)
	f("", 72, 4, 850, `{"temp1_fault":850}`)
	f("", 201, 2, 0xfffe, `{"lls1_fault":-2}`)
	f("", 201, 2, 333, `{"lls1_level":333}`)
	f("", 10824, 1, 107, `{"eye1_battery_v":3.07}`)
	f("", 10824, 2, 3070, `{"eye1_battery_v":3.07}`)
	f("", 10812, 2, 0x8005, `{"eye1_moving":true,"eye1_movement_count":5}`)
	f("", 137, 1, 0x23, `{"driver1_activity":"driving","driver1_time_warning":2}`)
	f("", 123, 4, 0x80004101, `{"control_state":["stop","check_engine","low_fuel","driver_belt"]}`)
	f("", 90, 2, 0x0900, `{"doors_open":["front_left","rear_right"],"door":true}`)
	f("", 132, 8, 0x0000014002000000, `{"security_state":["ignition","engine","front_left_door"],"security_flags":"0000014002000000"}`)
	f("", 285, 2, 0x07d1, `{"blood_alcohol":0.5,"blood_alcohol_mode":1}`)
	f("", 258, 8, 0x0000ff9c00010064, `{"eco_accel_max":[-100,1,100]}`)
	f("", 78, 8, 0x01c8b1f3010000d3, `{"driver_id":"D3000001F3B1C801"}`)
	f("", 78, 8, 0x01c8b1f30100005a, `{"ibutton_ok":false,"driver_id":"5A000001F3B1C801"}`)
	f("", 78, 8, 0, `{"driver_id":""}`)
	f("", 207, 8, 0xdeadbeef, `{"rfid":"00000000deadbeef","driver_id":"00000000deadbeef"}`)
	f("", 241, 4, 310410, `{"operator":310410}`)
	f("", 206, 2, 7, `{"cells":[{"lac":7}]}`)
	f("", 50000, 4, 5, `{"io_50000":5}`)
	f("", 50000, 8, 1<<53-1, `{"io_50000":9007199254740991}`)
	f("", 50000, 8, 1<<53, `{"io_50000":"9007199254740992"}`)
	f("", 16, 8, 1<<63, `{"io_16":"9223372036854775808"}`)
	f("fmx6", 216, 4, 55, `{"odometer_m":55}`)
	f("", 216, 4, 55, `{"geofence_35":55}`)
	f("FMC650", 9, 2, 2500, `{"adc1_v":2.5}`)
	f("FMC650", 10, 2, 2500, `{"adc2_v":2.5}`)
	f("", 10, 1, 1, `{"sd_present":true}`)
	f("fmm640", 72, 2, 0xffdd, `{"temp1_c":-3.5}`)
	f("fmx6", 104, 4, 2, `{"hours_s":7200}`)
	f("fmx6", 66, 2, 24000, `{"power_v":24}`)
	f("fmx6", 113, 4, 0xffffffff, `{"service_distance_m":-1000}`)
	f("fmx6", 113, 1, 80, `{"io_113":80}`)
	f("FMB920", 113, 1, 80, `{"battery_pct":80}`)
	f("TAT141", 288, 4, 70000, `{"cells":[{"cid":70000}]}`)
	f("", 288, 4, 70000, `{"io_288":70000}`)
}

// Parts of one value that are spread over elements.
func TestPartsTogether(t *testing.T) {
	r := newRecord(1780315200000)
	r.words(1)
	r.words(2, 206, 6605, 205, 792)
	r.words(4, 241, 25001)
	r.words(8, 11, 893700213, 14, 700441809, 147, 0x4433333030303030, 148, 0x3030303132332020)
	s := protocols.Session{Device: testIMEI}
	_, f, err := next(&s, avlPacket(codec8, r.b))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"operator":25001,"cells":[{"mcc":250,"mnc":1,"lac":6605,"cid":792}],"driver1_card":"D3300000000123","driver_id":"D3300000000123","iccid":"8937002130700441809"}`
	if got := string(f.Events[0].Attrs.AppendJSON(nil)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// When two sources say the same thing, the second has a name of its own.
func TestSecondSource(t *testing.T) {
	r := newRecord(1780315200000)
	r.words(1)
	r.words(2, 36, 900, 85, 905)
	r.words(4)
	r.words(8)
	s := protocols.Session{Device: testIMEI}
	_, f, _ := next(&s, avlPacket(codec8, r.b))
	if got, want := string(f.Events[0].Attrs.AppendJSON(nil)), `{"rpm":900,"can_rpm":905}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLongElements(t *testing.T) {
	f := func(id uint16, value, want string) {
		t.Helper()
		if got := decodeWide(t, "", wideRecord(1780315200000, id, []byte(value))); got != want {
			t.Errorf("%d %q: %s, want %s", id, value, got, want)
		}
	}
	f(256, "WVWZZZ1JZ3W386752", `{"vin":"WVWZZZ1JZ3W386752"}`)
	f(256, strings.Repeat("\x00", 17), `{}`)
	f(281, "P0100,P0200", `{"dtc":"P0100,P0200"}`)
	f(403, "John \"X\" Doe\x00\x00", `{"driver_name":"John \"X\" Doe","driver_id":"John \"X\" Doe"}`)
	f(257, "\x01\x02\xff", `{"crash_trace":"0102ff"}`)
	f(331, "\xab\xcd", `{"ble1_custom1":"abcd"}`)
	f(60000, "\x01\x02\x03", `{"io_60000":"010203"}`)
	f(239, "\x01", `{"ignition":true}`)
	f(385, "\x11", `{"beacons":[]}`)
	f(385, "", `{"beacons":[]}`)
	f(385, "\x21\x07"+"0123456789abcdef"+"\xc4\x0b\xb8\x00\xfa", `{"beacon_part":2,"beacon_parts":1,"beacons":[{"namespace":"30313233343536373839","instance":"616263646566","rssi_dbm":-60,"battery_v":3,"temperature":250}]}`)
	f(385, "\x11\x21\x01\x02", `{"beacons":[{"rest":"210102"}]}`)
	f(548, "\x01\x03\x00\x01\xd8\x00\xff", `{"beacons":[{"rssi_dbm":-40}]}`)
	f(548, "\x01\x05\x00\x01\xd8\x00\x01", `{"beacons":[{"rssi_dbm":-40,"rest":"0001"}]}`)
	f(548, "\x01\x09\x00\x01", `{"beacons":[{"rest":"090001"}]}`)
	f(548, "\x01\x04\x02\x02\xff\x00", `{"beacons":[{"advertisement":"ff00"}]}`)
	f(548, "\x01\x07\x05\x05a\"b\\\x00", `{"beacons":[{"name":"a\"b\\"}]}`)
	f(10829, "\x01\x04\xc8\x02\xbe\xef", `{"beacons":[{"item_200":"beef"}]}`)
}

// A position in text stands in for an empty one.
func TestISO6709(t *testing.T) {
	r := wideRecord(1780315200000, 387, []byte("+544112.5000+0251646.9200+112.000/"))
	copy(r[9:24], make([]byte, 15))
	s := protocols.Session{Device: testIMEI}
	_, f, err := next(&s, avlPacket(codec8E, r))
	if err != nil {
		t.Fatal(err)
	}
	e := &f.Events[0]
	if e.Has&protocols.HasFix == 0 || !e.Valid || e.Alt != 112 || e.Lat < 54.6868055 || e.Lat > 54.6868056 || e.Lng < 25.2796999 || e.Lng > 25.2797001 {
		t.Errorf("%s", e.AppendJSON(nil))
	}
}

// Every attribute that a row can give is documented, with the unit that its name ends in.
func TestAttributesAreDocumented(t *testing.T) {
	for name, f := range map[string]*family{"fmb": fmb, "fmx6": fmx6, "tat": tat, "gh": gh} {
		for _, el := range f.rows[1:] {
			for _, attribute := range []string{el.name, el.other} {
				if attribute == "" || attribute == "hdop" || attribute == "iccid_end" {
					continue
				}
				a, common := protocols.Dictionary[attribute]
				if !common {
					a = Protocol.Attributes[attribute]
				}
				if a.Meaning == "" {
					t.Errorf("%s element %d: %s is not documented", name, el.id, attribute)
				}
				suffix := map[string]string{"V": "_v", "A": "_a", "%": "_pct", "°C": "_c", "m": "_m", "s": "_s", "l": "_l", "kg": "_kg", "km/h": "_kmh"}[a.Unit]
				if !strings.HasSuffix(attribute, suffix) {
					t.Errorf("%s element %d: %s is in %s", name, el.id, attribute, a.Unit)
				}
				if a.Type == "bool" && el.rule == numberRule || a.Type == "number" && el.rule == flagRule {
					t.Errorf("%s element %d: %s is a %s", name, el.id, attribute, a.Type)
				}
			}
		}
	}
	for name := range Protocol.Attributes {
		if _, common := protocols.Dictionary[name]; common && name != "rssi" {
			t.Errorf("%s is in the common dictionary", name)
		}
	}
}

// An attribute comes from one element of a family only, but for values made of parts and sources with another name.
func TestAttributesAreApart(t *testing.T) {
	for name, rows := range map[string][]element{"fmb": fmbElements, "fmx6": fmx6Elements, "gh": ghElements} {
		seen := map[string]uint16{}
		for _, el := range rows {
			if el.rule >= firstPart || el.rule == beaconsRule || el.rule == tlvBeaconsRule {
				continue
			}
			if first, twice := seen[el.name]; twice && el.other == "" {
				t.Errorf("%s: %s comes from elements %d and %d", name, el.name, first, el.id)
			}
			seen[el.name] = el.id
		}
	}
}

// A time 1024 weeks back with a fix is repaired, unless the operator says otherwise; a time beyond all calendars is none.
func TestTimes(t *testing.T) {
	f := func(ms uint64, sats byte, extra string, want protocols.Millis, attr string) {
		t.Helper()
		r := simpleRecord(ms, 239, 1)
		r.b[21] = sats
		s := protocols.Session{Device: testIMEI, Options: protocols.Options{Extra: extra}}
		_, f, err := next(&s, avlPacket(codec8, r.b))
		if err != nil {
			t.Fatal(err)
		}
		e := &f.Events[0]
		if e.Time != want {
			t.Errorf("%d: %v, want %v", ms, e.Time, want)
		}
		if _, ok := e.Attrs.Get(attr); attr != "" && !ok {
			t.Errorf("%d: no %s", ms, attr)
		}
		if e.NoTime != (attr == "time_raw") {
			t.Errorf("%d: NoTime is %v", ms, e.NoTime)
		}
	}
	const now, rolled = 1780315200000 - 60_000, 1780315200000 - 60_000 - 1024*7*86_400_000
	f(now, 9, "", now, "")
	f(rolled, 9, "", now, "rollover")
	f(rolled, 0, "", rolled, "")
	f(rolled, 9, "rollover=false", rolled, "")
	f(1000, 9, "", 1000, "")
	f(now+10*365*86_400_000, 9, "", now+10*365*86_400_000, "")
	f(1<<63, 9, "", protocols.CaptureTime, "time_raw")
}

// The receiver's own status is a veto only where the operator says so.
func TestVeto(t *testing.T) {
	for extra, want := range map[string]bool{"": true, "gnss_veto=true": false} {
		s := protocols.Session{Device: testIMEI, Options: protocols.Options{Extra: extra}}
		_, f, err := next(&s, avlPacket(codec8, simpleRecord(1780315200000, 69, 2).b, simpleRecord(1780315201000, 69, 1).b))
		if err != nil || f.Events[0].Valid != want || !f.Events[1].Valid {
			t.Errorf("%q: %v, valid %v and %v", extra, err, f.Events[0].Valid, f.Events[1].Valid)
		}
	}
}

// A list that is all items grows no further than its bound.
func TestBeaconsAreBounded(t *testing.T) {
	value := []byte{1}
	for len(value) < 40_000 {
		value = append(value, 4, 200, 0, 201, 0)
	}
	out := decodeWide(t, "", wideRecord(1780315200000, 548, value))
	if len(out) > maxBeacons+1024 || !strings.Contains(out, `"beacons_cut":true`) {
		t.Errorf("%d bytes", len(out))
	}
}

func TestCoordinates(t *testing.T) {
	f := func(lat, lng int32, sats byte, fix, valid bool) {
		t.Helper()
		r := simpleRecord(1780315200000, 239, 1)
		binary.BigEndian.PutUint32(r.b[9:], uint32(lng))
		binary.BigEndian.PutUint32(r.b[13:], uint32(lat))
		r.b[21] = sats
		s := protocols.Session{Device: testIMEI}
		_, f, err := next(&s, avlPacket(codec8, r.b))
		if err != nil {
			t.Fatal(err)
		}
		if e := &f.Events[0]; e.Has&protocols.HasFix != 0 != fix || e.Valid != valid || (e.Kind == protocols.Position) != fix {
			t.Errorf("%d, %d with %d satellites: %s", lat, lng, sats, e.AppendJSON(nil))
		}
	}
	f(546872000, 252797000, 7, true, true)
	f(546872000, 252797000, 0, true, false)
	f(0, 0, 7, false, false)
	f(0, 0, 0, false, false)
	f(900000001, 0, 7, false, false)
	f(0, 1800000001, 7, false, false)
	f(-900000000, -1800000000, 7, true, true)
}
