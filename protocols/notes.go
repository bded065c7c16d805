package protocols

import (
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"
)

// Notes are what a decoder says of the bytes of one frame while it reads them, for people who want to see which bytes mean what. A Frame that has
// none (Frame.Notes is nil, as everywhere but in `decode --explain` and on the console) costs its decoder one comparison a note.
//
// A decoder notes what only it knows: the parts of a frame that become no field of an event (start, length, number of the message, checksum), and rules
// that can not be told from results. Which bytes feed which field, the package explain finds out by asking the decoder; it shows both.
type Notes struct {
	List    []Note           // in the order in which the decoder said them
	Readers map[Field]string // which function of the decoder set a field
	Dropped int              // notes beyond MaxNotes

	frame  []byte // the input of the call that notes
	layers []layer
	event  int // index of the event being built
}

// layer is what a decoder made of a part of the frame before it read it, as by taking escapes out.
type layer struct {
	made []byte
	wire func(i int) int
}

// MaxNotes bounds the notes of one frame.
const MaxNotes = 1 << 13

// Note names a range of a frame.
type Note struct {
	Offset, Length int
	Name           string // of a field of the event as its JSON has it ("lat", "battery_v"), or of a part of the frame ("length", "checksum")
	Rule           string // how it is read, in a few words: "CRC-16/X.25 over length to serial"
}

// Field is a field of one of a frame's events, by the name that its JSON has.
type Field struct {
	Event int
	Name  string
}

// Note says what b is: a part of the frame being decoded, or of a layer. A slice of anything else is passed over. Name and rule are constants, so that
// nothing is made when nobody listens.
func (f *Frame) Note(b []byte, name, rule string) {
	if f.Notes != nil {
		f.Notes.add(b, name, rule)
	}
}

// NoteLayer says that made was made of the frame's bytes: byte i of it stands at wire(i), and what follows its last at wire(len(made)). Notes of made
// are notes of those bytes from then on.
func (f *Frame) NoteLayer(made []byte, wire func(i int) int) {
	if f.Notes != nil && len(f.Notes.layers) < maxLayers {
		f.Notes.layers = append(f.Notes.layers, layer{made, wire})
	}
}

// maxLayers bounds the layers of one frame.
const maxLayers = 16

// NoteMark is a place in the notes to which Unnote goes back: a decoder that tries one layout after another drops what it said of the first.
func (f *Frame) NoteMark() int {
	if f.Notes == nil {
		return 0
	}
	return len(f.Notes.List)
}

// Unnote drops what was noted since mark.
func (f *Frame) Unnote(mark int) {
	if f.Notes != nil {
		f.Notes.List = f.Notes.List[:mark]
	}
}

// begin forgets the last frame.
func (n *Notes) begin(frame []byte) {
	n.List, n.layers, n.frame, n.event, n.Dropped = n.List[:0], nil, frame, -1, 0
	n.Readers = make(map[Field]string)
}

// add finds where b lies, in the frame or in a layer.
func (n *Notes) add(b []byte, name, rule string) {
	at := offset(n.frame, b)
	end := at + len(b)
	for i := 0; at < 0 && i < len(n.layers); i++ {
		if l := &n.layers[i]; offset(l.made, b) >= 0 {
			at = offset(l.made, b)
			at, end = l.wire(at), l.wire(at+len(b))
		}
	}
	switch {
	case at < 0 || end <= at || end > len(n.frame):
		return
	case len(n.List) >= MaxNotes:
		n.Dropped++
		return
	}
	n.List = append(n.List, Note{at, end - at, name, rule})
}

// offset is where in whole part begins, by its address; -1: it is no part of it. This is the one place that looks at addresses, and nothing is read
// through them.
func offset(whole, part []byte) int {
	if len(part) == 0 || len(part) > len(whole) {
		return -1
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	if at > uintptr(len(whole)-len(part)) {
		return -1
	}
	return int(at)
}

// set remembers which function of the decoder adds an attribute to the event being built.
func (n *Notes) set(name string) {
	key := Field{n.event, name}
	if len(n.Readers) >= MaxNotes || n.Readers[key] != "" {
		return
	}
	var pcs [12]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for more := true; more; {
		var at runtime.Frame
		at, more = frames.Next()
		switch {
		case at.Function == inPackage+"Next":
			return
		case strings.HasPrefix(at.Function, inPackage):
			continue // Int, put and their like
		}
		_, function, _ := strings.Cut(filepath.Base(at.Function), ".")
		n.Readers[key] = strings.NewReplacer("(*call).", "", "(*", "", ")", "").Replace(function) + " in " + filepath.Base(at.File)
		return
	}
}

// inPackage is how the names of this package's functions begin.
const inPackage = "github.com/trackgate/trackgate/protocols."
