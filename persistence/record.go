package persistence

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/trackgate/trackgate/protocols"
)

// record is a stored row as it is read back.
type record struct {
	event protocols.Event
	id    int64 // of the device
	attrs []byte

	time, received, session            stamp
	kind                               string
	lat, lng, alt, speed, course, hdop *float64
	sats                               *int16
	valid                              *bool
	alarm                              *string
	counter                            int64
	ignition, motion                   *bool
	odometer                           *float64
}

// targets are where a row's columns are scanned to, in the order of columns.
func (r *record) targets() []any {
	return []any{
		&r.id, &r.time, &r.event.FP, &r.received, &r.event.Vehicle, &r.event.Protocol, &r.kind,
		&r.lat, &r.lng, &r.alt, &r.speed, &r.course, &r.sats, &r.hdop,
		&r.valid, &r.event.Late, &r.event.Stored, &r.event.NoTime, &r.alarm, &r.session, &r.counter,
		&r.ignition, &r.motion, &r.odometer, &r.attrs,
	}
}

// finish turns the scanned columns into the event.
func (r *record) finish() error {
	e := &r.event
	var ok bool
	if e.Kind, ok = protocols.ParseKind(r.kind); !ok {
		return fmt.Errorf("store: a row of kind %q", r.kind)
	}
	e.Time, e.Received, e.Session = protocols.Millis(r.time), protocols.Millis(r.received), protocols.Millis(r.session)
	e.Counter = uint32(r.counter)
	if r.lat != nil && r.lng != nil {
		e.Lat, e.Lng, e.Has = *r.lat, *r.lng, e.Has|protocols.HasFix
		e.Valid = r.valid != nil && *r.valid
	}
	if r.alt != nil {
		e.SetAlt(*r.alt)
	}
	if r.speed != nil {
		e.SetSpeed(*r.speed)
	}
	if r.course != nil {
		e.Course, e.Has = *r.course, e.Has|protocols.HasCourse
	}
	if r.sats != nil {
		e.SetSats(uint8(*r.sats))
	}
	if r.hdop != nil {
		e.SetHDOP(*r.hdop)
	}
	if r.alarm != nil {
		e.Alarm = *r.alarm
	}
	if len(r.attrs) > 0 {
		var err error
		if e.Attrs, err = readAttrs(r.attrs); err != nil {
			return fmt.Errorf("store: attributes of a row: %w", err)
		}
	}
	return nil
}

// stamp is a time as either database gives it: timestamptz, or integer milliseconds. NULL is 0.
type stamp protocols.Millis

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (s *stamp) ScanTimestamptz(v pgtype.Timestamptz) error {
	switch {
	case !v.Valid:
		*s = 0
	case v.InfinityModifier != pgtype.Finite:
		return fmt.Errorf("store: an infinite time")
	default:
		*s = stamp(v.Time.UnixMilli())
	}
	return nil
}

// Scan implements sql.Scanner.
func (s *stamp) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*s = 0
	case int64:
		*s = stamp(v)
	case time.Time:
		*s = stamp(v.UnixMilli())
	default:
		return fmt.Errorf("store: a time of type %T", v)
	}
	return nil
}

// finishInto is finish with the event copied out.
func (r *record) finishInto(e *protocols.Event) error {
	err := r.finish()
	*e = r.event
	return err
}
