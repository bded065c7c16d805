// Package osmand decodes positions sent as HTTP requests: the query that OsmAnd, GPSLogger and phone clients send, the same parameters as a
// form, and the JSON of background location apps.
//
//	GET /?id=…&lat=…&lon=…&timestamp=… HTTP/1.1
//	POST / with a body id=…&lat=…&lon=…
//	POST / with a body {"device_id":…,"location":{"timestamp":…,"coords":{…}}}, where location may be a list
//
// Requests are read from the TCP stream, kept alive and pipelined as they come; each names its device and stands alone. The answer is
// owed once the report is journaled: clients delete a report on any 2xx and repeat it otherwise.
//
// An operator can say of a device, besides its zone and its unit (knots by default) of query and form:
//
//	speed=mps              speeds of query and form are metres per second, as OsmAnd's and GPSLogger's are
//	bad_input=accept       a report that can not be read is answered 200 and kept raw: the client would repeat it for ever
//	bad_time=receive       a time that can not be read is none
//	max_accuracy_m=200     reports less accurate than that are answered 200 and make no event
//	commands=answer        the client takes a command from the body of an answer
package osmand

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// Protocol is OsmAnd's as the gateway serves it. A batch in JSON may be the first that a connection sends, so that the limit before the login
// is the same as after it.
var Protocol = protocols.Protocol{
	Name:       "osmand",
	Version:    1,
	TCP:        5055,
	MaxLogin:   maxHead + maxChunked,
	MaxFrame:   maxHead + maxChunked,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes,
}

// call is what the readers of one request share.
type call struct {
	s        *protocols.Session
	f        *protocols.Frame
	received protocols.Millis
	json     bool
}

// decode is Protocol.Decode.
func decode(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	b := in.Bytes
	if len(b) == 0 {
		return 0, nil
	}
	if blank := len(b) - len(bytes.TrimLeft(b, "\r\n")); blank > 0 && !awaited(s.State) {
		return blank, nil // some clients end a body with a line end that its length does not count
	}
	c := call{s: s, f: f, received: in.Received}
	var r request
	n := 0
	if awaited(s.State) {
		r.resume(s.State)
	} else {
		method, more := startsMethod(b)
		switch {
		case more && !in.Final:
			return 0, nil
		case !method && in.Final:
			if r.bare(b); r.status == 0 {
				c.answer(&r)
				return len(b), nil
			}
			fallthrough
		case !method:
			return 0, fmt.Errorf("osmand: not an HTTP request: %w", protocols.ErrMalformed)
		}
		if n = r.head(b, in.Final); n == 0 {
			return 0, nil
		}
		if r.status == 0 && r.expect {
			if state := r.await(); state != "" {
				s.State = state
				f.Type = "continue"
				f.Reply = append(f.Reply, "HTTP/1.1 100 Continue\r\n\r\n"...)
				return n, nil
			}
		}
	}
	if r.status == 0 {
		size := r.readBody(b[n:])
		if size < 0 && !in.Final {
			return 0, nil
		}
		if size < 0 {
			return len(b), fmt.Errorf("osmand: the body is cut off: %w", protocols.ErrMalformed)
		}
		n += size
	}
	if n == 0 {
		return 0, fmt.Errorf("osmand: an awaited body of no length: %w", protocols.ErrMalformed)
	}
	if s.State != "" {
		s.State = ""
	}
	c.answer(&r)
	return n, nil
}

// answer reads the report that a request carries and prepares the answer.
func (c *call) answer(r *request) {
	c.f.Type = "other"
	c.f.Note(r.target, "target", "path, and the query with the report")
	c.f.Note(r.body, "body", "form or JSON with the report")
	status := r.status
	if status == 0 {
		first := len(c.f.Events)
		if status = c.report(r); status != 200 {
			c.f.Events = c.f.Events[:first]
		}
		if option, _ := c.s.Options.Get("bad_input"); status == 400 && option == "accept" && c.s.Device != "" {
			c.keep(r)
			status = 200
		}
	}
	c.f.Close = r.close
	c.f.Reply = appendAnswer(c.f.Reply, status, r.close)
	refusal := 400
	if c.json {
		refusal = 404
	}
	c.f.Refuse = appendAnswer(c.f.Refuse, refusal, false)
}

// report reads the report of a request and returns the status that it deserves. Events of a request that does not get 200 do not count.
func (c *call) report(r *request) int {
	if !r.get && !r.post {
		return 405
	}
	if len(r.body) > 0 && (r.json || r.body[0] == '{') {
		c.f.Type, c.json = "json", true
		batch := *c // kept by what reads it; c is on the stack, and most reports are no batches
		return batch.batch(r.body)
	}
	query := r.query()
	switch {
	case len(query) > 0 && len(r.body) > 0:
		c.f.Type = "form"
		return c.parameters(query, r.body)
	case len(r.body) > 0:
		c.f.Type = "form"
		return c.parameters(r.body, nil)
	}
	c.f.Type = "query"
	return c.parameters(query, nil)
}

// keep makes an event of a report that can not be read.
func (c *call) keep(r *request) {
	e := c.f.Add(protocols.Status)
	text := r.body
	if len(text) == 0 {
		text = r.query()
	}
	addRaw(e, text)
	e.FP = protocols.Fingerprint(text)
}

// known is the text of b, without an allocation where it is the device's id, as it mostly is.
func (c *call) known(b []byte) string {
	if c.s.Device == string(b) {
		return c.s.Device
	}
	return string(b)
}

// identify takes the identity of a report. False: it is none.
func (c *call) identify(id string) bool {
	id = strings.TrimSpace(id)
	if len(id) == 0 || len(id) > protocols.MaxIdentity {
		return false
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] == 0x7f {
			return false
		}
	}
	if c.s.Device != id {
		c.s.Device = strings.Clone(id)
	}
	return true
}
