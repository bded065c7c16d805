package osmand

import (
	"bytes"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyStart  = "does not begin with an HTTP request"
	whyShort  = "begins like an HTTP request, too short to tell"
	whyHTTP   = "an HTTP request"
	whyQuery  = "parameters of OsmAnd's protocol"
	whyJSON   = "JSON of a background location app"
	whyOther  = "an HTTP request of another protocol"
	whyTarget = "a target with a query, without its request"
)

// detectWithin is how far into a stream it is looked at.
const detectWithin = 512

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	b = b[:min(len(b), detectWithin)]
	if len(b) == 0 {
		return protocols.More, whyShort
	}
	if b[0] == '/' || b[0] == '{' {
		return detectBare(b)
	}
	if yes, more := startsMethod(b); !yes {
		if more {
			return protocols.More, whyShort
		}
		return protocols.No, whyStart
	}
	at := bytes.IndexByte(b, ' ') + 1
	if at == len(b) {
		return protocols.More, whyShort
	}
	if b[at] != '/' && b[at] != 'h' && b[at] != '*' {
		return protocols.No, whyStart
	}
	line := b[at:]
	end := bytes.IndexByte(line, '\n')
	if end >= 0 {
		line = line[:end]
	}
	if v, why := detectQuery(line); v != protocols.Likely || end < 0 {
		return v, why
	}
	device, kind := bytes.Index(b, []byte(`"device_id"`)), bytes.Index(b, []byte(`"_type"`))
	switch {
	case kind >= 0 && (device < 0 || kind < device):
		return protocols.No, whyOther
	case device >= 0:
		return protocols.Sure, whyJSON
	}
	return protocols.Likely, whyHTTP
}

// detectQuery judges the names of parameters in their order.
func detectQuery(line []byte) (protocols.Verdict, string) {
	_, query, _ := bytes.Cut(line, []byte("?"))
	id, place := false, false
	for len(query) > 0 {
		pair := query
		if at := bytes.IndexByte(query, '&'); at >= 0 {
			pair, query = query[:at], query[at+1:]
		} else {
			query = nil
		}
		end := bytes.IndexByte(pair, '=')
		if end < 0 {
			continue
		}
		switch string(pair[:end]) {
		case "id", "deviceid":
			id = true
		case "lat", "lon", "location", "timestamp":
			place = true
		case "gprmc", "rmc", "acct", "dev":
			return protocols.No, whyOther // OpenGTS
		}
		if id && place {
			return protocols.Sure, whyQuery
		}
	}
	return protocols.Likely, whyHTTP
}

// detectBare judges what is left of a request in logs: a target, or a body in JSON.
func detectBare(b []byte) (protocols.Verdict, string) {
	for _, start := range [...]string{"/?", `{"location":`, `{"device_id":`} {
		if len(b) >= len(start) && string(b[:len(start)]) == start {
			if start != "/?" {
				return protocols.Likely, whyJSON
			}
			if v, why := detectQuery(b); v != protocols.Sure {
				return v, why
			}
			return protocols.Likely, whyTarget
		}
		if len(b) < len(start) && start[:len(b)] == string(b) {
			return protocols.More, whyShort
		}
	}
	return protocols.No, whyStart
}
