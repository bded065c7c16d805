package h02

import (
	"bytes"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// cell is one radio cell as sent.
type cell struct{ mcc, mnc, lac, cid uint64 }

// real tells whether the numbers can be those of a cell: 0 stands for none, and countries have codes from 200 to 799.
func (c cell) real() bool {
	return c.mcc >= 200 && c.mcc < 800 && c.mnc < 1000 && c.lac <= 0xffffffff && c.lac|c.cid != 0
}

// add makes it the serving cell, unless it is none.
func (c cell) add(e *protocols.Event) {
	if c.real() {
		e.Cell(uint16(c.mcc), uint16(c.mnc), uint32(c.lac), c.cid)
	}
}

// lacOnly adds a cell whose network is not sent.
func lacOnly(e *protocols.Event, lac, cid uint64) {
	if lac|cid != 0 {
		b := appendNumber(append(make([]byte, 0, 48), '['), `{"lac":`, lac)
		e.JSON("cells", string(append(appendNumber(b, `,"cid":`, cid), "}]"...)))
	}
}

// appendCell appends a cell to a JSON list under construction, left open for more members.
func (c cell) append(b []byte) []byte {
	b = append(b, "[,"[min(len(b), 1)])
	b = appendNumber(b, `{"mcc":`, c.mcc)
	b = appendNumber(b, `,"mnc":`, c.mnc)
	b = appendNumber(b, `,"lac":`, c.lac)
	return appendNumber(b, `,"cid":`, c.cid)
}

func appendNumber(b []byte, name string, v uint64) []byte {
	return strconv.AppendUint(append(b, name...), v, 10)
}

// extension reads what stands behind the status word.
func extension(e *protocols.Event, f [][]byte) {
	if len(f) > 0 && len(f[len(f)-1]) == 0 {
		f = f[:len(f)-1]
	}
	switch {
	case len(f) == 6 && vehicle(e, f):
	case len(f) >= 4 && serving(e, f):
	default:
		other(e, f, 1)
	}
}

// vehicle reads odometer in m, temperature, fuel with decimals, altitude in m, LAC and cell id in hex.
func vehicle(e *protocols.Event, f [][]byte) bool {
	odometer, ok1 := protocols.ParseDigits(f[0])
	temperature, ok2 := protocols.ParseDecimal(f[1])
	fuel, ok3 := protocols.ParseDecimal(f[2])
	altitude, ok4 := protocols.ParseDecimal(f[3])
	lac, ok5 := protocols.ParseHex(f[4])
	cid, ok6 := protocols.ParseHex(f[5])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || bytes.IndexByte(f[2], '.') < 0 {
		return false
	}
	e.Int("odometer_m", int64(odometer))
	e.Dec("temp1_c", temperature.N, temperature.Scale)
	e.Dec("fuel", fuel.N, fuel.Scale)
	e.SetAlt(altitude.Float())
	lacOnly(e, lac, cid)
	return true
}

// serving reads MCC, MNC, LAC, id of the serving cell; a fifth field is the signal, or the SIM's number. All four are decimal, or all four
// are hexadecimal: one digit beyond 9 or one padding space says so.
func serving(e *protocols.Event, f [][]byte) bool {
	base := 10
	for _, v := range f[:4] {
		for _, x := range v {
			if x == ' ' || isLetter(x) {
				base = 16
			}
		}
	}
	var n [4]uint64
	for i, v := range f[:4] {
		var ok bool
		if n[i], ok = number(bytes.TrimSpace(v), base); !ok {
			return false
		}
	}
	c := cell{n[0], n[1], n[2], n[3]}
	if c.lac|c.cid != 0 && !c.real() || c.mcc < 200 || c.mcc >= 800 {
		return false
	}
	if c.lac|c.cid == 0 {
		e.Int("operator", int64(c.mcc*1000+c.mnc))
	}
	c.add(e)
	rest := f[4:]
	switch {
	case len(rest) == 1 && isICCID(rest[0]):
		iccid(e, rest[0])
	case len(rest) == 1:
		if v, ok := protocols.ParseDigits(rest[0]); ok && v > 6 && v <= 99 {
			e.Int("rssi", int64(v)) // up to 6 it may as well be a level of the battery
			break
		}
		other(e, rest, 5)
	default:
		other(e, rest, 5)
	}
	return true
}

// number reads a number of base 10 or 16.
func number(f []byte, base int) (uint64, bool) {
	if base == 16 {
		return protocols.ParseHex(f)
	}
	v, ok := protocols.ParseDigits(f)
	return uint64(v), ok
}

// neighbours reads NBR: hhmmss, MCC, MNC, timing advance, count, count cells as LAC, id, signal, then ddmmyy, status and perhaps a battery level.
func (c *call) neighbours(e *protocols.Event, f [][]byte) bool {
	if len(f) < 7 {
		return false
	}
	mcc, ok1 := protocols.ParseDigits(f[1])
	mnc, ok2 := protocols.ParseDigits(f[2])
	count, ok3 := protocols.ParseDigits(f[4])
	cells, rest := f[5:], f[5:]
	if !ok1 || !ok2 || !ok3 || count > (len(cells)-2)/3 {
		return false
	}
	cells, rest = cells[:3*count], rest[3*count:]
	word, ok := statusWord(rest[1])
	if !ok {
		return false
	}
	list := make([]byte, 0, 512)
	for ; len(cells) > 0; cells = cells[3:] {
		lac, ok1 := number(cells[0], 10)
		cid, ok2 := number(cells[1], 10)
		signal, ok3 := number(cells[2], 10)
		if !ok1 || !ok2 {
			return false
		}
		list = cell{uint64(mcc), uint64(mnc), lac, cid}.append(list)
		if ok3 {
			list = appendNumber(list, `,"rssi":`, signal)
		}
		list = append(list, '}')
	}
	c.time(e, f[0], rest[0], false)
	if ta, ok := protocols.ParseDigits(f[3]); ok && ta < 255 {
		e.Int("timing_advance", int64(ta))
	}
	addList(e, list)
	c.status(e, word, true)
	if len(rest) > 2 {
		code, _ := protocols.ParseDigits(rest[2])
		if pct, ok := batteryPct(code); ok {
			e.Int("battery_pct", int64(pct))
		}
		other(e, rest[3:], 1)
	}
	return true
}

func addList(e *protocols.Event, list []byte) {
	if len(list) > 0 {
		e.JSON("cells", string(append(list, ']')))
	}
}

// cellsV3 reads V3: hhmmss, MCC and MNC together, count, count cells as LAC, id, receive level, timing advance or dBm, then a voltage in hex,
// restarts, X, ddmmyy and status.
func (c *call) cellsV3(e *protocols.Event, f [][]byte) bool {
	if len(f) < 8 || len(f[1]) < 4 {
		return false
	}
	mcc, ok1 := protocols.ParseDigits(f[1][:3])
	mnc, ok2 := protocols.ParseDigits(f[1][3:])
	count, ok3 := protocols.ParseDigits(f[2])
	cells := f[3:]
	if !ok1 || !ok2 || !ok3 || count > (len(cells)-5)/4 {
		return false
	}
	rest := cells[4*count:]
	cells = cells[:4*count]
	word, ok := statusWord(rest[4])
	if !ok {
		return false
	}
	list := make([]byte, 0, 512)
	for ; len(cells) > 0; cells = cells[4:] {
		lac, ok1 := number(cells[0], 10)
		cid, ok2 := number(cells[1], 10)
		if !ok1 || !ok2 {
			return false
		}
		list = cell{uint64(mcc), uint64(mnc), lac, cid}.append(list)
		if level, ok := number(cells[2], 10); ok {
			list = appendNumber(list, `,"rssi":`, level)
		}
		if v, ok := protocols.ParseDecimal(cells[3]); ok && v.Scale == 0 {
			if v.N < 0 {
				list = strconv.AppendInt(append(list, `,"rssi_dbm":`...), v.N, 10)
			} else {
				list = appendNumber(list, `,"timing_advance":`, uint64(v.N))
			}
		}
		list = append(list, '}')
	}
	c.time(e, f[0], rest[3], false)
	addList(e, list)
	if v, ok := protocols.ParseHex(rest[0]); ok && v < 1<<32 {
		e.Int("voltage_code", int64(v))
	}
	integer(e, "reboots", rest[1])
	if len(rest[2]) > 0 && string(rest[2]) != "X" {
		other(e, rest[2:3], 1)
	}
	c.status(e, word, true)
	other(e, rest[5:], 2)
	return true
}

// watchCells reads V, MCC, MNC and cells with a Y between them.
func watchCells(e *protocols.Event, b []byte) bool {
	_, b = field(b)
	mccText, b := field(b)
	mncText, b := field(b)
	mcc, ok1 := protocols.ParseDigits(mccText)
	mnc, ok2 := protocols.ParseDigits(mncText)
	if !ok1 || !ok2 {
		return false
	}
	list := make([]byte, 0, 512)
	for len(b) > 0 {
		var one []byte
		one, b, _ = bytes.Cut(b, []byte{'Y'})
		lacText, one := field(one)
		cidText, signalText := field(one)
		lac, ok1 := number(lacText, 10)
		cid, ok2 := number(cidText, 10)
		if !ok1 || !ok2 {
			return false
		}
		list = cell{uint64(mcc), uint64(mnc), lac, cid}.append(list)
		if v, ok := number(signalText, 10); ok {
			list = appendNumber(list, `,"rssi":`, v)
		}
		list = append(list, '}')
	}
	addList(e, list)
	return true
}
