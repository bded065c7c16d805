package persistence

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
)

// absorb takes the rows out that are stored in the other table.
func (s *sqliteStore) absorb(ctx context.Context, tx *sql.Tx, p *batch) error {
	if s.oneTable {
		return nil
	}
	apart, err := s.apart(ctx, tx, p.devices())
	if err != nil {
		return err
	}
	for table, rows := range p.candidates(apart) {
		if len(rows) == 0 {
			continue
		}
		key := tx.StmtContext(ctx, s.selectKey[1-table])
		for _, r := range rows {
			stored, err := p.storedUnder(ctx, key, r)
			if err != nil {
				return err
			}
			if stored {
				p.absorb(r)
			}
		}
	}
	return nil
}

// apart returns those of the devices that have rows in location_quarantine, ascending.
func (s *sqliteStore) apart(ctx context.Context, tx *sql.Tx, ids []int64) (apart []int64, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	rows, err := tx.StmtContext(ctx, s.selectApart).QueryContext(ctx, string(list))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		apart = append(apart, id)
	}
	slices.Sort(apart)
	return apart, rows.Err()
}

// storedUnder says whether the row's record is stored under its key, or on the way from there to the first free fingerprint.
func (p *batch) storedUnder(ctx context.Context, key *sql.Stmt, r *row) (bool, error) {
	for probe := range int32(maxProbes + 1) {
		var stored record
		err := key.QueryRowContext(ctx, r.id, int64(r.event.Time), r.fp+probe).Scan(stored.targets()...)
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		if err == nil {
			err = stored.finish()
		}
		if err != nil || p.sameStored(r, &stored) {
			return err == nil, err
		}
	}
	return false, nil
}
