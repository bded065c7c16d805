package calamp

import (
	"strconv"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// accNames are the attributes of the accumulators, whose meaning is the customer's.
var accNames = numbered("acc", 64)

// eventKeys are the options that name event codes.
var eventKeys = numbered("event_", 256)

func numbered(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = prefix + strconv.Itoa(i)
	}
	return list
}

// accumulators reads
//
//	count and format 1 | append 1, not in mini reports | threshold 4, mask 4, of format 1 alone | count times 4
//
// A datagram may end before the last one announced. What formats 2 and 3 hold is not known, and stays for padding.
func accumulators(s *protocols.Session, e *protocols.Event, r *protocols.Reader, long bool) {
	if r.Len() == 0 {
		return
	}
	head := r.U8()
	if long && r.Len() > 0 {
		if v := r.U8(); v != 0 {
			e.Int("append", int64(v))
		}
	}
	switch head >> 6 {
	case 0:
	case 1:
		if r.Len() < 8 {
			return
		}
		e.Int("acc_threshold", int64(r.U32()))
		e.Int("acc_mask", int64(r.U32()))
	default:
		e.Int("acc_format", int64(head>>6))
		return
	}
	for i := range int(head & 0x3f) {
		if r.Len() < 4 {
			return
		}
		v := r.U32()
		if s.Options.Extra == "" || !mapped(s, e, accNames[i], v) {
			e.Int(accNames[i], int64(v))
		}
	}
}

// mapped adds an accumulator under the name that the operator gave it; false: none, or one that can not be.
func mapped(s *protocols.Session, e *protocols.Event, key string, v uint32) bool {
	target, ok := s.Options.Get(key)
	if !ok {
		return false
	}
	target, times, scaled := strings.Cut(target, "*")
	factor := 1.0
	if scaled {
		var err error
		if factor, err = strconv.ParseFloat(times, 64); err != nil {
			return false
		}
	}
	if _, again := e.Attrs.Get(target); again || protocols.Dictionary[target].Type != "number" {
		return false
	}
	if factor == 1 {
		e.Int(target, int64(v))
	} else {
		// Two roundings would show: 12450 * 0.001 is written as 12.450000000000001, 12450 / 1000 is not.
		if inverse := 1 / factor; factor < 1 && inverse == float64(int64(inverse)) {
			e.Float(target, float64(v)/inverse)
		} else {
			e.Float(target, float64(v)*factor)
		}
	}
	_, added := e.Attrs.Get(target)
	return added
}

// padding keeps what follows the last field, but for zeros, which fill some datagrams up.
func padding(e *protocols.Event, r *protocols.Reader) {
	rest := r.Rest()
	for _, x := range rest {
		if x != 0 {
			name := "raw"
			if _, taken := e.Attrs.Get(name); taken {
				name = "raw_rest"
			}
			e.Text(name, hexText(rest))
			return
		}
	}
}
