package persistence

import (
	"context"
	"math"
	"sort"

	"github.com/trackgate/trackgate/protocols"
)

// fetch reads up to limit rows of one device that a vehicle carried, with keys behind after and times before to, ascending.
type fetch func(ctx context.Context, q *HistoryQuery, device int64, after position, to protocols.Millis, limit int) ([]record, error)

// carried is a device that a vehicle carried at some time.
type carried struct {
	id   int64
	name string
}

// history pages through the rows of all devices of a vehicle. It reads them device by device, by the one index that the table has: a
// second one, by vehicle, would cost each insert, and compressed partitions could not use it.
func history(ctx context.Context, q HistoryQuery, devices []carried, read fetch) ([]protocols.Event, string, error) {
	limit := pageSize(q.Limit, DefaultLimit)
	from := firstTime
	if q.From != 0 {
		from = max(q.From, firstTime)
	}
	to := lastTime + 1
	if q.To != 0 {
		to = min(q.To, to)
	}
	// Behind this position the page begins.
	after := position{from - 1, math.MaxInt64, math.MaxInt32}
	if q.Cursor != "" {
		p, err := parsePosition(q.Cursor)
		if err != nil {
			return nil, "", err
		}
		if after.before(p) {
			after = p
		}
	}
	var rows []record
	names := make(map[int64]string, len(devices))
	for _, d := range devices {
		names[d.id] = d.name
		more, err := read(ctx, &q, d.id, after.of(d.id), to, limit+1)
		if err != nil {
			return nil, "", err
		}
		if rows = append(rows, more...); len(devices) > 1 {
			sort.Slice(rows, func(i, j int) bool { return rows[i].position().before(rows[j].position()) })
		}
		if len(rows) > limit { // nothing later than the row behind the page is of interest
			rows = rows[:limit+1]
			to = min(to, protocols.Millis(rows[limit].time)+1)
		}
	}
	cursor := ""
	if len(rows) > limit {
		rows = rows[:limit]
		cursor = rows[limit-1].position().String()
	}
	events := make([]protocols.Event, len(rows))
	for i := range rows {
		if err := rows[i].finish(); err != nil {
			return nil, "", err
		}
		events[i] = rows[i].event
		events[i].Device = names[rows[i].id]
	}
	return events, cursor, nil
}

func (r *record) position() position {
	return position{protocols.Millis(r.time), r.id, r.event.FP}
}

// of is the same place in the order, as seen among the rows of one device.
func (p position) of(device int64) position {
	switch {
	case p.device < device: // all of this device's rows of that time are still to come
		return position{p.time - 1, device, math.MaxInt32}
	case p.device > device: // all are behind
		return position{p.time, device, math.MaxInt32}
	}
	return p
}
