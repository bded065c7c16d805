package tk103

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// Sizes of BS50 in bytes.
const (
	bmsCells = 24 // places for voltages
	bmsTemps = 7  // places for temperatures
	bmsSize  = 4 + 2*bmsCells + 36
)

var tempNames = [bmsTemps]string{"bms_temp1_c", "bms_temp2_c", "bms_temp3_c", "bms_temp4_c", "bms_temp5_c", "bms_temp6_c", "bms_temp7_c"}

// battery reads BS50, hex of little endian numbers:
//
//	header 3 | cells 1 | 24 cell voltages 2, mV | charging 1, 0 yes | current 2, 0.1 A | voltage 2, 0.01 V | charge 1, % | overheat 1 |
//	charge protection 1 | discharge protection 1 | drop 1 | balance 1 | cycles 2 | fault 1 | reserved 6 | temperatures 1 |
//	power stage 1 | balancer 1 | 7 temperatures 1, each less 40 °C | capacity 2, 0.01 Ah | discharge 4
func battery(e *protocols.Event, text []byte) bool {
	b := make([]byte, bmsSize)
	if len(text) < 2*bmsSize {
		return false
	}
	if _, err := hex.Decode(b, text[:2*bmsSize]); err != nil {
		return false
	}
	word := func(at int) int64 { return int64(binary.LittleEndian.Uint16(b[at:])) }
	cells := min(int(b[3]), bmsCells)
	var list []byte
	for i := range cells {
		list = strconv.AppendInt(append(list, "[,"[min(len(list), 1)]), word(4+2*i), 10)
	}
	if len(list) > 0 {
		e.JSON("bms_cells_mv", string(append(list, ']')))
	}
	const at = 4 + 2*bmsCells
	e.Bool("bms_charging", b[at] == 0)
	e.Dec("bms_a", word(at+1), 1)
	e.Dec("bms_v", word(at+3), 2)
	e.Int("bms_soc_pct", int64(b[at+5]))
	e.Bool("bms_overheat", b[at+6] != 0)
	e.Bool("bms_charge_stop", b[at+7] != 0)
	e.Bool("bms_discharge_stop", b[at+8] != 0)
	e.Int("bms_drop", int64(b[at+9]))
	e.Int("bms_balance", int64(b[at+10]))
	e.Int("bms_cycles", word(at+11))
	e.Int("bms_fault", int64(b[at+13]))
	temps := min(int(b[at+20]), bmsTemps)
	e.Int("bms_power_c", int64(b[at+21])-40)
	e.Int("bms_equilibrium_c", int64(b[at+22])-40)
	for i := range temps {
		e.Int(tempNames[i], int64(b[at+23+i])-40)
	}
	e.Dec("bms_capacity_ah", word(at+30), 2)
	e.Int("bms_discharged", int64(binary.LittleEndian.Uint32(b[at+32:])))
	if rest := text[2*bmsSize:]; len(bytes.Trim(rest, "0")) > 0 {
		e.Text("extra", string(rest))
	}
	return true
}

// batteryFrames reads BS51: a list of number:eight bytes in hex, or several times eight.
func batteryFrames(e *protocols.Event, b []byte) bool {
	var others []byte
	seen := map[string]bool{}
	for len(b) > 0 {
		var one []byte
		one, b, _ = bytes.Cut(b, []byte{','})
		name, text, found := bytes.Cut(one, []byte{':'})
		var data [8]byte
		if !found || len(name) != 2 || !isName(name) || len(text) < 16 || len(text)%16 != 0 || !allHex(text) || seen[string(name)] {
			return false
		}
		seen[string(name)] = true
		if _, err := hex.Decode(data[:], text[:16]); err != nil {
			return false
		}
		if len(text) > 16 || !batteryFrame(e, string(name), data[:]) {
			others = append(others, "{,"[min(len(others), 1)], '"')
			others = append(append(append(others, name...), `":"`...), bytes.ToUpper(text)...)
			others = append(others, '"')
		}
	}
	if len(others) > 0 {
		e.JSON("bms", string(append(others, '}')))
	}
	return len(seen) > 0
}

func allHex(b []byte) bool {
	for _, x := range b {
		if !isHex(x) {
			return false
		}
	}
	return true
}

// batteryFrame reads a frame of BS51 whose layout is known. Makers differ in the order of bytes, and the total voltage of frame 90 tells which it is;
// the others are read as cell voltages allow.
func batteryFrame(e *protocols.Event, name string, b []byte) bool {
	switch name {
	case "90":
		o := byteOrder(b, 100, 1200)
		e.Dec("bms_v", int64(o.Uint16(b)), 1)
		e.Dec("bms_gather_v", int64(o.Uint16(b[2:])), 1)
		e.Dec("bms_a", int64(o.Uint16(b[4:]))-30000, 1)
		e.Dec("bms_soc_pct", int64(o.Uint16(b[6:])), 1)
	case "91":
		o := byteOrder(b, 1000, 5000)
		e.Int("bms_cell_max_mv", int64(o.Uint16(b)))
		e.Int("bms_cell_max", int64(b[2]))
		e.Int("bms_cell_min_mv", int64(o.Uint16(b[3:])))
		e.Int("bms_cell_min", int64(b[5]))
	case "92":
		e.Int("bms_temp_max_c", int64(b[0])-40)
		e.Int("bms_temp_max", int64(b[1]))
		e.Int("bms_temp_min_c", int64(b[2])-40)
		e.Int("bms_temp_min", int64(b[3]))
	case "96":
		for i, v := range b[1:] {
			if v != 0 {
				e.Int(tempNames[i], int64(v)-40)
			}
		}
	default:
		return false
	}
	return true
}

// byteOrder is big endian where only that puts the first number between low and high, else little endian.
func byteOrder(b []byte, low, high uint16) binary.ByteOrder {
	big, little := binary.BigEndian.Uint16(b), binary.LittleEndian.Uint16(b)
	if big >= low && big <= high && (little < low || little > high) {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
