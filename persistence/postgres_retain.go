package persistence

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/trackgate/trackgate/protocols"
)

// Retain deletes from the plain tables. The partitions of TimescaleDB, raw and hourly, are dropped by its own policies.
func (s *postgresStore) Retain(ctx context.Context, now protocols.Millis) (total int64, err error) {
	drain := func(table, where string, args ...any) error {
		query := "DELETE FROM " + table + " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " + table + " WHERE " + where + " LIMIT $1))"
		for {
			var n int64
			err := s.read(ctx, "retention", func(ctx context.Context) error {
				return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
					if table == tables[1] { // so that of no device all that was kept apart vanishes while a batch relies on it
						if _, err := tx.Conn().PgConn().Exec(ctx, lockAlone).ReadAll(); err != nil {
							return err
						}
					}
					tag, err := tx.Exec(ctx, query, append([]any{deleteAtOnce}, args...)...)
					n = tag.RowsAffected()
					return err
				})
			})
			if err != nil {
				return err
			}
			retainedTotal.Add(float64(n))
			if total += n; n < deleteAtOnce {
				return nil
			}
		}
	}
	if s.cfg.Timescale == "off" {
		raw := (now - protocols.Millis(s.cfg.Retention.Milliseconds())).Time()
		for after := int64(0); ; {
			var ids []int64
			err := s.read(ctx, "retention", func(ctx context.Context) (err error) {
				ids, err = collect(ctx, s.pool, pgx.RowTo[int64], `SELECT device_id FROM devices WHERE device_id > $1 ORDER BY device_id LIMIT $2`, after, maxNames)
				return err
			})
			if err != nil {
				return total, err
			}
			for _, id := range ids {
				if err := drain("location_events", "device_id = $2 AND time < $3", id, raw); err != nil {
					return total, err
				}
			}
			if len(ids) < maxNames {
				break
			}
			after = ids[len(ids)-1]
		}
	}
	apart := (now - protocols.Millis(s.cfg.RetentionQuarantine.Milliseconds())).Time()
	if err := drain("location_quarantine", "received_at < $2", apart); err != nil {
		return total, err
	}
	return total, drain("dead_letter", "at < $2", apart)
}
