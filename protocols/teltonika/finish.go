package teltonika

import "github.com/trackgate/trackgate/protocols"

// finish completes the events of the packet from first on, once all of it is known to be sound.
func (r *recordReader) finish(s *protocols.Session, in protocols.Input, first int, m *memory) {
	events := r.frame.Events[first:]
	if r.alarms {
		r.changes(events, m)
	}
	if s.Options.Extra != "" {
		if v, _ := s.Options.Get("gnss_veto"); v == "true" {
			r.veto(events)
		}
		if v, _ := s.Options.Get("rollover"); v == "false" {
			return
		}
	}
	for i := range events {
		e := &events[i]
		// Only a time that lies far back can be one that rolled over.
		if e.Has&protocols.HasFix == 0 || !e.Valid || e.Time == 0 || in.Received-e.Time < rolloverFrom {
			continue
		}
		if t, did := protocols.Rollover(e.Time, in.Received); did {
			e.Time = t
			e.Bool("rollover", true)
		}
	}
}

// veto takes the word of the satellite receiver that it has no fix. It can lag behind the position.
func (r *recordReader) veto(events []protocols.Event) {
	fixed := 1.0
	if r.family == fmx6 {
		fixed = 3
	}
	for i := range events {
		if a, ok := events[i].Attrs.Get("gnss_status"); ok {
			if v, _ := a.Float(); v != fixed {
				events[i].Valid = false
			}
		}
	}
}

// rolloverFrom is less than 1024 weeks: nearer times are not worth the question.
const rolloverFrom protocols.Millis = 1000 * 7 * 24 * 3_600_000
