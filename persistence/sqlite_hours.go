package persistence

import (
	"context"
	"database/sql"

	"github.com/trackgate/trackgate/protocols"
)

const hourMillis protocols.Millis = 3_600_000

// hourKey is the row of location_hourly that an event counts in.
type hourKey struct {
	vehicle string
	bucket  protocols.Millis
}

// hourSum is what a batch adds to an hour.
type hourSum struct {
	events, fixes, alarms, speeds int64
	speedSum, maxSpeed            float64
	first, last                   *protocols.Event // valid fixes
	odometerMin, odometerMax      float64
	odometer                      bool
}

// insertHours adds the rows that were stored to their hours, in the transaction that stored them; so late data count too, and no
// event twice.
func (s *sqliteStore) insertHours(ctx context.Context, tx *sql.Tx, p *batch) error {
	sums := map[hourKey]*hourSum{}
	for i := range p.rows {
		r := &p.rows[i]
		if r.gone || r.apart {
			continue
		}
		bucket := r.event.Time - mod(r.event.Time, hourMillis)
		k := hourKey{r.vehicle, bucket}
		h := sums[k]
		if h == nil {
			h = new(hourSum)
			sums[k] = h
		}
		h.add(r)
	}
	upsert := tx.StmtContext(ctx, s.upsertHour)
	for k, h := range sums {
		args := []any{k.vehicle, int64(k.bucket), h.events, h.fixes, h.alarms, h.speeds, h.speedSum, nil, nil, nil, nil, nil, nil, nil, nil, nil}
		if h.speeds > 0 {
			args[7] = h.maxSpeed
		}
		if h.first != nil {
			args[8], args[9], args[10] = int64(h.first.Time), h.first.Lat, h.first.Lng
			args[11], args[12], args[13] = int64(h.last.Time), h.last.Lat, h.last.Lng
		}
		if h.odometer {
			args[14], args[15] = h.odometerMin, h.odometerMax
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := upsert.Exec(args...); err != nil {
			return err
		}
	}
	return nil
}

func (h *hourSum) add(r *row) {
	e := r.event
	h.events++
	if r.alarm != "" {
		h.alarms++
	}
	if r.has&protocols.HasFix != 0 && e.Valid {
		h.fixes++
		if h.first == nil || e.Time < h.first.Time {
			h.first = e
		}
		if h.last == nil || e.Time > h.last.Time {
			h.last = e
		}
		if r.has&protocols.HasSpeed != 0 {
			if h.speeds == 0 || e.Speed > h.maxSpeed {
				h.maxSpeed = e.Speed
			}
			h.speeds++
			h.speedSum += e.Speed
		}
	}
	if r.hasOdometer {
		if !h.odometer || r.odometer < h.odometerMin {
			h.odometerMin = r.odometer
		}
		if !h.odometer || r.odometer > h.odometerMax {
			h.odometerMax = r.odometer
		}
		h.odometer = true
	}
}

// mod is the remainder of floored division: times before 1970 belong to the hour that begins before them.
func mod(a, b protocols.Millis) protocols.Millis {
	if m := a % b; m < 0 {
		return m + b
	} else {
		return m
	}
}
