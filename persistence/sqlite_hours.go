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
	hourKey
	events, fixes, alarms, speeds int64
	speedSum, maxSpeed            float64
	first, last                   *protocols.Event // valid fixes
	odometerMin, odometerMax      float64
	odometer                      bool
}

func upsertHourSQLite(rows int) string {
	return "INSERT INTO location_hourly VALUES " + questionMarks(rows, 16) + ` ON CONFLICT (vehicle, bucket) DO UPDATE SET
		events = events + excluded.events, fixes = fixes + excluded.fixes, alarms = alarms + excluded.alarms,
		speeds = speeds + excluded.speeds, speed_sum = speed_sum + excluded.speed_sum,
		max_speed = max(coalesce(max_speed, excluded.max_speed), coalesce(excluded.max_speed, max_speed)),
		first_latitude  = CASE WHEN excluded.first_time < coalesce(first_time, 1e18) THEN excluded.first_latitude  ELSE first_latitude  END,
		first_longitude = CASE WHEN excluded.first_time < coalesce(first_time, 1e18) THEN excluded.first_longitude ELSE first_longitude END,
		last_latitude   = CASE WHEN excluded.last_time > coalesce(last_time, -1e18) THEN excluded.last_latitude  ELSE last_latitude  END,
		last_longitude  = CASE WHEN excluded.last_time > coalesce(last_time, -1e18) THEN excluded.last_longitude ELSE last_longitude END,
		first_time   = min(coalesce(first_time, excluded.first_time), coalesce(excluded.first_time, first_time)),
		last_time    = max(coalesce(last_time, excluded.last_time), coalesce(excluded.last_time, last_time)),
		odometer_min = min(coalesce(odometer_min, excluded.odometer_min), coalesce(excluded.odometer_min, odometer_min)),
		odometer_max = max(coalesce(odometer_max, excluded.odometer_max), coalesce(excluded.odometer_max, odometer_max))`
}

// upsertHours adds the rows that were stored to their hours, in the transaction that stored them; so late data count too, and no
// event twice.
func (s *sqliteStore) upsertHours(ctx context.Context, tx *sql.Tx, p *batch) error {
	var sums []hourSum // in the order of their first rows
	at := map[hourKey]int{}
	for i := range p.rows {
		r := &p.rows[i]
		if r.gone || r.apart {
			continue
		}
		k := hourKey{r.vehicle, r.event.Time - mod(r.event.Time, hourMillis)}
		n, found := at[k]
		if !found {
			n = len(sums)
			at[k] = n
			sums = append(sums, hourSum{hourKey: k})
		}
		sums[n].add(r)
	}
	return upsert(ctx, tx, s.upsertHour, len(sums), func(list []any, i int) []any { return sums[i].values(list) }, func(int, int, int) error { return nil })
}

// values appends the hour's columns as arguments.
func (h *hourSum) values(list []any) []any {
	list = append(list, h.vehicle, int64(h.bucket), h.events, h.fixes, h.alarms, h.speeds, h.speedSum)
	if h.speeds > 0 {
		list = append(list, h.maxSpeed)
	} else {
		list = append(list, nil)
	}
	if h.first != nil {
		list = append(list, int64(h.first.Time), h.first.Lat, h.first.Lng, int64(h.last.Time), h.last.Lat, h.last.Lng)
	} else {
		list = append(list, nil, nil, nil, nil, nil, nil)
	}
	if h.odometer {
		return append(list, h.odometerMin, h.odometerMax)
	}
	return append(list, nil, nil)
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
