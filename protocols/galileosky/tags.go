package galileosky

import (
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// tag says how the value of a tag is read.
type tag struct {
	size  int // in bytes; 0: unknown; or one of the sizes below
	form  form
	scale uint8 // of numbers: value / 10^scale
	name  string
}

// Sizes that the value itself tells.
const (
	sizeByte = -1 // a length byte before it
	sizeWord = -2 // a length word before it
)

type form uint8

const (
	special  form = iota // see record.apply
	unsigned             // number
	signed               // number of one byte
	hexBytes             // text
)

// tags are the values that a record may hold, by their number.
var tags = func() (t [256]tag) {
	number := func(id byte, size int, name string) { t[id] = tag{size: size, form: unsigned, name: name} }
	series := func(first, last byte, size int, prefix string, index int) {
		for id := int(first); id <= int(last); id++ {
			number(byte(id), size, prefix+strconv.Itoa(index+id-int(first)))
		}
	}
	raw := func(id byte, size int, name string) { t[id] = tag{size: size, form: hexBytes, name: name} }
	for id, size := range map[byte]int{
		tagHardware: 1, tagSoftware: 1, tagIMEI: 15, tagDevice: 2, tagTime: 4, tagMillis: 2, tagFix: 9, tagMotion: 4, tagAltitude: 2, tagHDOP: 1,
		tagStatus: 2, tagOutputs: 2, tagInputs: 2, tagEcoDrive: 4, tagDriver: 4, tagDriver2: 4, tagCANA0: 4, tagCANA1: 4, tagCANB0: 4,
		tagOdometer: 4, tagAnswer: sizeByte,
	} {
		t[id].size = size
	}
	number(0x10, 2, "record")
	t[0x41] = tag{2, unsigned, 3, "power_v"}
	t[0x42] = tag{2, unsigned, 3, "battery_v"}
	t[0x43] = tag{1, signed, 0, "temp_device_c"}
	number(0x44, 4, "acceleration")
	number(0x48, 2, "status_extended")
	series(0x50, 0x57, 2, "adc", 0)
	series(0x58, 0x59, 2, "rs232_level", 0)
	number(0x5a, 4, "rep500")
	raw(0x5b, 7, "refrigerator")
	raw(0x5c, 68, "tyres_hex")
	raw(0x5d, 3, "driving_monitor")
	series(0x60, 0x62, 2, "fuel_level", 0)
	for id := range 13 {
		t[0x63+id].size = 3
	}
	for id := range 8 {
		t[0x70+id].size, t[0x80+id].size = 2, 3
	}
	for id := range 5 {
		t[0x88+id] = tag{1, signed, 0, "fuel_temp" + strconv.Itoa(id) + "_c"}
	}
	series(0xa0, 0xaf, 1, "can8_", 15)
	series(0xb0, 0xb9, 2, "can16_", 5)
	number(0xc3, 4, "can_b1")
	series(0xc4, 0xd2, 1, "can8_", 0)
	number(0xd5, 1, "ibutton_state")
	series(0xd6, 0xda, 2, "can16_", 0)
	series(0xdb, 0xdf, 4, "can32_", 0)
	number(0xe0, 4, "command_id")
	series(0xe2, 0xe9, 4, "user_data", 0)
	raw(0xea, sizeByte, "user_array")
	series(0xf0, 0xf9, 4, "can32_", 5)
	raw(0xfa, 3, protocols.IOKey(0xfa))
	raw(0xfd, 8, protocols.IOKey(0xfd))
	raw(tagExtended, sizeWord, "extended")
	return t
}()

// Tags with a meaning of their own.
const (
	tagHardware = 0x01
	tagSoftware = 0x02
	tagIMEI     = 0x03
	tagDevice   = 0x04
	tagTime     = 0x20
	tagMillis   = 0x21
	tagFix      = 0x30
	tagMotion   = 0x33
	tagAltitude = 0x34
	tagHDOP     = 0x35
	tagStatus   = 0x40
	tagOutputs  = 0x45
	tagInputs   = 0x46
	tagEcoDrive = 0x47
	tagDriver   = 0x90
	tagCANA0    = 0xc0
	tagCANA1    = 0xc1
	tagCANB0    = 0xc2
	tagDriver2  = 0xd3
	tagOdometer = 0xd4
	tagAnswer   = 0xe1
	tagExtended = 0xfe
)

// names of the sensors that come in series.
var (
	fuelLevels   = names("fuel_level", "", 0, 16)
	levelTemps   = names("fuel_level", "_temp_c", 0, 16)
	temps        = names("temp", "_c", 1, 8)
	thermometers = names("thermometer", "", 1, 8)
	hygroIDs     = names("hygrometer", "", 1, 8)
	hygroTemps   = names("hygrometer", "_temp_c", 1, 8)
	hygroPct     = append([]string{"humidity_pct"}, names("hygrometer", "_pct", 2, 7)...)
	inNames      = names("in", "", 1, 4)
	outNames     = names("out", "", 1, 3)
	versions     = names("", "", 0, 256)
)

func names(prefix, suffix string, first, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = prefix + strconv.Itoa(first+i) + suffix
	}
	return list
}

// measure cuts the value of a tag off b, which begins behind the tag. A nil rest says that b ends before the value.
func measure(t *tag, b []byte) (value, rest []byte) {
	n := t.size
	switch {
	case n == sizeByte && len(b) >= 1:
		n, b = int(b[0]), b[1:]
	case n == sizeWord && len(b) >= 2:
		n, b = int(b[0])|int(b[1])<<8, b[2:]
	case n < 0:
		return nil, nil
	}
	if n > len(b) {
		return nil, nil
	}
	return b[:n:n], b[n:len(b):len(b)]
}
