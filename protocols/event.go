package protocols

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// Event is one normalised record, whatever the protocol: see docs/event.md for its JSON form. Units: degrees WGS84, metres,
// km/h, degrees clockwise from north.
type Event struct {
	Vehicle  string // what the device is mounted on, by the registry; else the device's own id
	Device   string // IMEI or the protocol's own identity
	Protocol string
	Kind     Kind

	Time     Millis // the device's time of the fix; Received where the device sent none
	Received Millis // when the gateway read it
	Lat, Lng float64
	Alt      float64
	Speed    float64
	Course   float64
	HDOP     float64
	Sats     uint8

	Has   Fields // which of the optional fields were sent
	Valid bool   // the device vouches for the coordinates; meaningful with HasFix
	// NoTime says that the device sent no usable time. Such a record is never taken for a repetition of another.
	NoTime bool
	Stored bool // the protocol marks the record as a stored upload
	// Quarantined says that the operator does not trust the device: the record is stored apart and never published.
	Quarantined bool
	Late        bool // Stored, old at receipt, or older than what was known of the vehicle: never moves the live position

	Alarm string // one of Alarms, or empty
	Attrs Attrs
	notes *Notes // of the frame, while its decoder builds the event

	// FP hashes the bytes that a device repeats unchanged when it sends the record again: see Fingerprint. Together with
	// Device and Time it is the record's identity.
	FP int32

	Session Millis // start of the connection that carried it
	Counter uint32 // of events within that connection

	Index uint64 // of the journal record
	Raw   []byte // the frame, while the batch that holds the event is being written
}

// Kind of an event.
type Kind uint8

const (
	Position      Kind = iota // a fix, valid or not
	Status                    // no fix of its own: heartbeat, cells only
	Alarm                     // something happened
	CommandResult             // a device's answer to a command
)

var kinds = [...]string{"position", "status", "alarm", "command_result"}

func (k Kind) String() string { return kinds[k] }

// ParseKind is the inverse of String; false for anything else.
func ParseKind(s string) (Kind, bool) {
	for i, name := range kinds {
		if s == name {
			return Kind(i), true
		}
	}
	return 0, false
}

// Fields is a set of the event's optional fields.
type Fields uint8

const (
	HasFix Fields = 1 << iota // Lat, Lng and Valid
	HasAlt
	HasSpeed
	HasCourse
	HasSats
	HasHDOP
)

// SetFix records coordinates in degrees. Coordinates outside the globe, and exactly 0,0, are no fix: false.
func (e *Event) SetFix(lat, lng float64, valid bool) bool {
	if !(lat >= -90 && lat <= 90 && lng >= -180 && lng <= 180) || (lat == 0 && lng == 0) {
		return false
	}
	e.Lat, e.Lng, e.Valid = lat, lng, valid
	e.Has |= HasFix
	return true
}

// SetAlt records metres above sea level. What no vehicle reaches is dropped: false.
func (e *Event) SetAlt(m float64) bool {
	if !(m > -15_000 && m < 100_000) {
		return false
	}
	e.Alt = m
	e.Has |= HasAlt
	return true
}

// SetSpeed records km/h. A negative speed, and one that no vehicle reaches, is dropped: false.
func (e *Event) SetSpeed(kmh float64) bool {
	if !(kmh >= 0 && kmh < 10_000) {
		return false
	}
	e.Speed = kmh
	e.Has |= HasSpeed
	return true
}

// SetCourse records degrees clockwise from north; 360 is 0, and what is beyond is dropped: false.
func (e *Event) SetCourse(deg float64) bool {
	if !(deg >= 0 && deg <= 360) {
		return false
	}
	if deg == 360 {
		deg = 0
	}
	e.Course = deg
	e.Has |= HasCourse
	return true
}

// SetSats records the number of satellites used.
func (e *Event) SetSats(n uint8) { e.Sats = n; e.Has |= HasSats }

// SetHDOP records the horizontal dilution of precision. What makes no sense is dropped: false.
func (e *Event) SetHDOP(v float64) bool {
	if !(v >= 0 && v < 1000) {
		return false
	}
	e.HDOP = v
	e.Has |= HasHDOP
	return true
}

// complete fills what every decoder would fill in the same way.
func (e *Event) complete(p *Protocol, s *Session, in Input) {
	e.Protocol, e.Received, e.notes = p.Name, in.Received, nil
	if e.Device == "" {
		e.Device = s.Device
	}
	switch {
	case e.Time == 0:
		e.Time, e.NoTime = in.Received, true
	case !e.NoTime:
		e.Time += Millis(s.Options.Shift)
	}
}

// ID is the record's stable name: the same record sent again by the device has the same id.
func (e *Event) ID() string { return string(e.AppendID(nil)) }

// AppendID appends ID to b.
func (e *Event) AppendID(b []byte) []byte {
	b = append(b, e.Device...)
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(e.Time), 10)
	b = append(b, '-')
	return appendHex32(b, uint32(e.FP))
}

// Seq is `<13-digit session start in ms>-<10-digit counter>`, compared as text: it finds repetitions and gaps within a session.
// An event that went through no session has none.
func (e *Event) Seq() string {
	if e.Session == 0 {
		return ""
	}
	return string(e.AppendSeq(nil))
}

// AppendSeq appends Seq to b.
func (e *Event) AppendSeq(b []byte) []byte {
	b = appendPadded(b, uint64(e.Session), 13)
	b = append(b, '-')
	return appendPadded(b, uint64(e.Counter), 10)
}

// ParseSeq is the inverse of Seq.
func ParseSeq(s string) (session Millis, counter uint32, ok bool) {
	head, tail, found := strings.Cut(s, "-")
	if !found || len(head) != 13 || len(tail) != 10 {
		return 0, 0, false
	}
	a, err1 := strconv.ParseUint(head, 10, 62)
	b, err2 := strconv.ParseUint(tail, 10, 32)
	return Millis(a), uint32(b), err1 == nil && err2 == nil
}

// Place says where in its connection the event came. It completes the identity of an event that has no time of its own: nothing but its
// place tells such a record from the one before, and a replay of the journal repeats the place.
func (e *Event) Place(session Millis, counter uint32) {
	e.Session, e.Counter = session, counter
	if e.NoTime {
		var place [12]byte
		binary.LittleEndian.PutUint64(place[:], uint64(session))
		binary.LittleEndian.PutUint32(place[8:], counter)
		e.FP ^= Fingerprint(place[:])
	}
}

// Limits of the rules on time.
const (
	LateAfter     Millis = 120_000             // older at receipt is late
	FutureBeyond  Millis = 10 * 60_000         // further ahead of the receipt is the future
	HistoryWindow Millis = 29 * 24 * 3_600_000 // older at receipt is kept apart
)

// Future says that the device's clock is ahead beyond tolerance: such a fix is stored and never live.
func (e *Event) Future() bool { return e.Time > e.Received+FutureBeyond }

// Wild says that the time is so far off that the record is kept apart from the history: a tracker with a random clock must
// not make thousands of partitions.
func (e *Event) Wild() bool { return e.Future() || e.Time < e.Received-HistoryWindow }

// Apart says that the record does not belong into the history but beside it.
func (e *Event) Apart() bool { return e.Quarantined || e.Wild() }

// Live says that the event may move the vehicle on the map: a valid fix of now.
func (e *Event) Live() bool {
	return e.Has&HasFix != 0 && e.Valid && !e.Late && !e.Quarantined && !e.Future()
}

// MarkLate sets Late by the rule: a stored upload, old at receipt, or older than newest, the newest live time known of the
// vehicle before this record.
func (e *Event) MarkLate(newest Millis) {
	old := !e.NoTime && e.Time < e.Received-LateAfter
	passed := e.Time < newest && (!e.NoTime || e.Has&HasFix != 0)
	e.Late = e.Stored || old || passed
}

// appendPadded appends v with zeros before it, width digits at least.
func appendPadded(b []byte, v uint64, width int) []byte {
	var d [20]byte
	i := len(d)
	for v > 0 || i > len(d)-width {
		i--
		d[i] = byte('0' + v%10)
		v /= 10
	}
	return append(b, d[i:]...)
}

func appendHex32(b []byte, v uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[v>>uint(shift)&15])
	}
	return b
}
