package jt808

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"
)

// parameters reads message 0x0104: serial number of the command 2, count 1, then id 4, length 1 and value of each.
func (c *call) parameters() {
	b := c.body
	if len(b) < 3 {
		c.unread(b)
		return
	}
	e := c.result()
	e.Int("command_id", int64(binary.BigEndian.Uint16(b)))
	e.Bool("success", true)
	count, rest := int(b[2]), b[3:]
	seen := make(map[uint32]bool)
	out := make([]byte, 0, 256)
	for ; count > 0 && len(rest) >= 5; count-- {
		id, n := binary.BigEndian.Uint32(rest), int(rest[4])
		if n > len(rest)-5 || seen[id] {
			break
		}
		seen[id] = true
		if len(out) == 0 {
			out = append(out, '{')
		} else {
			out = append(out, ',')
		}
		name := strconv.FormatUint(uint64(id), 16)
		out = append(out, '"')
		for range max(0, 4-len(name)) {
			out = append(out, '0')
		}
		out = append(append(out, name...), `":`...)
		out = appendParameter(out, id, rest[5:5+n])
		rest = rest[5+n:]
	}
	if len(out) > 0 {
		e.JSON("settings", string(append(out, '}')))
	}
	if len(rest) > 0 {
		hexText(e, "raw", rest)
	}
}

// appendParameter appends a value as JSON: a number, a text, or else bytes in hex.
func appendParameter(out []byte, id uint32, v []byte) []byte {
	var s string
	switch {
	case !textParameter(id) && (len(v) == 1 || len(v) == 2 || len(v) == 4):
		return strconv.AppendUint(out, number(v), 10)
	case len(v) == 0 || allZero(v):
	case printable(v):
		s = string(trimmed(v))
	default:
		s = hex.EncodeToString(v)
	}
	quoted, err := json.Marshal(s)
	if err != nil { // no string fails
		return append(out, `""`...)
	}
	return append(out, quoted...)
}

// textParameter tells whether the standard has a text under this id.
func textParameter(id uint32) bool {
	switch {
	case id >= 0x10 && id <= 0x17, id == 0x1a, id == 0x1d, id == 0x83, id == commandParameter:
		return true
	case id >= 0x40 && id <= 0x49:
		return id != 0x45 && id != 0x46 && id != 0x47
	}
	return false
}

// Ids of parameters that commands set.
const (
	parameterHeartbeat = 0x0001
	parameterInterval  = 0x0029
	parameterSpeed     = 0x0055
	commandParameter   = 0xf030 // of AOVX: a command as text
)
