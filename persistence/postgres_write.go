package persistence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/trackgate/trackgate/protocols"
)

// The three ways to write the rows of a batch.
//
//	copying    COPY into the table: the fastest, and the rule. One record that is stored already fails it (23505).
//	staged     COPY into a temporary table, and INSERT from there what is new. Taken after a 23505, and for some batches on.
//	searching  halves with savepoints until the rows that the server refuses are alone. Taken after an error in the data.
type way int

const (
	copying way = iota
	staged
	searching
)

func (w way) String() string { return [...]string{"copy", "staging", "bisect"}[w] }

// stagedBatches is how many batches go by staging after one met a stored record: they come in swarms, and a COPY that fails late
// costs more than staging does.
const stagedBatches = 16

func (s *postgresStore) Write(ctx context.Context, b protocols.Batch) (Result, error) {
	if err := checkBatch(&b); err != nil {
		return Result{}, err
	}
	begun := time.Now()
	p := prepare(&b)
	defer p.release()
	w, err := s.write(ctx, &b, p)
	observe(w.String(), begun, err)
	if err != nil {
		if wrong := (*ErrOffset)(nil); errors.As(err, &wrong) {
			return Result{}, err
		}
		return Result{}, fmt.Errorf("store: write: %w", err)
	}
	return p.result, nil
}

func (s *postgresStore) write(ctx context.Context, b *protocols.Batch, p *batch) (way, error) {
	limited, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	if err := s.ready(limited); err != nil {
		return copying, err
	}
	if err := s.cache.identify(limited, s, p.rows); err != nil {
		return copying, err
	}
	p.settle()
	w := copying
	if s.staging.Load() > 0 {
		w = staged
	}
	alone := false
	for tries := 0; ; tries++ {
		attempt, cancel := limited, context.CancelFunc(func() {})
		if w == searching { // many statements, each of them limited by the server
			attempt, cancel = context.WithTimeout(ctx, 10*s.cfg.WriteTimeout)
		}
		err := s.attempt(attempt, b, p, w, alone)
		cancel()
		switch {
		case err == nil:
			if w == staged && p.result.Duplicates+p.result.Differing == p.resultSettled.Duplicates+p.resultSettled.Differing+p.absorbed {
				s.staging.Add(-1)
			}
			return w, nil
		case errors.Is(err, errAlone):
			alone = true
		case code(err) == uniqueViolation && tries < 4:
			s.staging.Store(stagedBatches)
			w = max(w, staged)
		case badData(err) && w != searching:
			w = searching
		default:
			return w, err
		}
		p.rewind()
	}
}

// attempt writes the batch in one transaction; alone, if it must.
func (s *postgresStore) attempt(ctx context.Context, b *protocols.Batch, p *batch, w way, alone bool) (err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	begin := s.begin
	switch {
	case s.oneTable:
	case alone:
		begin += "; " + lockAlone
	default:
		begin += "; " + lockTogether
	}
	if _, err := conn.Conn().PgConn().Exec(ctx, begin).ReadAll(); err != nil {
		abandon(conn)
		return err
	}
	defer func() {
		if err != nil {
			abandon(conn)
		}
	}()
	if err := moveOffset(ctx, conn, b); err != nil {
		return err
	}
	if err := s.absorb(ctx, conn, p, alone); err != nil {
		return err
	}
	for table := range tables {
		if err := s.insert(ctx, conn, p, table, w); err != nil {
			return err
		}
	}
	if err := p.systematic(); err != nil {
		return err
	}
	if err := insertDead(ctx, conn, b.Source, p.dead); err != nil {
		return err
	}
	p.result.Dead = len(p.dead)
	if err := s.upsertLast(ctx, conn, p); err != nil {
		return err
	}
	tag, err := conn.Exec(ctx, "COMMIT")
	if err == nil && tag.String() != "COMMIT" {
		err = fmt.Errorf("the transaction ended with %s", tag)
	}
	return err
}

// abandon ends a transaction that failed. A connection that does not answer is closed by pgx.
func abandon(conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
		if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
			conn.Conn().Close(ctx)
		}
	}
}

// moveOffset takes the source's row first: of two writers of one source, one waits here and then finds the offset moved.
func moveOffset(ctx context.Context, conn *pgxpool.Conn, b *protocols.Batch) error {
	tag, err := conn.Exec(ctx, `UPDATE ingest_offset SET off = $3, updated_at = now() WHERE source = $1 AND off = $2`, b.Source, int64(b.From), int64(b.UpTo))
	if err != nil || tag.RowsAffected() == 1 {
		return err
	}
	tag, err = conn.Exec(ctx, `INSERT INTO ingest_offset (source, off) VALUES ($1, $2) ON CONFLICT (source) DO NOTHING`, b.Source, int64(b.UpTo))
	if err != nil || tag.RowsAffected() == 1 {
		return err
	}
	var have int64
	if err := conn.QueryRow(ctx, `SELECT off FROM ingest_offset WHERE source = $1`, b.Source).Scan(&have); err != nil {
		return err
	}
	return &ErrOffset{Source: b.Source, From: b.From, Have: uint64(have)}
}

// insert adds the rows of one table.
func (s *postgresStore) insert(ctx context.Context, conn *pgxpool.Conn, p *batch, table int, w way) error {
	var plain, alone []*row
	for i := range p.rows {
		switch r := &p.rows[i]; {
		case r.gone || r.table() != table:
		case r.clash:
			alone = append(alone, r)
		default:
			plain = append(plain, r)
		}
	}
	if len(plain) > 0 {
		var err error
		var clashes []*row
		switch w {
		case copying:
			err = p.copyRows(ctx, conn, tables[table], plain)
			for _, r := range plain {
				p.count(r)
			}
		case staged:
			if err = prepareStage(ctx, conn, table); err == nil {
				clashes, err = p.stageRows(ctx, conn, table, plain)
			}
		case searching:
			if err = prepareStage(ctx, conn, table); err == nil {
				clashes, err = p.search(ctx, conn, table, plain, map[int64]int{})
			}
		}
		if err != nil {
			return err
		}
		alone = append(alone, clashes...)
	}
	for len(alone) > 0 {
		n := min(len(alone), 500)
		if err := p.placeRows(ctx, conn, table, alone[:n], w); err != nil {
			return err
		}
		alone = alone[n:]
	}
	return nil
}

// copyRows adds rows by COPY.
func (p *batch) copyRows(ctx context.Context, conn *pgxpool.Conn, table string, rows []*row) error {
	p.copied = append(p.copied[:0], copyHeader...)
	for _, r := range rows {
		p.copied = p.appendRow(p.copied, r, 0)
	}
	return p.copy(ctx, conn, copyInto(table), len(rows))
}

// copy sends what is in p.copied.
func (p *batch) copy(ctx context.Context, conn *pgxpool.Conn, statement string, rows int) error {
	p.copied = append(p.copied, copyTrailer...)
	tag, err := conn.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(p.copied), statement)
	if err != nil {
		p.copied = nil // on a lost connection pgx may still be reading it
		return err
	}
	if tag.RowsAffected() != int64(rows) {
		return fmt.Errorf("COPY took %d of %d rows", tag.RowsAffected(), rows)
	}
	return nil
}

func stage(table int) string { return [...]string{"stage_events", "stage_quarantine"}[table] }

func prepareStage(ctx context.Context, conn *pgxpool.Conn, table int) error {
	_, err := conn.Exec(ctx, "CREATE TEMP TABLE IF NOT EXISTS "+stage(table)+" (LIKE "+tables[table]+") ON COMMIT DELETE ROWS")
	return err
}

// contents are the columns that make a record what it is, as an expression to compare.
func contents(table string) string {
	var list []string
	for _, c := range []string{"kind", "protocol", "latitude", "longitude", "valid", "altitude", "speed", "course", "satellites", "hdop", "no_time", "alarm"} {
		list = append(list, table+"."+c)
	}
	return "(" + strings.Join(list, ", ") + ", " + table + ".attributes::text)"
}

// stageRows adds what is new of the rows and returns those whose key another record has.
func (p *batch) stageRows(ctx context.Context, conn *pgxpool.Conn, table int, rows []*row) (clashes []*row, err error) {
	from, target := stage(table), tables[table]
	if err := p.copyRows(ctx, conn, from, rows); err != nil {
		return nil, err
	}
	list := strings.Join(columns, ", ")
	tag, err := conn.Exec(ctx, "INSERT INTO "+target+" ("+list+") SELECT "+list+" FROM "+from+" ORDER BY device_id, time, fp ON CONFLICT DO NOTHING")
	if err != nil {
		return nil, err
	}
	added := int(tag.RowsAffected())
	if table == 0 {
		p.result.Stored += added
	} else {
		p.result.Quarantined += added
	}
	if added == len(rows) {
		return nil, nil
	}
	p.result.Duplicates += len(rows) - added
	// Those that are stored in other words: rarely any. The planner knows nothing of a table that was just filled, and must not read
	// whole partitions.
	if _, err := conn.Exec(ctx, "SET LOCAL enable_hashjoin = off"); err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SET LOCAL enable_mergejoin = off"); err != nil {
		return nil, err
	}
	first, last := protocols.Millis(math.MaxInt64), protocols.Millis(math.MinInt64)
	for _, r := range rows {
		first, last = min(first, r.event.Time), max(last, r.event.Time)
	}
	others, err := collect(ctx, conn, scanRecordPostgres, "SELECT e."+strings.Join(columns, ", e.")+" FROM "+from+" s JOIN "+target+` e
		ON e.device_id = s.device_id AND e.time = s.time AND e.fp = s.fp AND e.time >= $1 AND e.time <= $2
		WHERE `+contents("e")+" IS DISTINCT FROM "+contents("s"), first.Time(), last.Time())
	if err != nil || len(others) == 0 {
		return nil, err
	}
	byKey := make(map[recordKey]*record, len(others))
	for i := range others {
		if err := others[i].finish(); err != nil {
			return nil, err
		}
		byKey[others[i].key()] = &others[i]
	}
	for _, r := range rows {
		if o := byKey[recordKey{r.id, r.event.Time, r.fp}]; o != nil && !p.sameStored(r, o) {
			p.result.Duplicates--
			clashes = append(clashes, r)
		}
	}
	return clashes, nil
}

// recordKey is the unique key.
type recordKey struct {
	device int64
	time   protocols.Millis
	fp     int32
}

func (r *record) key() recordKey { return recordKey{r.id, r.event.Time, r.event.FP} }

func scanRecordPostgres(row pgx.CollectableRow) (r record, err error) {
	return r, row.Scan(r.targets()...)
}

// placeRows adds rows whose key another record has, each under the first free fingerprint unless it is stored on the way there.
func (p *batch) placeRows(ctx context.Context, conn *pgxpool.Conn, table int, rows []*row, w way) error {
	n := len(rows) * (maxProbes + 1)
	ids, times, fps := make([]int64, 0, n), make([]time.Time, 0, n), make([]int32, 0, n)
	first, last := protocols.Millis(math.MaxInt64), protocols.Millis(math.MinInt64)
	for _, r := range rows {
		first, last = min(first, r.event.Time), max(last, r.event.Time)
		for probe := range int32(maxProbes + 1) {
			ids, times, fps = append(ids, r.id), append(times, r.event.Time.Time()), append(fps, r.key+probe)
		}
	}
	stored, err := collect(ctx, conn, scanRecordPostgres, "SELECT DISTINCT ON (e.device_id, e.time, e.fp) e."+strings.Join(columns, ", e.")+
		" FROM unnest($1::bigint[], $2::timestamptz[], $3::integer[]) AS s (device_id, time, fp) JOIN "+tables[table]+` e
		ON e.device_id = s.device_id AND e.time = s.time AND e.fp = s.fp AND e.time >= $4 AND e.time <= $5`,
		ids, times, fps, first.Time(), last.Time())
	if err != nil {
		return err
	}
	byKey := make(map[recordKey]*record, len(stored))
	for i := range stored {
		if err := stored[i].finish(); err != nil {
			return err
		}
		byKey[stored[i].key()] = &stored[i]
	}
	placed := map[recordKey]*row{}
	var fresh []*row
	for _, r := range rows {
		for probe := int32(0); ; probe++ {
			k := recordKey{r.id, r.event.Time, r.key + probe}
			r.fp, r.differing = k.fp, probe > 0
			o, other := byKey[k], placed[k]
			if o == nil && other == nil {
				placed[k] = r
				fresh = append(fresh, r)
				break
			}
			if o != nil && p.sameStored(r, o) || other != nil && p.same(r, other) {
				r.gone = true
				p.result.Duplicates++
				break
			}
			if probe == maxProbes {
				p.bury(r, errCrowded)
				break
			}
		}
	}
	switch {
	case len(fresh) == 0:
		return nil
	case w == searching:
		again, err := p.search(ctx, conn, table, fresh, map[int64]int{})
		if err == nil && len(again) > 0 { // a writer elsewhere was faster
			err = fmt.Errorf("%d keys were taken meanwhile", len(again))
		}
		for _, r := range fresh {
			if r.differing && !r.gone {
				p.result.Differing++
			}
		}
		return err
	}
	if err := p.copyRows(ctx, conn, tables[table], fresh); err != nil {
		return err
	}
	for _, r := range fresh {
		p.count(r)
	}
	return nil
}

func insertDead(ctx context.Context, conn *pgxpool.Conn, source string, dead []protocols.DeadLetter) error {
	for len(dead) > 0 {
		n := min(len(dead), 500)
		indexes, raws, errs := make([]int64, n), make([][]byte, n), make([]string, n)
		for i, d := range dead[:n] {
			indexes[i], raws[i], errs[i] = int64(d.Index), d.Raw, clean(d.Error)
			if raws[i] == nil {
				raws[i] = []byte{}
			}
		}
		if _, err := conn.Exec(ctx, `INSERT INTO dead_letter (source, idx, bytes, error)
			SELECT $1, * FROM unnest($2::bigint[], $3::bytea[], $4::text[])`, source, indexes, raws, errs); err != nil {
			return err
		}
		dead = dead[n:]
	}
	return nil
}

var upsertLastPostgres = "INSERT INTO last_position (" + strings.Join(columns, ", ") + ", live, contact_at) SELECT " + strings.Join(columns, ", ") +
	", live, contact_at FROM stage_last ORDER BY vehicle" + lastConflict

// upsertLast brings last_position up to date, one row per vehicle and in order of the vehicle.
func (s *postgresStore) upsertLast(ctx context.Context, conn *pgxpool.Conn, p *batch) error {
	p.last()
	var vehicles []string
	var contacts []time.Time
	rows := 0
	p.copied = append(p.copied[:0], copyHeader...)
	for _, vehicle := range p.names {
		i, found := p.newest[vehicle]
		if !found {
			vehicles, contacts = append(vehicles, vehicle), append(contacts, p.contact[vehicle].Time())
			continue
		}
		r := &p.rows[i]
		p.copied = p.appendRow(p.copied, r, 2)
		p.copied = appendBool(p.copied, r.live())
		p.copied = appendTime(p.copied, p.contact[vehicle])
		rows++
	}
	if rows > 0 {
		if _, err := conn.Exec(ctx, "CREATE TEMP TABLE IF NOT EXISTS stage_last (LIKE last_position) ON COMMIT DELETE ROWS"); err != nil {
			return err
		}
		if err := p.copy(ctx, conn, copyInto("stage_last", "live", "contact_at"), rows); err != nil {
			return err
		}
		tag, err := conn.Exec(ctx, upsertLastPostgres)
		if err != nil {
			return err
		}
		if tag.RowsAffected() < int64(rows) { // some are better known already
			for vehicle := range p.newest {
				vehicles, contacts = append(vehicles, vehicle), append(contacts, p.contact[vehicle].Time())
			}
		}
	}
	if len(vehicles) == 0 {
		return nil
	}
	_, err := conn.Exec(ctx, `UPDATE last_position l SET contact_at = n.contact_at FROM (
		SELECT o.vehicle, n.contact_at FROM unnest($1::text[], $2::timestamptz[]) AS n (vehicle, contact_at) JOIN last_position o USING (vehicle)
		WHERE o.contact_at < n.contact_at ORDER BY o.vehicle FOR UPDATE OF o) AS n WHERE l.vehicle = n.vehicle`, vehicles, contacts)
	return err
}
