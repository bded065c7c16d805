package persistence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

func (s *sqliteStore) Offset(ctx context.Context, source string) (uint64, bool, error) {
	var off int64
	// Read by the writer's connection, so that the answer is never older than a Write that returned.
	err := s.writer.QueryRowContext(ctx, `SELECT off FROM ingest_offset WHERE source = ?`, source).Scan(&off)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("store: offset: %w", err)
	}
	return uint64(off), true, nil
}

func (s *sqliteStore) History(ctx context.Context, q HistoryQuery) ([]protocols.Event, string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	devices, err := queryAll(ctx, s.reader, func(rows *sql.Rows) (d carried, err error) {
		return d, rows.Scan(&d.id, &d.name)
	}, `SELECT v.device_id, d.device FROM vehicle_devices v JOIN devices d USING (device_id) WHERE v.vehicle = ? ORDER BY 1`, q.Vehicle)
	if err != nil {
		return nil, "", fmt.Errorf("store: history: %w", err)
	}
	events, cursor, err := history(ctx, q, devices, s.fetchHistory)
	if err != nil {
		return nil, "", fmt.Errorf("store: history: %w", err)
	}
	return events, cursor, nil
}

// historySQLite reads along the unique key.
func historySQLite(apart bool) string {
	table := tables[0]
	if apart {
		table = tables[1]
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + table +
		" WHERE device_id = ? AND (time, fp) > (?, ?) AND time < ? AND vehicle = ? ORDER BY time, fp LIMIT ?"
}

func (s *sqliteStore) fetchHistory(ctx context.Context, q *HistoryQuery, device int64, after position, to protocols.Millis, limit int) ([]record, error) {
	return queryAll(ctx, s.reader, scanRecord, historySQLite(q.Quarantined), device, int64(after.time), after.fp, int64(to), q.Vehicle, limit)
}

func scanRecord(rows *sql.Rows) (r record, err error) { return r, rows.Scan(r.targets()...) }

// queryAll reads all rows of a query.
func queryAll[T any](ctx context.Context, db *sql.DB, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

const maxNames = 1000 // asked for in one statement

var lastSQLite = "SELECT l." + strings.Join(columns, ", l.") + ", d.device FROM last_position l JOIN devices d USING (device_id) WHERE "

func scanLast(rows *sql.Rows) (e protocols.Event, err error) {
	var r record
	if err := rows.Scan(append(r.targets(), &r.event.Device)...); err != nil {
		return e, err
	}
	return e, r.finishInto(&e)
}

func (s *sqliteStore) Last(ctx context.Context, vehicles []string) (events []protocols.Event, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	for part := range slices.Chunk(vehicles, maxNames) {
		some, err := queryAll(ctx, s.reader, scanLast, lastSQLite+"l.vehicle IN ("+marks(len(part))+")", anys(part)...)
		if err != nil {
			return nil, fmt.Errorf("store: last known: %w", err)
		}
		events = append(events, some...)
	}
	return events, nil
}

func (s *sqliteStore) LastAll(ctx context.Context, after string, limit int) ([]protocols.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	events, err := queryAll(ctx, s.reader, scanLast, lastSQLite+"l.vehicle > ? AND NOT "+renamed+" ORDER BY l.vehicle LIMIT ?", after, pageSize(limit, MaxLimit))
	if err != nil {
		return nil, fmt.Errorf("store: last known: %w", err)
	}
	return events, nil
}

func (s *sqliteStore) Known(ctx context.Context, vehicle string) (known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	if err := s.reader.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM vehicle_devices WHERE vehicle = ?)`, vehicle).Scan(&known); err != nil {
		return false, fmt.Errorf("store: vehicle: %w", err)
	}
	return known, nil
}

func (s *sqliteStore) Contacts(ctx context.Context, vehicles []string) (map[string]protocols.Millis, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	out := make(map[string]protocols.Millis, len(vehicles))
	for part := range slices.Chunk(vehicles, maxNames) {
		_, err := queryAll(ctx, s.reader, func(rows *sql.Rows) (struct{}, error) {
			var vehicle string
			var at stamp
			err := rows.Scan(&vehicle, &at)
			out[vehicle] = protocols.Millis(at)
			return struct{}{}, err
		}, "SELECT vehicle, contact_at FROM last_position WHERE vehicle IN ("+marks(len(part))+")", anys(part)...)
		if err != nil {
			return nil, fmt.Errorf("store: contacts: %w", err)
		}
	}
	return out, nil
}

func (s *sqliteStore) Hourly(ctx context.Context, vehicle string, from, to protocols.Millis) ([]Hour, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	if to == 0 {
		to = math.MaxInt64
	}
	hours, err := queryAll(ctx, s.reader, func(rows *sql.Rows) (h Hour, err error) {
		return h, rows.Scan((*stamp)(&h.Start), &h.Events, &h.Fixes, &h.Alarms, &h.AvgSpeed, &h.MaxSpeed,
			&h.FirstLat, &h.FirstLng, &h.LastLat, &h.LastLng, &h.OdometerMin, &h.OdometerMax)
	}, `SELECT bucket, events, fixes, alarms, CASE WHEN speeds > 0 THEN speed_sum / speeds END, max_speed,
		first_latitude, first_longitude, last_latitude, last_longitude, odometer_min, odometer_max
		FROM location_hourly WHERE vehicle = ? AND bucket >= ? AND bucket < ? ORDER BY bucket LIMIT ?`,
		vehicle, int64(from), int64(to), MaxLimit)
	if err != nil {
		return nil, fmt.Errorf("store: hours: %w", err)
	}
	return hours, nil
}

func (s *sqliteStore) DeadLetters(ctx context.Context, after int64, limit int) ([]DeadLetter, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	list, err := queryAll(ctx, s.reader, func(rows *sql.Rows) (d DeadLetter, err error) {
		var idx int64
		err = rows.Scan(&d.Number, &d.Source, &idx, &d.Raw, &d.Error, (*stamp)(&d.At))
		d.Index = uint64(idx)
		return d, err
	}, `SELECT number, source, idx, bytes, error, at FROM dead_letter WHERE number > ? ORDER BY number LIMIT ?`, after, pageSize(limit, DefaultLimit))
	if err != nil {
		return nil, fmt.Errorf("store: dead letters: %w", err)
	}
	return list, nil
}

// marks is a list of n parameters.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
