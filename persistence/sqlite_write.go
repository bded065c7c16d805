package persistence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// many is the number of rows in one INSERT: the cost of a statement is shared, and 25 columns of 32 rows are far below SQLite's
// limit of parameters.
const many = 32

func (s *sqliteStore) prepareStatements(ctx context.Context) error {
	list := strings.Join(columns, ", ")
	prepare := func(text string) (st *sql.Stmt, err error) {
		if st, err = s.writer.PrepareContext(ctx, text); err != nil {
			return nil, fmt.Errorf("%w in %.80s", err, text)
		}
		return st, nil
	}
	var err error
	for i, table := range tables {
		insert := "INSERT INTO " + table + " (" + list + ") VALUES "
		if s.insertOne[i], err = prepare(insert + questionMarks(1, len(columns))); err != nil {
			return err
		}
		if s.insertMany[i], err = prepare(insert + questionMarks(many, len(columns))); err != nil {
			return err
		}
		if s.selectKey[i], err = prepare("SELECT " + list + " FROM " + table + " WHERE device_id = ? AND time = ? AND fp = ?"); err != nil {
			return err
		}
	}
	if s.selectApart, err = prepare("SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM location_quarantine WHERE device_id = value)"); err != nil {
		return err
	}
	for i, rows := range []int{1, many} {
		if s.upsertLast[i], err = prepare(upsertLastSQLite(rows)); err != nil {
			return err
		}
		if s.upsertHour[i], err = prepare(upsertHourSQLite(rows)); err != nil {
			return err
		}
	}
	s.touchLast, err = prepare("UPDATE last_position SET contact_at = ? WHERE vehicle = ? AND contact_at < ?")
	return err
}

// questionMarks are the parameters of so many rows for VALUES.
func questionMarks(rows, columns int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	return row + strings.Repeat(","+row, rows-1)
}

func (s *sqliteStore) Write(ctx context.Context, b protocols.Batch) (Result, error) {
	if err := checkBatch(&b); err != nil {
		return Result{}, err
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	p := prepare(&b)
	defer p.release()
	err := s.write(ctx, &b, p)
	observe("sqlite", begun, err)
	if err != nil {
		if wrong := (*ErrOffset)(nil); errors.As(err, &wrong) {
			return Result{}, err
		}
		return Result{}, fmt.Errorf("store: write: %w", err)
	}
	return p.result, nil
}

func (s *sqliteStore) write(ctx context.Context, b *protocols.Batch, p *batch) error {
	if err := s.cache.identify(ctx, s, p.rows); err != nil {
		return err
	}
	p.settle()
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := moveOffsetSQLite(ctx, tx, b); err != nil {
		return err
	}
	if err := s.absorb(ctx, tx, p); err != nil {
		return err
	}
	for table := range tables {
		if err := s.insert(ctx, tx, p, table); err != nil {
			return err
		}
	}
	if err := p.systematic(); err != nil {
		return err
	}
	for _, d := range p.dead {
		if _, err := tx.ExecContext(ctx, `INSERT INTO dead_letter (source, idx, bytes, error, at) VALUES (?, ?, ?, ?, ?)`,
			b.Source, int64(d.Index), d.Raw, clean(d.Error), time.Now().UnixMilli()); err != nil {
			return err
		}
	}
	p.result.Dead = len(p.dead)
	if err := s.upsertLasts(ctx, tx, p); err != nil {
		return err
	}
	if err := s.upsertHours(ctx, tx, p); err != nil {
		return err
	}
	return tx.Commit()
}

func moveOffsetSQLite(ctx context.Context, tx *sql.Tx, b *protocols.Batch) error {
	now := time.Now().UnixMilli()
	var have int64
	err := tx.QueryRowContext(ctx, `SELECT off FROM ingest_offset WHERE source = ?`, b.Source).Scan(&have)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, `INSERT INTO ingest_offset VALUES (?, ?, ?)`, b.Source, int64(b.UpTo), now)
	case err == nil && uint64(have) != b.From:
		return &ErrOffset{Source: b.Source, From: b.From, Have: uint64(have)}
	case err == nil:
		_, err = tx.ExecContext(ctx, `UPDATE ingest_offset SET off = ?, updated_at = ? WHERE source = ?`, int64(b.UpTo), now, b.Source)
	}
	return err
}

// insert adds the rows of one table, many at a time. Where one of these is refused, they are added one by one, and so for the next
// groups: duplicates come in swarms.
func (s *sqliteStore) insert(ctx context.Context, tx *sql.Tx, p *batch, table int) error {
	one, group, key := tx.StmtContext(ctx, s.insertOne[table]), tx.StmtContext(ctx, s.insertMany[table]), tx.StmtContext(ctx, s.selectKey[table])
	args := make([]any, 0, many*len(columns))
	var pick [many]int
	singly := 0 // groups still to be added one by one
	flush := func(n int) error {
		if n == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if n == many && singly == 0 {
			args = args[:0]
			for _, i := range pick {
				args = p.values(args, &p.rows[i])
			}
			_, err := group.Exec(args...)
			if err == nil {
				for _, i := range pick {
					p.count(&p.rows[i])
				}
				return nil
			}
			if !refused(err) {
				return err
			}
			singly = 8
		}
		clean := true
		for _, i := range pick[:n] {
			hit, err := s.insertSingly(ctx, p, &p.rows[i], table, one, key)
			if err != nil {
				return err
			}
			clean = clean && !hit
		}
		if clean && singly > 0 {
			singly--
		}
		return nil
	}
	n := 0
	for i := range p.rows {
		if r := &p.rows[i]; r.gone || r.clash || r.table() != table {
			continue
		}
		pick[n] = i
		if n++; n == many {
			if err := flush(n); err != nil {
				return err
			}
			n = 0
		}
	}
	if err := flush(n); err != nil {
		return err
	}
	for i := range p.rows {
		if r := &p.rows[i]; r.clash && !r.gone && r.table() == table {
			if _, err := s.insertSingly(ctx, p, r, table, one, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// insertSingly adds one row under the first free fingerprint, unless it is stored already. hit says that its key was taken.
func (s *sqliteStore) insertSingly(ctx context.Context, p *batch, r *row, table int, one, key *sql.Stmt) (hit bool, err error) {
	for probe := 0; ; probe++ {
		_, err := one.ExecContext(ctx, p.values(nil, r)...)
		switch {
		case err == nil:
			p.count(r)
			return hit, nil
		case taken(err):
			hit = true
		case refused(err):
			p.refuse(r, err)
			return true, nil
		default:
			return hit, err
		}
		var stored record
		if err := key.QueryRowContext(ctx, r.id, int64(r.event.Time), r.fp).Scan(stored.targets()...); err != nil {
			return hit, err
		}
		if err := stored.finish(); err != nil {
			return hit, err
		}
		if p.sameStored(r, &stored) {
			r.gone = true
			p.result.Duplicates++
			return hit, nil
		}
		if probe == maxProbes {
			p.bury(r, errCrowded)
			return hit, nil
		}
		r.fp++
		r.differing = true
	}
}

// values appends a row's columns as arguments.
func (p *batch) values(args []any, r *row) []any {
	e := r.event
	number := func(f protocols.Fields, v float64) any {
		if r.has&f == 0 {
			return nil
		}
		return v
	}
	args = append(args, r.id, int64(e.Time), int64(r.fp), int64(e.Received), r.vehicle, clean(e.Protocol), e.Kind.String(),
		number(protocols.HasFix, e.Lat), number(protocols.HasFix, e.Lng), number(protocols.HasAlt, e.Alt),
		number(protocols.HasSpeed, e.Speed), number(protocols.HasCourse, e.Course))
	if r.has&protocols.HasSats != 0 {
		args = append(args, int64(e.Sats))
	} else {
		args = append(args, nil)
	}
	args = append(args, number(protocols.HasHDOP, e.HDOP))
	if r.has&protocols.HasFix != 0 {
		args = append(args, e.Valid)
	} else {
		args = append(args, nil)
	}
	args = append(args, e.Late, e.Stored, e.NoTime)
	if r.alarm != "" {
		args = append(args, r.alarm)
	} else {
		args = append(args, nil)
	}
	if e.Session != 0 {
		args = append(args, int64(e.Session))
	} else {
		args = append(args, nil)
	}
	args = append(args, int64(e.Counter), truthValue(r.ignition), truthValue(r.motion))
	if r.hasOdometer {
		args = append(args, r.odometer)
	} else {
		args = append(args, nil)
	}
	if r.from == r.to {
		return append(args, nil)
	}
	return append(args, string(p.json[r.from:r.to]))
}

func truthValue(v int8) any {
	if v < 0 {
		return nil
	}
	return v == 1
}

// upsert executes an upsert for n rows, many at a time and the rest one by one: args appends the arguments of row i. After each statement, done is told
// the rows from first on that it was for, and how many of them it changed.
func upsert(ctx context.Context, tx *sql.Tx, statements [2]*sql.Stmt, n int, args func(list []any, i int) []any, done func(first, end, changed int) error) error {
	one, group := tx.StmtContext(ctx, statements[0]), tx.StmtContext(ctx, statements[1])
	var list []any
	for first := 0; first < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		st, end := one, first+1
		if n-first >= many {
			st, end = group, first+many
		}
		list = list[:0]
		for i := first; i < end; i++ {
			list = args(list, i)
		}
		answer, err := st.Exec(list...)
		if err != nil {
			return err
		}
		changed, err := answer.RowsAffected()
		if err != nil {
			return err
		}
		if err := done(first, end, int(changed)); err != nil {
			return err
		}
		first = end
	}
	return nil
}
