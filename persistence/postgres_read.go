package persistence

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/trackgate/trackgate/protocols"
)

func (s *postgresStore) Offset(ctx context.Context, source string) (next uint64, found bool, err error) {
	err = s.read(ctx, "offset", func(ctx context.Context) error {
		var off int64
		err := s.pool.QueryRow(ctx, `SELECT off FROM ingest_offset WHERE source = $1`, source).Scan(&off)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		next, found = uint64(off), err == nil
		return err
	})
	return next, found, err
}

func (s *postgresStore) History(ctx context.Context, q HistoryQuery) (events []protocols.Event, cursor string, err error) {
	if unclean(q.Vehicle) {
		return nil, "", nil
	}
	err = s.read(ctx, "history", func(ctx context.Context) error {
		devices, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (d carried, err error) {
			return d, row.Scan(&d.id, &d.name)
		}, `SELECT v.device_id, d.device FROM vehicle_devices v JOIN devices d USING (device_id) WHERE v.vehicle = $1 ORDER BY 1`, q.Vehicle)
		if err != nil {
			return err
		}
		events, cursor, err = history(ctx, q, devices, s.fetchHistory)
		return err
	})
	return events, cursor, err
}

// historyPostgres reads along the unique key; the plain bound on time lets the planner skip partitions. The CASE hides the vehicle from the
// planner, who would think that few of a device's rows are its vehicle's, and read and sort them all instead of the first ones.
func historyPostgres(apart bool) string {
	table := tables[0]
	if apart {
		table = tables[1]
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + table +
		" WHERE device_id = $1 AND time >= $2 AND (time, fp) > ($2, $3) AND time < $4 AND CASE WHEN vehicle = $5 THEN true END ORDER BY time, fp LIMIT $6"
}

func (s *postgresStore) fetchHistory(ctx context.Context, q *HistoryQuery, device int64, after position, to protocols.Millis, limit int) ([]record, error) {
	return collect(ctx, s.pool, scanRecordPostgres, historyPostgres(q.Quarantined), device, after.time.Time(), after.fp, to.Time(), q.Vehicle, limit)
}

var lastPostgres = "SELECT l." + strings.Join(columns, ", l.") + ", d.device FROM last_position l JOIN devices d USING (device_id) WHERE "

func scanLastPostgres(row pgx.CollectableRow) (e protocols.Event, err error) {
	var r record
	if err := row.Scan(append(r.targets(), &r.event.Device)...); err != nil {
		return e, err
	}
	return e, r.finishInto(&e)
}

// cleanOnly leaves out what can not be stored and the server would refuse to look for.
func cleanOnly(names []string) []string {
	var out []string
	for _, n := range names {
		if !unclean(n) {
			out = append(out, n)
		}
	}
	return out
}

func (s *postgresStore) Last(ctx context.Context, vehicles []string) (events []protocols.Event, err error) {
	err = s.read(ctx, "last known", func(ctx context.Context) (err error) {
		events, err = collect(ctx, s.pool, scanLastPostgres, lastPostgres+"l.vehicle = ANY ($1)", cleanOnly(vehicles))
		return err
	})
	return events, err
}

func (s *postgresStore) LastAll(ctx context.Context, after string, limit int) (events []protocols.Event, err error) {
	err = s.read(ctx, "last known", func(ctx context.Context) (err error) {
		events, err = collect(ctx, s.pool, scanLastPostgres, lastPostgres+"l.vehicle > $1 AND NOT "+renamed+" ORDER BY l.vehicle LIMIT $2", clean(after), pageSize(limit, MaxLimit))
		return err
	})
	return events, err
}

func (s *postgresStore) Known(ctx context.Context, vehicle string) (known bool, err error) {
	if unclean(vehicle) {
		return false, nil
	}
	err = s.read(ctx, "vehicle", func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM vehicle_devices WHERE vehicle = $1)`, vehicle).Scan(&known)
	})
	return known, err
}

func (s *postgresStore) Contacts(ctx context.Context, vehicles []string) (map[string]protocols.Millis, error) {
	out := make(map[string]protocols.Millis, len(vehicles))
	err := s.read(ctx, "contacts", func(ctx context.Context) error {
		_, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (struct{}, error) {
			var vehicle string
			var at stamp
			err := row.Scan(&vehicle, &at)
			out[vehicle] = protocols.Millis(at)
			return struct{}{}, err
		}, `SELECT vehicle, contact_at FROM last_position WHERE vehicle = ANY ($1)`, cleanOnly(vehicles))
		return err
	})
	return out, err
}

func (s *postgresStore) Hourly(ctx context.Context, vehicle string, from, to protocols.Millis) (hours []Hour, err error) {
	if unclean(vehicle) {
		return nil, nil
	}
	if to == 0 {
		to = math.MaxInt64
	}
	from, to = max(from, firstTime), min(to, lastTime)
	err = s.read(ctx, "hours", func(ctx context.Context) (err error) {
		hours, err = collect(ctx, s.pool, func(row pgx.CollectableRow) (h Hour, err error) {
			return h, row.Scan((*stamp)(&h.Start), &h.Events, &h.Fixes, &h.Alarms, &h.AvgSpeed, &h.MaxSpeed,
				&h.FirstLat, &h.FirstLng, &h.LastLat, &h.LastLng, &h.OdometerMin, &h.OdometerMax)
		}, `SELECT bucket, events, fixes, alarms, avg_speed, max_speed, first_latitude, first_longitude, last_latitude, last_longitude,
			odometer_min, odometer_max FROM location_hourly WHERE vehicle = $1 AND bucket >= $2 AND bucket < $3 ORDER BY bucket LIMIT $4`,
			vehicle, from.Time(), to.Time(), MaxLimit)
		return err
	})
	return hours, err
}

func (s *postgresStore) DeadLetters(ctx context.Context, after int64, limit int) (list []DeadLetter, err error) {
	err = s.read(ctx, "dead letters", func(ctx context.Context) (err error) {
		list, err = collect(ctx, s.pool, func(row pgx.CollectableRow) (d DeadLetter, err error) {
			var idx int64
			err = row.Scan(&d.Number, &d.Source, &idx, &d.Raw, &d.Error, (*stamp)(&d.At))
			d.Index = uint64(idx)
			return d, err
		}, `SELECT number, source, idx, bytes, error, at FROM dead_letter WHERE number > $1 ORDER BY number LIMIT $2`, after, pageSize(limit, DefaultLimit))
		return err
	})
	return list, err
}
