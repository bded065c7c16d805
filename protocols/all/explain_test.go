package all

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/trackgate/trackgate/protocols"
	"github.com/trackgate/trackgate/protocols/explain"
)

// accepted calls visit for each frame of a capture that its protocol accepts, with the session before it and what it gave.
func accepted(p *protocols.Protocol, c *protocols.Capture, visit func(before protocols.Session, in protocols.Input, f *protocols.Frame)) {
	var s protocols.Session
	var f protocols.Frame
	var rest []byte
	for i, l := range c.Lines {
		if l.Mark != '>' {
			continue
		}
		rest = append(slices.Clip(rest), l.Data...)
		in := protocols.Input{Bytes: rest, Received: protocols.CaptureTime, Datagram: c.Datagram, Final: c.Datagram || last(c, i)}
		before := s
		used, err := protocols.Drain(p, &s, in, &f, func(raw []byte, err error) bool {
			if err == nil {
				one := in
				one.Bytes = raw
				visit(before, one, &f)
			}
			before = s
			return true
		})
		if err != nil || in.Final {
			used = len(rest)
		}
		rest = rest[used:]
	}
}

func last(c *protocols.Capture, i int) bool {
	return !slices.ContainsFunc(c.Lines[i+1:], func(l protocols.CaptureLine) bool { return l.Mark == '>' })
}

// explained is a frame of a capture and its explanation.
type explained struct {
	name    string
	p       *protocols.Protocol
	session protocols.Session // before it
	in      protocols.Input
	events  []protocols.Event
	x       explain.Explanation
}

// explanations are those of two accepted frames of each message of each protocol: to ask for every bit of every capture takes a minute. They are made
// once for all tests.
func explanations(t *testing.T) []explained {
	made.Do(func() {
		taken := make(map[string]int)
		captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
			n := 0
			accepted(p, c, func(before protocols.Session, in protocols.Input, f *protocols.Frame) {
				n++
				key := p.Name + " " + f.Type
				if taken[key]++; taken[key] > 2 || len(in.Bytes) > 600 {
					return
				}
				e := explained{name: fmt.Sprintf("%s frame %d", strings.TrimPrefix(path, "../../testdata/"), n), p: p, session: before, in: in}
				e.in.Bytes = bytes.Clone(in.Bytes)
				for i := range f.Events {
					event := f.Events[i]
					event.Attrs = slices.Clone(event.Attrs)
					e.events = append(e.events, event)
				}
				e.x = explain.Explain(p, &before, e.in)
				list = append(list, e)
			})
		})
	})
	return list
}

var (
	made sync.Once
	list []explained
)

// TestNotesChangeNothing decodes each frame of each capture with and without notes: events, answer and session are the same, and the notes lie
// within the frame.
func TestNotesChangeNothing(t *testing.T) {
	noting := protocols.Frame{Notes: new(protocols.Notes)}
	noted := make(map[string]int)
	captures(t, func(path string, p *protocols.Protocol, c *protocols.Capture) {
		notes := 0
		accepted(p, c, func(before protocols.Session, in protocols.Input, f *protocols.Frame) {
			plain, after := before, before
			var silent protocols.Frame
			n1, err1 := protocols.Next(p, &plain, in, &silent)
			noting.Reset()
			n2, err2 := protocols.Next(p, &after, in, &noting)
			if n1 != n2 || fmt.Sprint(err1) != fmt.Sprint(err2) || plain != after || !bytes.Equal(silent.Reply, noting.Reply) ||
				!slices.Equal(eventLines(silent.Events), eventLines(noting.Events)) {
				t.Errorf("%s: % x means something else when it is noted", path, in.Bytes)
			}
			for _, note := range noting.Notes.List {
				if note.Offset < 0 || note.Length <= 0 || note.Offset+note.Length > len(in.Bytes) || note.Name == "" || note.Rule == "" {
					t.Errorf("%s: note %+v of a frame of %d bytes", path, note, len(in.Bytes))
				}
			}
			notes += len(noting.Notes.List)
		})
		noted[p.Name] += notes
	})
	for _, p := range Protocols {
		if noted[p.Name] == 0 {
			t.Logf("%s notes nothing: its parts show by what they do alone", p.Name)
		}
	}
}

func eventLines(events []protocols.Event) (list []string) {
	for i := range events {
		list = append(list, string(events[i].AppendJSON(nil)))
	}
	return list
}

// TestEveryByteHasAName explains frames of each message: all bytes are named, no item lies outside, and those that hold others come first. Going back,
// each field of each event has its bytes, but for those that are not sent.
func TestEveryByteHasAName(t *testing.T) {
	type tally struct{ fields, found int }
	tallies := make(map[string]*tally)
	for _, e := range explanations(t) {
		name, p, in, x := e.name, e.p, e.in, e.x
		named := make([]bool, len(in.Bytes))
		at := 0
		found := make(map[protocols.Field]bool)
		for _, it := range x.Items {
			if it.Offset < at || it.Length <= 0 || it.Offset+it.Length > len(in.Bytes) {
				t.Errorf("%s: item %+v of %d bytes, behind one at %d", name, it, len(in.Bytes), at)
				continue
			}
			at = it.Offset
			for i := range it.Length {
				named[it.Offset+i] = true
			}
			if it.Name == "" || it.Rule == "" || it.Name == "refused" && x.Decoded > 0 || it.Event >= len(e.events) {
				t.Errorf("%s: item %+v", name, it)
			}
			field, _, _ := strings.Cut(it.Name, "[")
			field, _, _ = strings.Cut(field, ".")
			found[protocols.Field{Event: it.Event, Name: field}] = true
		}
		if i := slices.Index(named, false); i >= 0 {
			t.Errorf("%s: byte %d of % x has no name", name, i, in.Bytes)
		}
		if tallies[p.Name] == nil {
			tallies[p.Name] = new(tally)
		}
		for k := range e.events {
			for _, field := range sent(&e.events[k]) {
				tallies[p.Name].fields++
				if found[protocols.Field{Event: k, Name: field}] {
					tallies[p.Name].found++
				} else if !unsent[field] {
					t.Logf("%s: no bytes for %s", name, field)
				}
			}
		}
	}
	for name, n := range tallies {
		t.Logf("%-12s %4d of %4d fields have bytes", name, n.found, n.fields)
		least := 90
		if unreachable[name] != "" {
			least = 75
		}
		if n.found*100 < n.fields*least {
			t.Errorf("%s: bytes for %d of %d fields", name, n.found, n.fields)
		}
	}
}

// unreachable are the protocols in which a single changed byte tells little, and why.
var unreachable = map[string]string{
	"http":       "true and false differ in many letters, and anything between them is no JSON",
	"osmand":     "likewise",
	"wialon-ips": "a compressed block has a checksum of its own",
}

// unsent are fields that no bytes of the frame give: what decoders conclude from the message as a whole, or remember of earlier ones.
var unsent = map[string]bool{"time_source": true, "type": true, "archive": true, "command": true, "report": true}

// sent are the names of the fields that an event has.
func sent(e *protocols.Event) (list []string) {
	if !e.NoTime {
		list = append(list, "time")
	}
	for _, o := range []struct {
		has   protocols.Fields
		names []string
	}{{protocols.HasFix, []string{"lat", "lng"}}, {protocols.HasAlt, []string{"alt"}}, {protocols.HasSpeed, []string{"speed"}},
		{protocols.HasCourse, []string{"course"}}, {protocols.HasSats, []string{"sats"}}, {protocols.HasHDOP, []string{"hdop"}}} {
		if e.Has&o.has != 0 {
			list = append(list, o.names...)
		}
	}
	for i := range e.Attrs {
		list = append(list, e.Attrs[i].Name)
	}
	return list
}

// linearRule are the rules that say all: a number, a factor, a constant.
var linearRule = regexp.MustCompile(`^(?:([ui])(\d+)|decimal|hex)( big endian| little endian|)(?: / (-?[\d,]+)| × (-?[\d.e-]+)|)(?: ([+−]) ([\d.]+)|)(, negated|)$`)

// TestRulesForetell holds rules against bytes that they were not made from: several bits of a value are changed at once, and where the decoder still
// gives the field, it gives what the rule says.
func TestRulesForetell(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	type tally struct{ right, wrong int }
	tallies := make(map[string]*tally)
	var frame protocols.Frame
	for _, e := range explanations(t) {
		name, p, in, x := e.name, e.p, e.in, e.x
		if tallies[p.Name] == nil {
			tallies[p.Name] = new(tally)
		}
		for _, it := range x.Items {
			m := linearRule.FindStringSubmatch(it.Rule)
			if m == nil || !it.Field || it.Event < 0 || strings.ContainsAny(it.Name, "[.") || it.Name == "time" {
				continue
			}
			raw := bytes.Clone(in.Bytes)
			part := raw[it.Offset : it.Offset+it.Length]
			for i := range part {
				switch {
				case m[1] == "":
					if part[i] >= '0' && part[i] <= '9' && i > 0 {
						part[i] = '0' + byte(random.IntN(10))
					}
				case len(part) == 1 || (m[3] == " little endian") == (i < len(part)-1) || i == len(part)/2:
					part[i] ^= byte(random.Uint32()) & 0x3f
				}
			}
			s := e.session
			s.Options.TolerateChecksum = true
			frame.Reset()
			in := in
			in.Bytes, in.Final = raw, true
			if n, err := protocols.Next(p, &s, in, &frame); n != len(raw) || err != nil && protocols.Fault(err) != "checksum" || it.Event >= len(frame.Events) {
				continue
			}
			got, ok := numberOf(&frame.Events[it.Event], it.Name)
			if !ok {
				continue
			}
			if want := foretell(m, part); math.Abs(got-want) <= 1e-5+1e-6*math.Abs(want) {
				tallies[p.Name].right++
			} else {
				tallies[p.Name].wrong++
				t.Logf("%s: %s of % x by %q: got %v, want %v", name, it.Name, part, it.Rule, got, want)
			}
		}
	}
	for name, n := range tallies {
		t.Logf("%-12s %4d right, %d wrong", name, n.right, n.wrong)
		if n.wrong*50 > n.right+n.wrong {
			t.Errorf("%s: %d of %d values are not what their rule says", name, n.wrong, n.right+n.wrong)
		}
	}
}

// foretell is the value that a rule gives.
func foretell(m []string, b []byte) float64 {
	var raw uint64
	for i := range b {
		x := b[i]
		if m[3] == " little endian" {
			x = b[len(b)-1-i]
		}
		raw = raw<<8 | uint64(x)
	}
	v := float64(raw)
	switch {
	case strings.HasPrefix(m[0], "decimal"):
		d, _ := protocols.ParseDecimal(b)
		v = d.Float()
	case strings.HasPrefix(m[0], "hex"):
		d, _ := protocols.ParseHex(b)
		v = float64(d)
	case m[1] == "i":
		shift := 64 - 8*len(b)
		v = float64(int64(raw<<shift) >> shift)
	}
	number := func(s string) float64 {
		f, _ := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
		return f
	}
	if m[4] != "" {
		v /= number(m[4])
	}
	if m[5] != "" {
		v *= number(m[5])
	}
	if m[8] != "" {
		v = -v
	}
	switch m[6] {
	case "+":
		v += number(m[7])
	case "−":
		v -= number(m[7])
	}
	return v
}

func numberOf(e *protocols.Event, name string) (float64, bool) {
	switch name {
	case "lat":
		return e.Lat, e.Has&protocols.HasFix != 0
	case "lng":
		return e.Lng, e.Has&protocols.HasFix != 0
	case "alt":
		return e.Alt, e.Has&protocols.HasAlt != 0
	case "speed":
		return e.Speed, e.Has&protocols.HasSpeed != 0
	case "course":
		return e.Course, e.Has&protocols.HasCourse != 0
	case "sats":
		return float64(e.Sats), e.Has&protocols.HasSats != 0
	case "hdop":
		return e.HDOP, e.Has&protocols.HasHDOP != 0
	}
	a, ok := e.Attrs.Get(name)
	if !ok {
		return 0, false
	}
	return a.Float()
}
