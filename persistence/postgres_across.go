package persistence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Two nodes may store one record at the same moment, each in another table, where no unique key makes one wait for the other. So the transactions of all
// batches hold a lock, and each looks into the other table only when it has it:
//
//   - all together, as long as nothing is kept apart, and of no device was anything kept apart before: nobody waits;
//   - in turns, by devices, those with records of devices of which something is kept apart already;
//   - alone, a batch that is the first to keep something of a device apart. Whoever comes after it sees that there is something.
//
// The locks are advisory locks of two numbers: acrossClass, and acrossAll or a number above it for a share of the devices.
const (
	acrossClass  = 0x74726b67
	acrossAll    = 0
	acrossShares = 64 // the server's table of locks is small, fleets are not
)

// Statements that take acrossAll. A batch that wants to be alone lets others go first when it can not have that soon: behind one that waits, all wait.
var (
	lockTogether = fmt.Sprintf("SELECT pg_advisory_xact_lock_shared(%d, %d)", acrossClass, acrossAll)
	lockAlone    = fmt.Sprintf("SET LOCAL lock_timeout = '5s'; SELECT pg_advisory_xact_lock(%d, %d); SET LOCAL lock_timeout TO DEFAULT", acrossClass, acrossAll)
	lockShares   = fmt.Sprintf("SELECT pg_advisory_xact_lock(%d, share) FROM unnest($1::integer[]) AS share", acrossClass)
)

// errAlone says that a batch must be written alone.
var errAlone = errors.New("the first records of a device are kept apart")

// absorb takes the rows out that are stored in the other table. It returns errAlone where the transaction holds too little of the lock.
func (s *postgresStore) absorb(ctx context.Context, conn *pgxpool.Conn, p *batch, alone bool) error {
	ids := p.devices()
	if s.oneTable || len(ids) == 0 {
		return nil
	}
	// LIMIT keeps the planner from joining whole tables.
	apart, err := collect(ctx, conn, pgx.RowTo[int64], `SELECT d FROM unnest($1::bigint[]) AS d,
		LATERAL (SELECT FROM location_quarantine q WHERE q.device_id = d LIMIT 1) AS q`, ids)
	if err != nil {
		return err
	}
	slices.Sort(apart)
	if !alone {
		if p.keepsFirst(apart) {
			return errAlone
		}
		if err := takeTurns(ctx, conn, apart); err != nil {
			return err
		}
	}
	for table, rows := range p.candidates(apart) {
		if err := p.absorbStored(ctx, conn, tables[1-table], rows); err != nil {
			return err
		}
	}
	return nil
}

// takeTurns waits for other batches with records of these devices, in one order for all.
func takeTurns(ctx context.Context, conn *pgxpool.Conn, devices []int64) error {
	if len(devices) == 0 {
		return nil
	}
	shares := make([]int32, len(devices))
	for i, id := range devices {
		shares[i] = acrossAll + 1 + int32(uint64(id)%acrossShares)
	}
	slices.Sort(shares)
	_, err := conn.Exec(ctx, lockShares, slices.Compact(shares))
	return err
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
