package meitrack

import (
	"bytes"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

const (
	maxFrame  = 8192 + maxHead
	minLength = 20
	maxLength = 8192
	maxHead   = 8 // $$, flag, four digits, comma

	firstFlag = 'A'
	lastFlag  = 'z'

	tail = len("*00\r\n")
	// slack is how far behind the announced end of a text frame its line end is looked for: some firmware miscounts.
	slack = 32
)

var (
	errGarbage = fmt.Errorf("meitrack: no frame: %w", protocols.ErrGarbage)
	errHead    = fmt.Errorf("meitrack: head of a frame: %w", protocols.ErrMalformed)
	errCut     = fmt.Errorf("meitrack: frame is cut off: %w", protocols.ErrMalformed)
)

// headVerdict is what the first bytes of a frame are.
type headVerdict uint8

const (
	noHead headVerdict = iota
	partHead
	wholeHead
)

// head reads $$, flag, digits and comma: where the comma is, and how long the frame is by its length.
func head(b []byte) (comma, total int, v headVerdict) {
	for i, x := range b[:min(len(b), 3)] {
		if i < 2 && x != '$' || i == 2 && (x < firstFlag || x > lastFlag) {
			return 0, 0, noHead
		}
	}
	n := 0
	for i := 3; i < len(b); i++ {
		switch x := b[i]; {
		case x >= '0' && x <= '9' && i < 7:
			n = n*10 + int(x-'0')
		case x == ',' && i > 3 && n >= minLength && n <= maxLength:
			return i, i + n, wholeHead
		default:
			return 0, 0, noHead
		}
	}
	return 0, 0, partHead
}

// cut takes the first frame off b. What it decides on a prefix holds for every longer one.
func cut(m *message, b []byte, final bool) (int, error) {
	comma, total, v := head(b)
	switch {
	case v == noHead:
		return garbage(b), errGarbage
	case v == partHead && final:
		return len(b), errGarbage
	case v == partHead:
		return 0, nil
	}
	imei := bytes.IndexByte(b[comma+1:min(len(b), comma+1+16)], ',')
	if imei < 0 {
		if len(b) >= comma+1+16 || final {
			return garbage(b), errGarbage
		}
		return 0, nil
	}
	m.flag, m.imei = b[2], b[comma+1:comma+1+imei]
	command := comma + 1 + imei + 1
	if !isDigits(m.imei, 14, 15) {
		return garbage(b), errGarbage
	}
	if len(b) < command+4 {
		if final {
			return len(b), errCut
		}
		return 0, nil
	}
	m.command = b[command : command+3]
	if sep := b[command+3]; !upperWord(m.command) || sep != ',' && sep != '*' || total < command+3+tail {
		return garbage(b), errGarbage
	}
	var end int // of the frame
	var err error
	if binary(m.command) {
		end, err = cutBinary(b, total, final)
	} else {
		end, err = cutText(b, total, final)
	}
	if end == 0 || err != nil {
		return end, err
	}
	last := end
	for last > end-2 && (b[last-1] == '\r' || b[last-1] == '\n') {
		last--
	}
	star := last - 3
	if star < command+3 || b[star] != '*' {
		return end, errCut
	}
	m.badSum = !sumFits(b, star)
	if b[command+3] == ',' {
		m.data = b[command+4 : max(star, command+4)]
	}
	return end, nil
}

// binary tells whether the data of a command can hold any bytes.
func binary(command []byte) bool {
	switch string(command) {
	case "CCC", "CCE", "D00":
		return true
	}
	return false
}

// garbage is the number of bytes before the next place where a frame may begin.
func garbage(b []byte) int {
	i := bytes.IndexByte(b[1:], '$')
	if i < 0 {
		return len(b)
	}
	return 1 + i
}

// cutBinary cuts by the length. Of a final frame the line end may be missing.
func cutBinary(b []byte, total int, final bool) (int, error) {
	if len(b) < total {
		switch {
		case !final:
			return 0, nil
		case len(b) >= total-2:
			return len(b), nil
		}
		return len(b), errCut
	}
	if b[total-2] != '\r' || b[total-1] != '\n' || b[total-tail] != '*' {
		return 1, errGarbage
	}
	return total, nil
}

// cutText cuts at the announced end if a line ends there, else at the line end whose checksum fits, else at the first one.
func cutText(b []byte, total int, final bool) (int, error) {
	first := 0 // behind the first line end
	for at := 0; ; {
		i := bytes.IndexByte(b[at:min(len(b), total)], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		if b[at-2] != '\r' {
			continue
		}
		if star := at - tail; at == total || b[star] == '*' && sumFits(b, star) {
			return at, nil
		}
		if first == 0 {
			first = at
		}
	}
	switch {
	case first > 0 && (final || len(b) >= total):
		return first, nil
	case len(b) < total && final:
		return len(b), nil
	case len(b) < total:
		return 0, nil
	}
	end := min(len(b), total+slack)
	for at := total; at < end; at++ {
		if b[at] == '\n' && b[at-1] == '\r' {
			return at + 1, nil
		}
	}
	switch {
	case end == total+slack:
		return 1, errGarbage
	case final:
		return len(b), nil
	}
	return 0, nil
}

// sumFits holds the checksum behind the asterisk at star against the frame.
func sumFits(b []byte, star int) bool {
	if star+3 > len(b) {
		return false
	}
	hi, ok1 := protocols.HexDigit(b[star+1])
	lo, ok2 := protocols.HexDigit(b[star+2])
	return ok1 && ok2 && checksum(b[:star+1]) == hi<<4|lo
}
