package queclink

import "github.com/trackgate/trackgate/protocols"

// shape says how a report is laid out.
type shape uint8

const (
	located  shape = iota // event fields, a location group, a tail
	numbered              // power, report id and type, number, and that many groups
	still                 // no group
)

// layout is a report by the document.
type layout struct {
	name  string // the letters behind GT
	shape shape
	ahead int    // fields between names and the first group
	alarm string // raised whatever the fields say
}

var layouts = func() map[string]layout {
	m := map[string]layout{}
	for _, l := range [...]layout{
		{"FRI", numbered, 3, ""}, {"ERI", numbered, 4, ""}, {"GEO", numbered, 3, ""}, {"SPD", numbered, 3, "overspeed"},
		{"SOS", numbered, 3, "sos"}, {"RTL", numbered, 3, ""}, {"PNL", numbered, 3, ""}, {"NMR", numbered, 3, ""},
		{"DIS", numbered, 3, "input"}, {"DOG", numbered, 3, ""}, {"IGL", numbered, 3, ""}, {"HBM", numbered, 3, ""},
		{"STR", numbered, 3, ""}, {"STP", numbered, 3, ""}, {"LSP", numbered, 3, ""}, {"CTN", numbered, 3, ""},
		{"TOW", numbered, 3, "tow"}, {"LSA", numbered, 3, ""},
		{"LBC", located, 1, ""}, {"GCR", located, 3, ""},
		{"IGN", located, 1, ""}, {"IGF", located, 1, ""}, {"VGN", located, 1, ""}, {"VGF", located, 1, ""},
		{"STT", located, 1, ""}, {"IOB", located, 1, "input"}, {"GIN", located, 1, "geofence_enter"}, {"GOT", located, 1, "geofence_exit"},
		{"IDL", located, 0, "idling"}, {"IDN", located, 0, "idling"}, {"IDF", located, 1, ""},
		{"LSW", located, 2, ""}, {"TSW", located, 2, ""}, {"MPN", located, 0, "power_restored"}, {"MPF", located, 0, "power_cut"},
		{"EPN", located, 0, "power_restored"}, {"EPF", located, 0, "power_cut"}, {"BTC", located, 0, "charging"}, {"STC", located, 0, ""},
		{"BPL", located, 1, "low_battery"}, {"JDR", located, 0, "jamming"}, {"JDS", located, 1, ""}, {"ANT", located, 1, ""},
		{"CRA", located, 0, "collision"}, {"CRD", located, 0, "collision"}, {"TEM", located, 2, "temperature"}, {"TMP", located, 2, "temperature"},
		{"SWG", located, 1, "geofence"}, {"IDA", located, 4, ""}, {"DAR", located, 4, ""}, {"BAA", located, -1, ""}, {"BID", located, -1, ""},
		{"DAT", located, 4, ""}, {"OBD", located, -1, ""}, {"CAN", located, -1, ""},
		{"TRI", located, 3, ""}, {"EST", located, 3, ""}, {"SZI", located, 3, ""},
		{"PNA", still, 0, "power_on"}, {"PFA", still, 0, "power_off"}, {"PDP", still, 0, ""}, {"INF", still, 0, ""}, {"DTT", still, 0, ""},
		{"WIF", still, 0, ""}, {"LBS", still, 0, ""}, {"GSM", still, 0, ""}, {"VER", still, 0, ""}, {"CID", still, 0, ""}, {"CSQ", still, 0, ""},
		{"BAT", still, 0, ""}, {"TMZ", still, 0, ""},
	} {
		m[l.name] = l
	}
	return m
}()

// commands are the names that only answers to commands have.
var commands = func() map[string]string {
	m := map[string]string{}
	for _, name := range [...]string{"HBD", "RTO", "OUT", "SRI", "BSI", "CFG", "QSS", "JDC", "PIN", "TOW", "UPD", "UPC", "CMD", "UDF", "WLT", "DOS",
		"PDS", "FFC", "GAM", "GLM", "GBC", "NTS", "NMD", "FKS", "OWH", "EPS", "AIS", "ACD", "HMC", "HRM", "IDC", "EXT", "SMS", "PEO", "AVS"} {
		m[name] = name
	}
	return m
}()

// knownReport is the name of a report that the document has, without allocating; empty for any other.
func knownReport(name []byte) string {
	if l, ok := layouts[string(name)]; ok {
		return l.name
	}
	return commands[string(name)]
}

// read reads a report of any kind.
func (c *call) read() {
	l := layouts[c.report]
	switch {
	case c.report == "CAN":
		c.can()
		return
	case l.shape == still && l.name != "":
		e := c.add(protocols.Status)
		e.Alarm = l.alarm
		c.readStill(e)
		c.rest(e)
		c.finish(e)
		return
	}
	want := c.body + l.ahead
	if l.name == "" || l.ahead < 0 {
		want = -1
	}
	g, ok := c.firstGroup(want)
	if !ok {
		e := c.add(protocols.Status)
		if l.shape == located && want >= 0 && want < c.end {
			c.ahead(e, l, want)
		} else {
			c.alarm(e, l.alarm)
		}
		c.rest(e)
		c.finish(e)
		return
	}
	n := int64(1)
	if l.shape == numbered {
		n, _ = readInt(c.m.at(g - 1))
	}
	first := g
	for {
		e := c.add(protocols.Status)
		t := c.group(e, g)
		next, more := 0, false
		if n--; n > 0 {
			next, more = c.nextGroup(t)
		}
		if more || first != g {
			e.FP = c.identity(g, t)
		}
		if !more {
			c.ahead(e, l, first)
			c.behind(e, l, t)
			c.rest(e)
			c.finish(e)
			return
		}
		c.finish(e)
		g = next
	}
}

// nextGroup finds the group that follows one which ends before field t.
func (c *call) nextGroup(t int) (int, bool) {
	g, ok := c.anchor(t)
	if ok && g == t {
		return g, true
	}
	if c.isBlank(t) {
		return t, true
	}
	return g, ok
}

// identity is the fingerprint of one group among several: that of the message, and the group's own bytes.
func (c *call) identity(from, to int) int32 {
	base := [4]byte{byte(c.base >> 24), byte(c.base >> 16), byte(c.base >> 8), byte(c.base)}
	return protocols.Fingerprint(base[:], c.m.b[c.m.start(from):c.m.start(to)])
}

// alarm raises an alarm, if it is one.
func (c *call) alarm(e *protocols.Event, name string) {
	if name != "" {
		e.Alarm = name
	}
}

// digit is the value of a field of one digit.
func digit(b []byte) (int64, bool) {
	v, ok := readInt(b)
	return v, ok && len(b) == 1
}
