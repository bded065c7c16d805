package persistence

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/persistence/pgtest"
	"github.com/trackgate/trackgate/protocols"
)

// What it costs that a record is stored once: the same batches in turns into a store that recognises repetitions, and into one that has the same index
// for reading, but not unique, and asks no other table. Of one device in a hundred something was kept apart, so that its records are looked up.

func benchmarkDuplicates(b *testing.B, careful, careless Store) {
	var apart []protocols.Event
	for i := range benchDevices / 100 {
		e := benchEvents(0)[i]
		e.Received -= hourMillis
		apart = append(apart, e)
	}
	if r, err := careful.Write(b.Context(), batchOf("apart", 0, apart...)); err != nil || r.Quarantined != len(apart) {
		b.Fatal(r, err)
	}
	var with, without time.Duration
	rows := 0
	for i := 1; b.Loop(); i++ {
		write := func(s Store, spent *time.Duration) {
			batch := protocols.Batch{Source: "j", From: uint64(i), UpTo: uint64(i + 1), Events: benchEvents(i)}
			begun := time.Now()
			if _, err := s.Write(context.Background(), batch); err != nil {
				b.Fatal(err)
			}
			*spent += time.Since(begun)
		}
		if i%2 == 0 {
			write(careless, &without)
			write(careful, &with)
		} else {
			write(careful, &with)
			write(careless, &without)
		}
		rows += benchBatch
	}
	b.ReportMetric(float64(rows)/with.Seconds(), "rows/s")
	b.ReportMetric(float64(rows)/without.Seconds(), "careless-rows/s")
	b.ReportMetric(without.Seconds()/with.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkDuplicatesSQLite(b *testing.B) {
	careless := openTestSQLite(b, Config{})
	careless.oneTable = true
	var table string
	if err := careless.writer.QueryRow(`SELECT sql FROM sqlite_master WHERE name = 'location_events'`).Scan(&table); err != nil {
		b.Fatal(err)
	}
	plain := strings.Replace(table, ",\n  UNIQUE (device_id, time, fp)", "", 1)
	if plain == table {
		b.Fatal("the table has another key")
	}
	if _, err := careless.writer.Exec("DROP TABLE location_events; " + plain + "; CREATE INDEX plain ON location_events (device_id, time, fp)"); err != nil {
		b.Fatal(err)
	}
	benchmarkDuplicates(b, openTestSQLite(b, Config{}), careless)
}

func BenchmarkDuplicatesPostgres(b *testing.B) {
	careful := openTestPostgres(b, Config{URL: pgtest.Postgres(b), Timescale: "off"})
	careless := openTestPostgres(b, Config{URL: pgtest.Postgres(b), Timescale: "off"})
	careless.oneTable = true
	execTest(b, careless, "DROP INDEX location_events_key; CREATE INDEX plain ON location_events (device_id, time, fp)")
	benchmarkDuplicates(b, careful, careless)
}

// BenchmarkDuplicatesTimescale compares only with a store that asks no other table: the test server has one database.
func BenchmarkDuplicatesTimescale(b *testing.B) {
	url := pgtest.Timescale(b)
	careless := openTestPostgres(b, Config{URL: url})
	careless.oneTable = true
	benchmarkDuplicates(b, openTestPostgres(b, Config{URL: url}), otherDevices{careless})
}

// otherDevices writes for devices of its own.
type otherDevices struct{ *postgresStore }

func (o otherDevices) Write(ctx context.Context, batch protocols.Batch) (Result, error) {
	batch.Source += "2"
	for i := range batch.Events {
		batch.Events[i].Device = "9" + batch.Events[i].Device[1:]
	}
	return o.postgresStore.Write(ctx, batch)
}
