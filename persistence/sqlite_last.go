package persistence

import (
	"context"
	"database/sql"
	"strings"
)

func upsertLastSQLite(rows int) string {
	return "INSERT INTO last_position (" + strings.Join(columns, ", ") + ", live, contact_at) VALUES " + questionMarks(rows, len(columns)+2) + lastConflict
}

// upsertLasts brings last_position up to date, one row per vehicle.
func (s *sqliteStore) upsertLasts(ctx context.Context, tx *sql.Tx, p *batch) error {
	p.last()
	touch := tx.StmtContext(ctx, s.touchLast)
	heard := func(vehicle string) error {
		contact := int64(p.contact[vehicle])
		_, err := touch.Exec(contact, vehicle, contact)
		return err
	}
	var moved []string
	for _, vehicle := range p.names {
		if _, found := p.newest[vehicle]; found {
			moved = append(moved, vehicle)
		} else if err := heard(vehicle); err != nil {
			return err
		}
	}
	return upsert(ctx, tx, s.upsertLast, len(moved), func(list []any, i int) []any {
		r := &p.rows[p.newest[moved[i]]]
		return append(p.values(list, r), r.live(), int64(p.contact[moved[i]]))
	}, func(first, end, changed int) error {
		if changed == end-first {
			return nil
		}
		for _, vehicle := range moved[first:end] { // some are better known already
			if err := heard(vehicle); err != nil {
				return err
			}
		}
		return nil
	})
}
