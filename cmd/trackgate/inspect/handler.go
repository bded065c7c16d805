package inspect

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// Limits of a request for decoding: what a person pastes, not a load.
const (
	maxRequest   = 64 << 10
	maxPasted    = 8 << 10 // bytes of all frames together
	maxFrames    = 64      // lines
	askedRequest = 1 << 15 // how often decoders may be asked about one request
	atOnce       = 2       // requests being explained; others wait
	patience     = 5 * time.Second
)

// Handler answers `POST /api/decode`: what the bytes in a request mean, byte by byte. It authenticates nobody: whoever mounts it does.
//
//	{"input":"7878...","kind":"","protocol":""}
//
// Each line of input is a frame, and the lines follow each other as on one connection. kind is hex, text, or empty: what a person types, told apart as
// `decode` does. protocol empty: the bytes tell. An empty input is answered with the names of the protocols alone.
func Handler(list []*protocols.Protocol) http.Handler {
	return &handler{protocols: list, busy: make(chan struct{}, atOnce)}
}

type handler struct {
	protocols []*protocols.Protocol
	busy      chan struct{}
}

// question is the body of a request.
type question struct {
	Input    string `json:"input"`
	Kind     string `json:"kind"`
	Protocol string `json:"protocol"`
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q question
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	if err := d.Decode(&q); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a request of more than %d bytes", maxRequest))
			return
		}
		refuse(w, http.StatusBadRequest, "the body is not a JSON object with input, kind and protocol")
		return
	}
	frames, err := pasted(&q)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	case <-wait.C:
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "others are being decoded")
		return
	case <-r.Context().Done():
		return
	}
	b, err := h.answer(&q, frames)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b) // an error here is the visitor's going away
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}

// pasted are the frames of a request.
func pasted(q *question) (frames [][]byte, err error) {
	total := 0
	for line := range strings.SplitSeq(q.Input, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var b []byte
		switch q.Kind {
		case "":
			b, err = FromArgument(line)
		case "hex":
			b, err = FromHex(line)
		case "text":
			b = FromText(line)
		default:
			return nil, fmt.Errorf("kind %q is neither hex nor text", q.Kind)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(frames)+1, err)
		}
		frames = append(frames, b)
		if total += len(b); total > maxPasted || len(frames) > maxFrames {
			return nil, fmt.Errorf("more than %d frames or %d bytes", maxFrames, maxPasted)
		}
	}
	return frames, nil
}

// answer is the JSON of an answer:
//
//	{"protocols":["calamp",...],
//	 "candidates":[{"protocol","verdict","over","port","reason","meaning"}],
//	 "results":[{"protocol","over","bytes","device","error","frames":[{"offset","length","type","error","reply","events":[...]}],"explain":[...]}]}
//
// An entry of explain is as in `decode --jsonl --explain`.
func (h *handler) answer(q *question, frames [][]byte) ([]byte, error) {
	d := &Decoder{Protocols: h.protocols, Explain: true, Asks: askedRequest}
	if q.Protocol != "" {
		var err error
		if d.Default, err = d.ByName(q.Protocol); err != nil {
			return nil, err
		}
	}
	b := []byte(`{"protocols":[`)
	for i, p := range h.protocols {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p.Name)
	}
	b = append(b, `],"candidates":[`...)
	var found []Finding
	if len(frames) > 0 {
		found = d.Identify(frames[0])
	}
	for i, f := range found {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"protocol":`...), f.Protocol.Name)
		b = appendString(append(b, `,"verdict":`...), f.Verdict.String())
		b = appendString(append(b, `,"over":`...), transport(f.Result.Datagram))
		b = fmt.Appendf(b, `,"port":%d`, port(f.Protocol, f.Result.Datagram))
		b = appendString(append(b, `,"reason":`...), f.Reason)
		b = append(appendString(append(b, `,"meaning":`...), f.Result.brief()), '}')
	}
	b = append(b, `],"results":[`...)
	for i, frame := range frames {
		if i > 0 {
			b = append(b, ',')
		}
		r := d.Decode("", nil, frame)
		b = r.appendWhole(b)
	}
	return append(b, ']', '}', '\n'), nil
}

// appendWhole appends what a page needs to show the result.
func (r *Result) appendWhole(b []byte) []byte {
	b = append(b, `{"protocol":`...)
	if r.Protocol == nil {
		b = append(b, "null"...)
	} else {
		b = appendString(b, r.Protocol.Name)
	}
	b = appendString(append(b, `,"over":`...), transport(r.Datagram))
	b = append(b, `,"bytes":"`...)
	b = hex.AppendEncode(b, r.Bytes)
	b = append(b, `","frames":[`...)
	for i := range r.Frames {
		if i > 0 {
			b = append(b, ',')
		}
		f := &r.Frames[i]
		b = appendString(fmt.Appendf(b, `{"offset":%d,"length":%d,"type":`, f.Offset, f.Len), f.Type)
		b = append(b, `,"error":`...)
		if f.Err == nil {
			b = append(b, "null"...)
		} else {
			b = appendString(b, f.Err.Error())
		}
		b = append(b, `,"reply":"`...)
		b = append(hex.AppendEncode(b, f.Reply), `","events":[`...)
		for k := range f.Events {
			if k > 0 {
				b = append(b, ',')
			}
			b = f.Events[k].AppendJSON(b)
		}
		b = append(b, ']', '}')
	}
	b = r.appendExplain(append(b, `],"explain":`...))
	b = append(b, `,"error":`...)
	if fault := r.Fault(); fault == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, fault)
	}
	b = append(b, `,"device":`...)
	if r.Device == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, r.Device)
	}
	return append(b, '}')
}
