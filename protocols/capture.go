package protocols

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Capture is a recorded conversation of one device, as kept in testdata/<protocol>/*.tcp and *.udp:
//
//	# a comment
//	@ received 2026-01-02T03:04:05Z       when the gateway read what follows (default CaptureTime)
//	@ options model=GT06N zone=+08:00     what the registry says of the device
//	> 78780d01...                         one segment or datagram from the device: hex, or a quoted string for a text protocol
//	< 787805010001d9dc0d0a                what the gateway owes for it
//	= {"device":"...","lat":...}          an event
//	! gt06: bad checksum                  a frame refused, and why
//
// The one file feeds the golden test, the fuzzer, the end-to-end test and `replay`.
type Capture struct {
	Datagram bool
	Lines    []CaptureLine
}

// CaptureLine is one line of a capture.
type CaptureLine struct {
	Mark byte   // one of # @ > < = !, or 0 for an empty line
	Text string // what follows the mark
	Data []byte // of > and <
}

// CaptureTime is the receive time of a capture that names none.
var CaptureTime = At(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))

// ReadCapture parses a capture. Errors name the line.
func ReadCapture(r io.Reader, datagram bool) (*Capture, error) {
	c := &Capture{Datagram: datagram}
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		if line == "" {
			c.Lines = append(c.Lines, CaptureLine{})
			continue
		}
		l := CaptureLine{Mark: line[0], Text: strings.TrimSpace(line[1:])}
		var err error
		switch l.Mark {
		case '>', '<':
			l.Data, err = captureData(l.Text)
		case '@':
			err = new(captureState).directive(l.Text)
		case '#', '=', '!':
		default:
			err = errors.New("unknown mark; see Capture for those there are")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		c.Lines = append(c.Lines, l)
	}
	return c, scan.Err()
}

func captureData(text string) ([]byte, error) {
	if strings.HasPrefix(text, `"`) {
		s, err := strconv.Unquote(text)
		return []byte(s), err
	}
	return hex.DecodeString(strings.ReplaceAll(text, " ", ""))
}

// Segments are the bytes sent by the device, in order.
func (c *Capture) Segments() [][]byte {
	var out [][]byte
	for _, l := range c.Lines {
		if l.Mark == '>' {
			out = append(out, l.Data)
		}
	}
	return out
}

// captureState is what the directives of a capture set.
type captureState struct {
	received Millis
	options  Options
}

func (s *captureState) directive(text string) error {
	name, rest, _ := strings.Cut(text, " ")
	switch name {
	case "received":
		t, err := time.Parse(time.RFC3339, strings.TrimSpace(rest))
		if err != nil {
			return err
		}
		s.received = At(t)
		return nil
	case "options":
		o, err := ParseOptions(strings.Fields(rest))
		s.options = o
		return err
	}
	return fmt.Errorf("unknown directive %q", name)
}

// Decode runs the device's side of the capture through p and returns a capture with the answers, events and refusals that
// p makes of it: what a golden file should say.
func (c *Capture) Decode(p *Protocol) *Capture {
	out := &Capture{Datagram: c.Datagram}
	state := captureState{received: CaptureTime}
	var s Session
	var f Frame
	var rest []byte
	text := false
	emit := func(mark byte, text string, data []byte) {
		out.Lines = append(out.Lines, CaptureLine{Mark: mark, Text: text, Data: data})
	}
	for i, l := range c.Lines {
		switch l.Mark {
		case '<', '=', '!':
			continue
		case '@':
			_ = state.directive(l.Text) // checked by ReadCapture
			s.Options = state.options
		}
		out.Lines = append(out.Lines, l)
		if l.Mark != '>' {
			continue
		}
		text = strings.HasPrefix(l.Text, `"`)
		rest = append(rest, l.Data...)
		in := Input{Bytes: rest, Received: state.received, Datagram: c.Datagram, Final: c.Datagram || c.lastSegment(i)}
		used, err := Drain(p, &s, in, &f, func(raw []byte, err error) bool {
			if err != nil {
				emit('!', err.Error(), nil)
				return true
			}
			if len(f.Reply) > 0 {
				emit('<', formatData(f.Reply, text), bytes.Clone(f.Reply))
			}
			for i := range f.Events {
				emit('=', string(f.Events[i].AppendJSON(nil)), nil)
			}
			return true
		})
		if err != nil {
			emit('!', err.Error(), nil)
			used = len(rest)
		}
		if in.Final {
			used = len(rest)
		}
		rest = rest[used:]
	}
	return out
}

func (c *Capture) lastSegment(i int) bool {
	for _, l := range c.Lines[i+1:] {
		if l.Mark == '>' {
			return false
		}
	}
	return true
}

// WriteTo writes the capture in its file form.
func (c *Capture) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	for _, l := range c.Lines {
		if l.Mark != 0 {
			b.WriteByte(l.Mark)
			if l.Text != "" {
				b.WriteByte(' ')
				b.WriteString(l.Text)
			}
		}
		b.WriteByte('\n')
	}
	return b.WriteTo(w)
}

func formatData(b []byte, text bool) string {
	if text {
		return strconv.QuoteToASCII(string(b))
	}
	return hex.EncodeToString(b)
}
