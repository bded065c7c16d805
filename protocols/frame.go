package protocols

// Frame is what a decoder makes of one frame. It is reused: Reset forgets the last frame and keeps the storage.
type Frame struct {
	Type   string  // the vendor's name of the message, from a fixed set: it labels metrics
	Events []Event // in the order of the wire; a decoder finds none
	Reply  []byte  // owed to the device once the events are durable; empty: nothing is owed
	Refuse []byte  // sent instead of Reply when the device is not accepted; empty: silence
	Close  bool    // hang up after the reply
	Media  int     // bytes of a photo or video that the frame carried and that are not kept

	// Notes takes what the decoder says of the bytes; nil: nobody wants to know. Reset keeps it.
	Notes *Notes
}

// Reset forgets all events, so that their storage serves again.
func (f *Frame) Reset() {
	f.next()
	f.Events = f.Events[:0]
}

// next readies f for one more frame whose events are appended to those there.
func (f *Frame) next() {
	f.Type, f.Close, f.Media = "", false, 0
	f.Reply, f.Refuse = f.Reply[:0], f.Refuse[:0]
}

// follow puts the events of this frame behind those of others, where they already lie unless there was no room.
func (f *Frame) follow(others []Event) {
	n := len(others)
	if room := others[n:cap(others)]; len(f.Events) == 0 || len(room) > 0 && &room[0] == &f.Events[0] {
		f.Events = others[:n+len(f.Events)]
		return
	}
	f.Events = append(others, f.Events...)
}

// Add appends an empty event and returns it. The pointer is good until the next Add.
func (f *Frame) Add(k Kind) *Event {
	n := len(f.Events)
	if n < cap(f.Events) {
		f.Events = f.Events[:n+1]
	} else {
		f.Events = append(f.Events, Event{})
	}
	e := &f.Events[n]
	attrs := e.Attrs[:0]
	*e = Event{} // in place; a literal with fields would be built beside it and copied
	e.Kind, e.Attrs, e.notes = k, attrs, f.Notes
	if f.Notes != nil {
		f.Notes.event++
	}
	return e
}
