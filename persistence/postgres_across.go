package persistence

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// absorb takes the rows out that are stored in the other table. Another node that stores the same record in the other table at the same moment is not
// seen: the transactions would have to wait for each other, all of them.
func (s *postgresStore) absorb(ctx context.Context, conn *pgxpool.Conn, p *batch) error {
	if s.oneTable {
		return nil
	}
	var apart []int64
	if ids := p.regulars(); len(ids) > 0 {
		var err error // LIMIT keeps the planner from joining whole tables
		if apart, err = collect(ctx, conn, pgx.RowTo[int64], `SELECT d FROM unnest($1::bigint[]) AS d,
			LATERAL (SELECT FROM location_quarantine q WHERE q.device_id = d LIMIT 1) AS q`, ids); err != nil {
			return err
		}
		slices.Sort(apart)
	}
	for table, rows := range p.candidates(apart) {
		if err := p.absorbStored(ctx, conn, tables[1-table], rows); err != nil {
			return err
		}
	}
	return nil
}

// absorbStored takes out those of the rows that the table holds, under their key or on the way from there to the first free fingerprint.
func (p *batch) absorbStored(ctx context.Context, conn *pgxpool.Conn, table string, rows []*row) error {
	query := "SELECT e." + strings.Join(columns, ", e.") + " FROM unnest($1::bigint[], $2::timestamptz[], $3::integer[]) AS s (device_id, time, fp), LATERAL (SELECT * FROM " +
		table + " t WHERE t.device_id = s.device_id AND t.time = s.time AND t.fp = s.fp LIMIT 1) AS e"
	for probe := int32(0); len(rows) > 0 && probe <= maxProbes; probe++ {
		ids, times, fps := make([]int64, len(rows)), make([]time.Time, len(rows)), make([]int32, len(rows))
		for i, r := range rows {
			ids[i], times[i], fps[i] = r.id, r.event.Time.Time(), r.fp+probe
		}
		stored, err := collect(ctx, conn, scanRecordPostgres, query, ids, times, fps)
		if err != nil {
			return err
		}
		if len(stored) == 0 {
			return nil
		}
		byKey := make(map[recordKey]*record, len(stored))
		for i := range stored {
			if err := stored[i].finish(); err != nil {
				return err
			}
			byKey[stored[i].key()] = &stored[i]
		}
		differing := rows[:0]
		for _, r := range rows {
			switch o := byKey[recordKey{r.id, r.event.Time, r.fp + probe}]; {
			case o == nil:
			case p.sameStored(r, o):
				p.absorb(r)
			default:
				differing = append(differing, r)
			}
		}
		rows = differing
	}
	return nil
}
