package inspect

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Write prints the result for people.
func (r *Result) Write(w io.Writer) {
	fmt.Fprintf(w, "%s", count(len(r.Bytes), "byte"))
	if p := r.Protocol; p != nil {
		fmt.Fprintf(w, ", %s", p.Name)
		if p.TCP != 0 || p.UDP != 0 {
			fmt.Fprintf(w, " over %s", transport(r.Datagram))
		}
	}
	if r.Reason != "" {
		fmt.Fprintf(w, " (%s)", r.Reason)
	}
	fmt.Fprintln(w)
	for i := range r.Frames {
		r.writeFrame(w, &r.Frames[i])
	}
	at := len(r.Bytes) - r.Rest
	switch {
	case r.Err != nil:
		fmt.Fprintf(w, "  error at byte %d: %v\n", at, r.Err)
		dump(w, r.Bytes, at, len(r.Bytes))
	case r.Rest > 0:
		fmt.Fprintf(w, "  from byte %d on: %s of a frame that is not whole yet\n", at, count(r.Rest, "byte"))
	}
}

func (r *Result) writeFrame(w io.Writer, f *Frame) {
	name := f.Type
	if name == "" {
		name = "frame"
	}
	fmt.Fprintf(w, "  %s, bytes %d to %d\n", name, f.Offset, f.Offset+f.Len-1)
	if f.Err != nil {
		fmt.Fprintf(w, "    refused   %s: %v\n", protocols.Fault(f.Err), f.Err)
		dump(w, r.Bytes, f.Offset, f.Offset+f.Len)
		if len(f.Events) > 0 || len(f.Reply) > 0 {
			fmt.Fprintln(w, "    but for the checksum it would mean:")
		}
	}
	r.writeExplain(w, f)
	for i := range f.Events {
		writeEvent(w, &f.Events[i])
	}
	switch {
	case len(f.Reply) > 0:
		fmt.Fprintf(w, "    reply     %s\n", preview(f.Reply))
	case f.Err == nil:
		fmt.Fprintln(w, "    reply     none")
	}
	if f.Close {
		fmt.Fprintln(w, "    then      the gateway hangs up")
	}
}

func writeEvent(w io.Writer, e *protocols.Event) {
	field := func(name, format string, args ...any) {
		fmt.Fprintf(w, "    %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	if e.Alarm != "" {
		field("event", "%s: %s (%s)", e.Kind, e.Alarm, protocols.Alarms[e.Alarm])
	} else {
		field("event", "%s", e.Kind)
	}
	if e.Device != "" {
		field("device", "%s", e.Device)
	} else {
		field("device", "not known: no login came before")
	}
	if e.NoTime {
		field("time", "none sent")
	} else {
		field("time", "%s", e.Time)
	}
	if e.Has&protocols.HasFix != 0 {
		note := ""
		if !e.Valid {
			note = " (the device does not vouch for it)"
		}
		field("position", "%.7f, %.7f%s", e.Lat, e.Lng, note)
	}
	if e.Has&protocols.HasSpeed != 0 {
		field("speed", "%s km/h", number(e.Speed))
	}
	if e.Has&protocols.HasCourse != 0 {
		field("course", "%s°", number(e.Course))
	}
	if e.Has&protocols.HasAlt != 0 {
		field("altitude", "%s m", number(e.Alt))
	}
	if e.Has&protocols.HasSats != 0 {
		field("sats", "%d", e.Sats)
	}
	if e.Has&protocols.HasHDOP != 0 {
		field("hdop", "%s", number(e.HDOP))
	}
	if e.Stored {
		field("stored", "uploaded later from the device's memory")
	}
	width := 0
	for i := range e.Attrs {
		width = max(width, len(e.Attrs[i].Name))
	}
	for i := range e.Attrs {
		one := protocols.Attrs{e.Attrs[i]}.AppendJSON(nil) // {"name":value}
		_, value, _ := strings.Cut(string(one), `":`)
		fmt.Fprintf(w, "      %-*s  %s\n", width, e.Attrs[i].Name, strings.TrimSuffix(value, "}"))
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// preview shows bytes as hex, and as text too where they are text; long ones are cut.
func preview(b []byte) string {
	const most = 64
	text := true
	for _, c := range b {
		if (c < 0x20 || c > 0x7e) && c != '\r' && c != '\n' {
			text = false
		}
	}
	shown, cut := b, ""
	if len(b) > most {
		shown, cut = b[:most], "..."
	}
	if text && len(b) > 0 {
		return hex.EncodeToString(shown) + cut + "  " + strconv.QuoteToASCII(string(shown)) + cut
	}
	return hex.EncodeToString(shown) + cut
}

// dump shows the bytes [from, to) in rows of sixteen, each with its position in the input.
func dump(w io.Writer, b []byte, from, to int) {
	const row, most = 16, 16 * 16
	end := min(to, from+most)
	for at := from; at < end; at += row {
		part := b[at:min(at+row, end)]
		text := make([]byte, len(part))
		for i, c := range part {
			if text[i] = c; c < 0x20 || c > 0x7e {
				text[i] = '.'
			}
		}
		fmt.Fprintf(w, "    %6d  % -47x  %s\n", at, part, text)
	}
	if end < to {
		fmt.Fprintf(w, "    %6s  %s more\n", "", count(to-end, "byte"))
	}
}
