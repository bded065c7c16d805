package fanout

import "go.uber.org/zap"

// gap is the time in which a followed vehicle's messages may have been lost, because a subscription was. What comes when it is back waits
// until what was missed has been read from the vehicle's window, and then goes out behind it: the clients notice nothing.
type gap struct {
	from string // seq of what came last; empty: nothing had come
	held []*Message
	over bool // more came than is held
}

// maxHeld is the most messages of a vehicle that wait.
const maxHeld = 256

// maxFill is the most windows read at once.
const maxFill = 500

// hold notes a message of a followed vehicle, and keeps it if it has to wait.
func (r *Redis) hold(m *Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.wanted[m.Vehicle]
	if w == nil {
		return false
	}
	if m.Seq != "" {
		w.last = m.Seq
	}
	switch {
	case w.gap == nil:
		return false
	case len(w.gap.held) < maxHeld:
		w.gap.held = append(w.gap.held, m)
	default:
		w.gap.over = true
	}
	if m.Live {
		r.seen.put(m)
	}
	return true
}

// fill delivers what was missed of vehicles, and returns those of which that cannot be told.
func (r *Redis) fill(vehicles []string) (rest []string) {
	for len(vehicles) > 0 {
		n := min(len(vehicles), maxFill)
		seqs := make(map[string]string, n)
		r.mu.Lock()
		for _, v := range vehicles[:n] {
			if w := r.wanted[v]; w != nil && w.gap != nil && w.gap.from != "" && !w.gap.over {
				seqs[v] = w.gap.from
			}
		}
		r.mu.Unlock()
		var tails map[string]tail
		if len(seqs) > 0 {
			var err error
			if tails, err = r.Since(r.ctx, seqs); err != nil {
				r.log.Debug("reading what was missed", zap.Error(err))
			}
		}
		for _, v := range vehicles[:n] {
			if t, ok := tails[v]; !ok || !r.release(v, &t) {
				rest = append(rest, v)
			}
		}
		vehicles = vehicles[n:]
	}
	return rest
}

// release delivers what was missed of a vehicle, if that is known, and what has waited. False means that not all of that was kept, and
// that nothing was delivered.
func (r *Redis) release(vehicle string, missed *tail) bool {
	r.delivery.Lock() // what comes from now on waits for this
	defer r.delivery.Unlock()
	r.mu.Lock()
	w := r.wanted[vehicle]
	if w == nil || w.gap == nil {
		r.mu.Unlock()
		return true // left, or not lost: what follows it now was read after it was followed
	}
	g := w.gap
	if missed != nil && g.over {
		r.mu.Unlock()
		return false
	}
	if w.done() || missed == nil {
		w.gap = nil
	} else {
		w.gap = &gap{from: w.last} // lost again
	}
	var messages []*Message
	if missed != nil {
		messages = missed.missed
		if n := len(messages); n > 0 && len(g.held) == 0 && messages[n-1].Seq != "" {
			w.last = messages[n-1].Seq
			if w.gap != nil {
				w.gap.from = w.last
			}
		}
	}
	r.mu.Unlock()
	for _, m := range append(messages[:len(messages):len(messages)], g.held...) {
		if m.Live {
			r.seen.put(m)
		}
		r.receiver.Deliver(m)
	}
	return true
}
