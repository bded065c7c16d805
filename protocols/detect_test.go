package protocols

import "testing"

func TestDetect(t *testing.T) {
	says := func(name string, v Verdict) *Protocol {
		return &Protocol{Name: name, TCP: 1, Detect: func([]byte, bool) (Verdict, string) { return v, name }}
	}
	no, more, likely, sure := says("no", No), says("more", More), says("likely", Likely), says("sure", Sure)
	udp := &Protocol{Name: "udp", UDP: 1, Detect: func([]byte, bool) (Verdict, string) { return Sure, "" }}
	f := func(list []*Protocol, final bool, want *Protocol, wantMore bool) {
		t.Helper()
		got, gotMore := Detect(list, []byte{1}, false, final)
		if got != want || gotMore != wantMore {
			t.Errorf("got %v, more %v; want %v, %v", got, gotMore, want, wantMore)
		}
	}
	f([]*Protocol{no}, false, nil, false)
	f([]*Protocol{no, more}, false, nil, true)
	f([]*Protocol{no, more}, true, nil, false)
	f([]*Protocol{likely, no}, false, likely, false)
	f([]*Protocol{likely, more}, false, nil, true)
	f([]*Protocol{likely, more}, true, likely, false)
	f([]*Protocol{likely, likely}, false, nil, true)
	f([]*Protocol{likely, likely}, true, nil, false)
	f([]*Protocol{likely, sure, more}, false, sure, false)
	f([]*Protocol{sure, sure}, false, nil, true)
	f([]*Protocol{sure, sure}, true, nil, false)
	f([]*Protocol{udp, likely}, false, likely, false) // not offered over TCP
	f(nil, false, nil, false)
}
