package suntech

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// serial reads what a serial port of the device received: the values of the sensors that are known, and the data itself.
func (c *call) serial(e *protocols.Event) {
	if len(c.data) == 0 {
		return
	}
	data := unescape(c.data)
	if !printable(data) {
		e.Text("serial_data", hex.EncodeToString(data[:min(len(data), protocols.MaxText/2)]))
		return
	}
	words := strings.TrimRight(string(data), "\r\n")
	e.Text("serial_data", words)
	switch {
	case strings.HasPrefix(words, "GTSL|"):
		if parts := strings.SplitN(words, "|", 6); len(parts) > 4 && parts[4] != "" {
			e.Text("driver_id", parts[4])
		}
	case strings.HasPrefix(words, "CabAVL"):
		cabinet(e, words)
	case strings.Contains(words, "N_"):
		probes(e, words)
	}
}

// unescape puts 00 and 01 back for 01 10 and 01 11. Without any it returns b itself.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, 1) < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		x := b[i]
		if x == 1 && i+1 < len(b) && b[i+1]&^1 == 0x10 {
			i++
			x = b[i] & 1
		}
		out = append(out, x)
	}
	return out
}

// printable tells whether b is ASCII for people, line ends included.
func printable(b []byte) bool {
	for _, x := range b {
		if (x < 0x20 || x > 0x7e) && x != '\r' && x != '\n' && x != '\t' {
			return false
		}
	}
	return true
}

var (
	probeFuel = [...]string{"fuel_probe0", "fuel_probe1", "fuel_probe2", "fuel_probe3"}
	probeTemp = [...]string{"fuel_probe0_c", "fuel_probe1_c", "fuel_probe2_c", "fuel_probe3_c"}
)

// probes reads the words of fuel probes: t_1=22 a temperature and N_1=0001.0 a level, both in hex before the point, Q_D=09 the quality
// of the driving.
func probes(e *protocols.Event, words string) {
	var sum int64
	var seen [2 * len(probeFuel)]bool
	levels := false
	for _, word := range strings.Split(words, ";") {
		name, value, ok := strings.Cut(word, "=")
		value, _, _ = strings.Cut(value, ".")
		v, isHex := protocols.ParseHex([]byte(value))
		if !ok || !isHex || v > 1<<32 {
			continue
		}
		if name == "Q_D" {
			if _, again := e.Attrs.Get("driving_quality"); !again {
				e.Int("driving_quality", int64(v))
			}
			continue
		}
		if len(name) != 3 || name[2] < '0' || int(name[2]-'0') >= len(probeFuel) {
			continue
		}
		n := int(name[2] - '0')
		switch name[:2] {
		case "t_":
			if !seen[n] {
				e.Int(probeTemp[n], int64(int8(v)))
			}
			seen[n] = true
		case "N_":
			if !seen[len(probeFuel)+n] {
				e.Int(probeFuel[n], int64(v))
				sum += int64(v)
				levels = true
			}
			seen[len(probeFuel)+n] = true
		}
	}
	if levels {
		e.Int("fuel", sum)
	}
}

// cabinet reads CabAVL"..,n,level,level,..": fuel levels, of which a negative one is none.
func cabinet(e *protocols.Event, words string) {
	parts := strings.Split(words, ",")
	sum, levels := int64(0), false
	for i := 2; i < len(parts) && i-1 < len(probeFuel); i++ {
		v, scale, ok := decimal([]byte(parts[i]))
		if !ok || v < 0 || scale > 3 {
			continue
		}
		e.Dec(probeFuel[i-1], v, scale)
		for ; scale < 3; scale++ {
			v *= 10
		}
		sum += v
		levels = true
	}
	if levels {
		e.Dec("fuel", sum, 3)
	}
}
