package persistence

import (
	"context"
	"fmt"

	"github.com/trackgate/trackgate/protocols"
)

// deleteAtOnce is the number of rows that one transaction of Retain deletes: few, so that a Write waits for milliseconds.
const deleteAtOnce = 2000

func (s *sqliteStore) Retain(ctx context.Context, now protocols.Millis) (int64, error) {
	var total int64
	drain := func(query string, args ...any) error {
		for {
			ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
			res, err := s.writer.ExecContext(ctx, query, append(args, deleteAtOnce)...)
			cancel()
			if err != nil {
				return fmt.Errorf("store: retention: %w", err)
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			retainedTotal.Add(float64(n))
			if total += n; n < deleteAtOnce {
				return nil
			}
		}
	}
	raw := int64(now) - s.cfg.Retention.Milliseconds()
	// Device by device along the unique key: an index by time alone would cost each insert.
	for after := int64(0); ; {
		ids, err := nextDevices(ctx, s, after)
		if err != nil {
			return total, fmt.Errorf("store: retention: %w", err)
		}
		for _, id := range ids {
			if err := drain(`DELETE FROM location_events WHERE rowid IN (SELECT rowid FROM location_events WHERE device_id = ? AND time < ? LIMIT ?)`, id, raw); err != nil {
				return total, err
			}
		}
		if len(ids) < maxNames {
			break
		}
		after = ids[len(ids)-1]
	}
	if err := drain(`DELETE FROM location_hourly WHERE (vehicle, bucket) IN (SELECT vehicle, bucket FROM location_hourly WHERE bucket < ? LIMIT ?)`,
		int64(now)-s.cfg.RetentionHourly.Milliseconds()); err != nil {
		return total, err
	}
	apart := int64(now) - s.cfg.RetentionQuarantine.Milliseconds()
	if err := drain(`DELETE FROM location_quarantine WHERE rowid IN (SELECT rowid FROM location_quarantine WHERE received_at < ? LIMIT ?)`, apart); err != nil {
		return total, err
	}
	err := drain(`DELETE FROM dead_letter WHERE number IN (SELECT number FROM dead_letter WHERE at < ? LIMIT ?)`, apart)
	return total, err
}

func nextDevices(ctx context.Context, s *sqliteStore, after int64) ([]int64, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT device_id FROM devices WHERE device_id > ? ORDER BY device_id LIMIT ?`, after, maxNames)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
