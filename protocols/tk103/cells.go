package tk103

import (
	"bytes"
	"strconv"

	"github.com/trackgate/trackgate/protocols"
)

// cells reads BZ00 in its two forms:
//
//	,MCC,MNC,LAC,id[,signal],LAC,id[,signal]...[,state]      LAC and id in hex
//	,{MCC,MNC,LAC,id} LF {...} LF ,state                     decimal
//
// The state is eight hex digits. Documents call them an odometer, but they look like an I/O state, and are kept as they are.
func cells(e *protocols.Event, b []byte) bool {
	b = bytes.TrimPrefix(b, []byte{','})
	var list []byte
	if bytes.IndexByte(b, '{') >= 0 {
		for {
			at := bytes.IndexByte(b, '{')
			end := bytes.IndexByte(b, '}')
			if at < 0 || end < at {
				break
			}
			f := bytes.Split(b[at+1:end], []byte{','})
			b = b[end+1:]
			if len(f) != 4 {
				return false
			}
			var ok bool
			if list, ok = appendCell(list, f[0], f[1], f[2], f[3], nil, 10); !ok {
				return false
			}
		}
		addList(e, list)
		lastState(e, bytes.TrimLeft(b, "\r\n,"))
		return len(list) > 0
	}
	f := bytes.Split(b, []byte{','})
	if len(f) < 4 {
		return false
	}
	mcc, mnc, f := f[0], f[1], f[2:]
	var last []byte
	if n := len(f) - 1; len(f[n]) == stateSize {
		last, f = f[n], f[:n]
	}
	step := 2
	if len(f) >= 3 && len(f[2]) <= 3 {
		step = 3
	}
	for ; len(f) >= 2; f = f[min(step, len(f)):] {
		var signal []byte
		if step == 3 && len(f) >= 3 {
			signal = f[2]
		}
		var ok bool
		if list, ok = appendCell(list, mcc, mnc, f[0], f[1], signal, 16); !ok {
			return false
		}
	}
	addList(e, list)
	lastState(e, last)
	return len(list) > 0
}

func lastState(e *protocols.Event, b []byte) {
	if v, ok := protocols.ParseHex(b); ok && v < 1<<32 {
		e.Int(protocols.IOKey(1), int64(v))
	}
}

func addList(e *protocols.Event, list []byte) {
	if len(list) > 0 {
		e.JSON("cells", string(append(list, ']')))
	}
}

// appendCell appends a cell to a JSON list under construction, LAC and id being of the given base.
func appendCell(list, mccText, mncText, lacText, cidText, signal []byte, base int) ([]byte, bool) {
	mcc, ok1 := protocols.ParseDigits(mccText)
	mnc, ok2 := protocols.ParseDigits(mncText)
	lac, ok3 := number(lacText, base)
	cid, ok4 := number(cidText, base)
	if !ok1 || !ok2 || !ok3 || !ok4 || mcc > 999 || mnc > 999 {
		return list, false
	}
	list = append(list, "[,"[min(len(list), 1)])
	list = strconv.AppendInt(append(list, `{"mcc":`...), int64(mcc), 10)
	list = strconv.AppendInt(append(list, `,"mnc":`...), int64(mnc), 10)
	list = strconv.AppendUint(append(list, `,"lac":`...), lac, 10)
	list = strconv.AppendUint(append(list, `,"cid":`...), cid, 10)
	if n, ok := protocols.ParseDigits(signal); ok {
		list = strconv.AppendInt(append(list, `,"rssi":`...), int64(n), 10)
	}
	return append(list, '}'), true
}

func number(b []byte, base int) (uint64, bool) {
	if base == 16 {
		return protocols.ParseHex(b)
	}
	n, ok := protocols.ParseDigits(b)
	return uint64(n), ok
}
