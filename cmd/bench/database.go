//go:build linux

package main

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/trackgate/trackgate/persistence/pgtest"
)

// database is the server of DATABASE_URL, whose database must be empty, else a PostgreSQL without TimescaleDB that lives as long as this program.
func database() (url, name string, stop func(), err error) {
	if url = os.Getenv("DATABASE_URL"); url == "" {
		server, stop, err := pgtest.Run()
		if err != nil {
			return "", "", nil, err
		}
		return server.URL("postgres"), "PostgreSQL", stop, nil
	}
	name = "PostgreSQL"
	if timescale(url) == "on" {
		name = "TimescaleDB"
	}
	var tables int
	if err := query(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", &tables); err != nil {
		return "", "", nil, err
	}
	if tables > 0 {
		return "", "", nil, fmt.Errorf("DATABASE_URL: the database is not empty, and the benchmark would drop its %d tables", tables)
	}
	return url, name, func() { _ = emptied(url) }, nil
}

// timescale says whether the server has the extension.
func timescale(url string) string {
	var n int
	if err := query(url, "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'", &n); err != nil || n == 0 {
		return "off"
	}
	return "on"
}

// emptied drops all tables.
func emptied(url string) error {
	var n int
	return query(url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public; SELECT 1", &n)
}

// query runs statements and scans the first column of the last one's first row.
func query(url, statements string, into *int) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, statements).ReadAll()
	if err != nil {
		return err
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return fmt.Errorf("%s: no row", statements)
	}
	_, err = fmt.Sscan(string(last.Rows[0][0]), into)
	return err
}
