// Package suntech decodes the text and ZIP reports of Suntech trackers: the SA200, the ST200 to ST600 families with their model in front
// of the message type, the battery trackers ST4xx and ST910, and the newer ones with the universal format.
//
// Text is fields between semicolons up to a carriage return:
//
//	ST300STT;860000016;08;1080;20260314;08:30:15;...   legacy: model and type, id
//	STT;0860000016;3FFFFF;...                          universal: type, id, map of the fields that follow
//
// ZIP is the same in binary:
//
//	02 | length 2 | type 1 | ... | 03     legacy
//	81 | length 2 | id 5 | map 3 | ...    universal
//
// There is no login, no checksum and nothing to answer. An operator can say of a device, besides its model:
//
//	tail=hours,battery,type,adc1,...      what follows the message number in legacy text, instead of the rules of tail.go
package suntech

import (
	"fmt"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is Suntech as the gateway serves it.
var Protocol = protocols.Protocol{
	Name:       "suntech",
	Version:    1,
	TCP:        5011,
	UDP:        5011,
	MaxLogin:   maxText,
	MaxFrame:   maxText,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// call is what the readers of one frame share.
type call struct {
	s *protocols.Session
	f *protocols.Frame
	fields
	data   []byte // of UEX and CRR: what stands between the fields
	dataAt int    // where in the line
	after  fields // of UEX: the fields behind the data

	whole   string    // the line as text, once one is needed
	unknown []byte    // fields without a meaning here
	cuts    [2][2]int // parts of the line that a repetition may change
	cutN    int
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	c := call{s: s, f: f}
	n, kind, err := c.cut(in.Bytes, in.Final)
	if n == 0 || err != nil {
		return n, err
	}
	switch kind {
	case text:
		err = c.text()
	case legacyZIP:
		err = c.legacyZIP()
	case universalZIP:
		err = c.universalZIP()
	}
	return n, err
}

var errShort = fmt.Errorf("suntech: fields are missing: %w", protocols.ErrMalformed)

var errID = fmt.Errorf("suntech: the id is not 5 to 15 digits: %w", protocols.ErrMalformed)

var errText = fmt.Errorf("suntech: no message: %w", protocols.ErrGarbage)

// learn sets the identity, and how the device wants to be spoken to: its model, or u for the universal format.
func (c *call) learn(id []byte, head string) error {
	if len(id) < 5 || len(id) > 15 || !allDigits(id) {
		return errID
	}
	if c.s.Device != string(id) {
		c.s.Device = string(id)
	}
	if head != "" && c.s.State != head {
		c.s.State = strings.Clone(head) // which is a part of the line
	}
	return nil
}

// finish settles the kind and the identity of a record.
func (c *call) finish(e *protocols.Event) {
	if len(c.unknown) > 0 {
		e.Text("fields", string(c.unknown))
		c.unknown = c.unknown[:0]
	}
	switch {
	case e.Alarm != "":
		e.Kind = protocols.Alarm
	case e.Kind == protocols.Status && e.Has&protocols.HasFix != 0:
		e.Kind = protocols.Position
	}
	b := c.line
	switch c.cutN {
	case 0:
		e.FP = protocols.Fingerprint(b)
	case 1:
		e.FP = protocols.Fingerprint(b[:c.cuts[0][0]], b[c.cuts[0][1]:])
	default:
		first, second := c.cuts[0], c.cuts[1]
		if first[0] > second[0] {
			first, second = second, first
		}
		e.FP = protocols.Fingerprint(b[:first[0]], b[first[1]:second[0]], b[second[1]:])
	}
}

// changes notes a part of the line that is no part of the record's identity: its number, or the mark of a stored upload.
func (c *call) changes(from, to int) {
	if c.cutN < len(c.cuts) {
		c.cuts[c.cutN] = [2]int{from, to}
		c.cutN++
	}
}

// changesField is changes for a whole field.
func (c *call) changesField(t *fields, i int) {
	if i < t.n {
		c.changes(int(t.at[i]), int(t.at[i+1])-1)
	}
}

// stored reads the message type: 1 sent as it happened, 0 stored before.
func (c *call) stored(e *protocols.Event, v byte) {
	if v == '0' || v == 0 {
		e.Stored = true
		e.Bool("archive", true)
	}
}

// str is a field as text. The line is copied once for all of its fields.
func (c *call) str(t *fields, i int) string {
	if c.whole == "" {
		c.whole = string(c.line)
	}
	return c.whole[t.at[i] : t.at[i+1]-1]
}

// keep notes a field that has no meaning here.
func (c *call) keep(b []byte) {
	if len(b) == 0 {
		return
	}
	if len(c.unknown) > 0 {
		c.unknown = append(c.unknown, ';')
	}
	c.unknown = append(c.unknown, b...)
}

// keepFrom notes all fields from i on.
func (c *call) keepFrom(t *fields, i int) {
	for ; i < t.n; i++ {
		c.keep(t.get(i))
	}
}
