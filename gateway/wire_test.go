package gateway

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// wire is a line protocol made for these tests: it can do on demand what real devices do rarely.
//
//	login ID        answered "ok", or "no" when refused
//	fix SECONDS LAT LNG   a position, answered "1"
//	panic | sum | junk    a decoder that panics, a bad checksum, a malformed frame
//	many N          a frame with N positions
var wire = protocols.Protocol{Name: "wire", Version: 1, TCP: 1, UDP: 1, MaxLogin: 64, MaxFrame: 4096,
	Detect: func(first []byte, _ bool) (protocols.Verdict, string) {
		if bytes.HasPrefix(first, []byte("login ")) {
			return protocols.Sure, "says login"
		}
		if bytes.HasPrefix([]byte("login "), first) {
			return protocols.More, "may become a login"
		}
		if first[0] == 'b' {
			return protocols.Likely, "may be a heartbeat"
		}
		return protocols.No, "does not say login"
	},
	Decode: decodeWire,
}

// vague can never tell whether a stream is its own.
var vague = protocols.Protocol{Name: "vague", Version: 1, TCP: 2, MaxLogin: 64, MaxFrame: 64,
	Detect: func(first []byte, _ bool) (protocols.Verdict, string) {
		if first[0] == 'b' {
			return protocols.More, "starts with a b"
		}
		return protocols.No, "does not start with a b"
	},
	Decode: func(*protocols.Session, protocols.Input, *protocols.Frame) (int, error) {
		return 0, protocols.ErrMalformed
	},
}

func decodeWire(s *protocols.Session, in protocols.Input, f *protocols.Frame) (int, error) {
	end := bytes.IndexByte(in.Bytes, '\n')
	n := end + 1
	if end < 0 {
		if !in.Final {
			return 0, nil
		}
		end, n = len(in.Bytes), len(in.Bytes)
	}
	line := in.Bytes[:end]
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return n, fmt.Errorf("wire: empty: %w", protocols.ErrMalformed)
	}
	f.Type = words[0]
	number := func(i int) float64 {
		v, _ := strconv.ParseFloat(words[i], 64)
		return v
	}
	add := func(seconds int, lat, lng float64) {
		e := f.Add(protocols.Position)
		e.Time = protocols.Millis(seconds) * 1000
		e.SetFix(lat, lng, true)
		e.FP = protocols.Fingerprint(line)
		if z := s.Options.Zone; z.Set {
			e.Time -= protocols.Millis(z.Seconds) * 1000
		}
	}
	switch {
	case words[0] == "login" && len(words) == 2:
		s.Device = words[1]
		f.Reply, f.Refuse = append(f.Reply, "ok\n"...), append(f.Refuse, "no\n"...)
	case words[0] == "fix" && len(words) == 4:
		add(int(number(1)), number(2), number(3))
		f.Reply = append(f.Reply, "1\n"...)
	case words[0] == "many" && len(words) == 3:
		count := min(int(number(1)), 1000)
		for i := range count {
			add(int(number(2))+i, 1, float64(i%90)+1)
		}
		f.Reply = fmt.Appendf(f.Reply, "%d\n", count)
	case words[0] == "beat":
		e := f.Add(protocols.Status)
		e.Int("battery_pct", 50)
		e.FP = protocols.Fingerprint(line)
		f.Reply = append(f.Reply, "beat\n"...)
	case words[0] == "panic":
		var none []byte
		_ = none[len(line)]
	case words[0] == "sum":
		add(int(time.Now().Unix()), 1, 1)
		f.Reply = append(f.Reply, "1\n"...)
		return n, fmt.Errorf("wire: %w", protocols.ErrChecksum)
	default:
		return n, fmt.Errorf("wire: %w", protocols.ErrMalformed)
	}
	return n, nil
}
