package inspect

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/explain"
)

// maxAsked is how often a decoder may be asked about one input before its further frames go unexplained: an input may hold thousands of them.
const maxAsked = 1 << 18

// explain explains each accepted frame of r.
func (d *Decoder) explain(r *Result) {
	left := maxAsked
	if d.Asks > 0 {
		left = d.Asks - d.asked
	}
	for i := range r.Frames {
		f := &r.Frames[i]
		if f.Err != nil && protocols.Fault(f.Err) != "checksum" || left <= 0 {
			continue
		}
		in := protocols.Input{Bytes: r.Bytes[f.Offset : f.Offset+f.Len], Received: r.received, Datagram: r.Datagram}
		x := explain.Explain(r.Protocol, &f.before, in)
		left -= x.Decoded
		d.asked += x.Decoded
		f.Explanation = &x
	}
}

// appendExplain appends the explanation as a JSON list: an object for each range of bytes, in their order.
func (r *Result) appendExplain(b []byte) []byte {
	b = append(b, '[')
	for i := range r.Frames {
		f := &r.Frames[i]
		if f.Explanation == nil {
			continue
		}
		for k := range f.Explanation.Items {
			if b[len(b)-1] != '[' {
				b = append(b, ',')
			}
			b = r.appendItem(b, i, &f.Explanation.Items[k])
		}
	}
	return append(b, ']')
}

func (r *Result) appendItem(b []byte, frame int, it *explain.Item) []byte {
	at := r.Frames[frame].Offset + it.Offset
	b = fmt.Appendf(b, `{"frame":%d,"offset":%d,"length":%d,"depth":%d,"raw":"%x","name":`, frame, at, it.Length, it.Depth, r.Bytes[at:at+it.Length])
	b = appendString(b, it.Name)
	if it.Event >= 0 {
		b = strconv.AppendInt(append(b, `,"event":`...), int64(it.Event), 10)
	}
	b = strconv.AppendBool(append(b, `,"field":`...), it.Field)
	b = append(b, `,"value":`...)
	if it.Value == "" {
		b = append(b, "null"...)
	} else {
		b = append(b, it.Value...)
	}
	b = appendString(append(b, `,"rule":`...), it.Rule)
	if it.Reader != "" {
		b = appendString(append(b, `,"reader":`...), it.Reader)
	}
	return append(b, '}')
}

// writeExplain prints the ranges of a frame as a table.
func (r *Result) writeExplain(w io.Writer, f *Frame) {
	if f.Explanation == nil {
		return
	}
	rows := [][4]string{{"RAW", "NAME", "VALUE", "RULE"}}
	var at []string
	for i := range f.Explanation.Items {
		it := &f.Explanation.Items[i]
		from := f.Offset + it.Offset
		name := strings.Repeat("  ", it.Depth) + it.Name
		if it.Event > 0 {
			name += fmt.Sprintf(" (event %d)", it.Event+1)
		}
		rule := it.Rule
		if it.Reader != "" {
			rule += "  [" + it.Reader + "]"
		}
		rows = append(rows, [4]string{short(r.Bytes[from : from+it.Length]), name, ellipsis(it.Value, 40), rule})
		at = append(at, fmt.Sprintf("%d", from))
	}
	var width [3]int
	for _, row := range rows {
		for c := range width {
			width[c] = max(width[c], len([]rune(row[c])))
		}
	}
	for i, row := range rows {
		place := "AT"
		if i > 0 {
			place = at[i-1]
		}
		line := fmt.Sprintf("    %5s  %s  %s  %s  %s", place, pad(row[0], width[0]), pad(row[1], width[1]), pad(row[2], width[2]), row[3])
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	if f.Explanation.Partial {
		fmt.Fprintln(w, "    The frame is long: not each bit of it was tried.")
	}
}

// short is bytes as hex, of many the first and the last.
func short(b []byte) string {
	const most = 12
	if len(b) <= most {
		return hex.EncodeToString(b)
	}
	return hex.EncodeToString(b[:most-4]) + ".." + hex.EncodeToString(b[len(b)-3:])
}

func ellipsis(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-len([]rune(s))))
}
