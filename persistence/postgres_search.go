package persistence

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"
)

// refusedPerDevice is how many rows of one device a search isolates. What then fails of the device's rows is refused together: a
// device that sends nothing but bad rows must not hold up the rest with thousands of savepoints.
const refusedPerDevice = 64

// search adds the rows by staging, in halves where the server refuses some, until the refused ones are alone. It returns the rows whose
// key another record has. refused counts by device.
func (p *batch) search(ctx context.Context, conn *pgxpool.Conn, table int, rows []*row, refused map[int64]int) (clashes []*row, err error) {
	if _, err := conn.Exec(ctx, "SAVEPOINT half"); err != nil {
		return nil, err
	}
	before := p.result
	clashes, err = p.stageRows(ctx, conn, table, rows)
	if err == nil {
		_, err = conn.Exec(ctx, "DELETE FROM "+stage(table))
		if err == nil {
			_, err = conn.Exec(ctx, "RELEASE SAVEPOINT half")
		}
		return clashes, err
	}
	if !badData(err) {
		return nil, err
	}
	p.result = before
	if _, undo := conn.Exec(ctx, "ROLLBACK TO SAVEPOINT half"); undo != nil {
		return nil, errors.Join(err, undo)
	}
	if _, undo := conn.Exec(ctx, "RELEASE SAVEPOINT half"); undo != nil {
		return nil, errors.Join(err, undo)
	}
	oneDevice := rows[0].id == rows[len(rows)-1].id // they are in order of the device
	if len(rows) == 1 || (oneDevice && refused[rows[0].id] >= refusedPerDevice) {
		for _, r := range rows {
			p.refuse(r, err)
		}
		refused[rows[0].id] += len(rows)
		return nil, nil
	}
	for _, half := range [2][]*row{rows[:len(rows)/2], rows[len(rows)/2:]} {
		more, err := p.search(ctx, conn, table, half, refused)
		if err != nil {
			return nil, err
		}
		clashes = append(clashes, more...)
	}
	return clashes, nil
}
