package fanout

import (
	"net/http"
	"slices"
	"strings"
)

// A stream's event ids say what is needed to go on elsewhere: the seq last seen of each of its vehicles, in the order of vehicles=, separated
// by commas. EventSource repeats the last one when it connects again, in Last-Event-ID; a page that has to make a new EventSource, because
// the ticket in the address was good for one use, puts it into last_event_id=.

// maxResumable is the most vehicles of a stream that can be resumed: each id names them all.
const maxResumable = 32

// places are what a stream's client has seen of each vehicle. A stream of more vehicles, or of all that there are, has none.
type places struct {
	at   map[string]int // vehicle to index in seqs
	seqs []string
}

func newPlaces(vehicles []string) *places {
	p := &places{at: make(map[string]int)}
	for _, v := range vehicles {
		if _, twice := p.at[v]; !twice {
			p.at[v] = len(p.seqs)
			p.seqs = append(p.seqs, "")
		}
	}
	if len(p.seqs) > maxResumable || slices.Contains(vehicles, "*") {
		return nil
	}
	return p
}

// resume reads an id; nil if it is none of such a stream.
func (p *places) resume(id string) map[string]string {
	if p == nil {
		return nil
	}
	seqs := strings.Split(id, ",")
	if len(seqs) != len(p.seqs) {
		return nil
	}
	resume := make(map[string]string, len(seqs))
	for v, i := range p.at {
		if seqs[i] != "" && !validSeq(seqs[i]) {
			return nil
		}
		p.seqs[i], resume[v] = seqs[i], seqs[i]
	}
	return resume
}

// see notes what goes out.
func (p *places) see(it *item) {
	if p == nil {
		return
	}
	if it.msg != nil {
		p.move(it.msg, false)
	} else if it.note != nil {
		for _, m := range it.note.events {
			p.move(m, true)
		}
	}
}

// move notes that an event was seen. Within a session the highest counts: a position may have waited while a later event went out. Of
// two sessions the one heard last does, but a snapshot does not go back.
func (p *places) move(m *Message, snapshot bool) {
	i, ok := p.at[m.Vehicle]
	if !ok || m.Seq == "" {
		return
	}
	sameSession := len(p.seqs[i]) == len(m.Seq) && p.seqs[i][:13] == m.Seq[:13]
	if !sameSession && !snapshot || m.Seq > p.seqs[i] {
		p.seqs[i] = m.Seq
	}
}

// appendID appends the id line of an item.
func (p *places) appendID(dst []byte, it *item) []byte {
	if p == nil {
		if it.msg == nil || it.msg.Seq == "" {
			return dst
		}
		return append(append(append(dst, "id: "...), it.msg.Seq...), '\n')
	}
	if it.msg == nil && it.note.raw != nil {
		return dst
	}
	dst = append(dst, "id: "...)
	for i, seq := range p.seqs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, seq...)
	}
	return append(dst, '\n')
}

// lastEventID is what the request says that its client has seen.
func lastEventID(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("last_event_id")
}
