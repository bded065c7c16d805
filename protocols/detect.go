package protocols

// Verdict is what a protocol makes of the first bytes of a stream.
type Verdict uint8

const (
	No     Verdict = iota // these bytes are not mine, whatever follows
	More                  // can not tell yet
	Likely                // mine by the start marker alone: yields to Sure
	Sure                  // mine by structure or checksum
)

func (v Verdict) String() string { return [...]string{"no", "more", "likely", "sure"}[v] }

// Candidate is a protocol that may own a stream, and why.
type Candidate struct {
	Protocol *Protocol
	Verdict  Verdict
	Reason   string
}

// Detect recognises a stream by its first bytes. It returns nil and true while more bytes may tell, nil and false when no protocol can
// be recognised any more. With final, no more bytes will come, and the best that is left is taken if it is alone.
func Detect(list []*Protocol, first []byte, datagram, final bool) (p *Protocol, more bool) {
	var sure, likely, open int
	var best *Protocol
	for _, c := range list {
		if c.Detect == nil || (datagram && c.UDP == 0) || (!datagram && c.TCP == 0) {
			continue
		}
		switch v, _ := c.Detect(first, datagram); v {
		case Sure:
			if sure++; sure == 1 {
				best = c
			}
		case Likely:
			if likely++; likely == 1 && sure == 0 {
				best = c
			}
		case More:
			open++
		}
	}
	switch {
	case sure == 1:
		return best, false
	case sure > 1:
		return nil, !final
	case likely == 1 && (open == 0 || final):
		return best, false
	case likely+open > 0 && !final:
		return nil, true
	}
	return nil, false
}

// Detector is Detect over a list that stays the same. Of a stream it asks only the protocols that its first byte does not rule out: their verdict No on one
// byte holds for whatever follows.
type Detector struct {
	all     []*Protocol
	streams [256][]*Protocol // by first byte
}

// NewDetector makes a Detector of a list, which it keeps.
func NewDetector(list []*Protocol) *Detector {
	d := &Detector{all: list}
	for b := range d.streams {
		for _, p := range list {
			if p.Detect == nil || p.TCP == 0 {
				continue
			}
			if v, _ := p.Detect([]byte{byte(b)}, false); v != No {
				d.streams[b] = append(d.streams[b], p)
			}
		}
	}
	return d
}

// Detect is the function of that name.
func (d *Detector) Detect(first []byte, datagram, final bool) (p *Protocol, more bool) {
	if datagram || len(first) == 0 {
		return Detect(d.all, first, datagram, final)
	}
	return Detect(d.streams[first[0]], first, false, final)
}

// Candidates lists every protocol that does not rule the bytes out, with its reason.
func Candidates(list []*Protocol, first []byte, datagram bool) []Candidate {
	var out []Candidate
	for _, c := range list {
		if c.Detect == nil {
			continue
		}
		if v, why := c.Detect(first, datagram); v != No {
			out = append(out, Candidate{c, v, why})
		}
	}
	return out
}
