package persistence

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/trackgate/trackgate/persistence/pgtest"
	"github.com/trackgate/trackgate/protocols"
)

// twice is one record as two nodes received it: in order, and from the future, to be kept apart.
func twice(device string, at protocols.Millis) (regular, apart protocols.Event) {
	regular, apart = fix(device, at, 1, 1, 1), fix(device, at, 1, 1, 1)
	apart.Received = at - hourMillis
	return regular, apart
}

// rowsOf counts the rows of a device in both tables.
func rowsOf(t *testing.T, s Store, device string) int {
	t.Helper()
	return len(allHistory(t, s, HistoryQuery{Vehicle: "v-" + device})) + len(allHistory(t, s, HistoryQuery{Vehicle: "v-" + device, Quarantined: true}))
}

// The other node's batch begins when the first one's has its rows in and did not commit yet.
func TestAcrossTablesAtOnce(t *testing.T) {
	for _, first := range []string{"history", "quarantine"} {
		for _, before := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s first, something kept apart before %v", first, before), func(t *testing.T) {
				url := pgtest.Postgres(t)
				a, b := openTestPostgres(t, plain(url)), openTestPostgres(t, plain(url))
				if before {
					_, wild := twice("1", now-5000)
					mustWrite(t, a, batchOf("before", 0, wild), Result{Quarantined: 1})
				}
				regular, apart := twice("1", now)
				one, two := regular, apart
				if first == "quarantine" {
					one, two = apart, regular
				}
				release := blockLast(t, url)
				results := make(chan Result, 2)
				write := func(s Store, batch protocols.Batch) {
					r, err := s.Write(t.Context(), batch)
					if err != nil {
						t.Errorf("write: %v", err)
					}
					results <- r
				}
				// The other device's record takes the batch on to last_position, where it waits.
				go write(a, batchOf("a", 0, one, fix("2", now, 1, 1, 1)))
				waitBlocked(t, url, "")
				go write(b, batchOf("b", 0, two))
				waitBlocked(t, url, "advisory")
				release()
				sum := Result{}
				for range 2 {
					r := <-results
					sum.Stored, sum.Quarantined, sum.Duplicates = sum.Stored+r.Stored, sum.Quarantined+r.Quarantined, sum.Duplicates+r.Duplicates
				}
				if sum.Stored+sum.Quarantined != 2 || sum.Duplicates != 1 {
					t.Errorf("got %+v of both, want a row of each device and a duplicate", sum)
				}
				want := 1
				if before {
					want = 2
				}
				if n := rowsOf(t, a, "1"); n != want {
					t.Errorf("%d rows of the device, want %d", n, want)
				}
			})
		}
	}
}

// blockLast takes the table that a batch needs last; the function gives it back.
func blockLast(t *testing.T, url string) func() {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `BEGIN; LOCK TABLE last_position`); err != nil {
		t.Fatal(err)
	}
	return func() { conn.Close(t.Context()) }
}

// Nodes that store the same records in other tables, over and over at the same moment, with neighbours of which nothing is kept apart.
func TestAcrossTablesRace(t *testing.T) {
	url := pgtest.Postgres(t)
	stores := []Store{openTestPostgres(t, plain(url)), openTestPostgres(t, plain(url)), openTestPostgres(t, plain(url))}
	const rounds, records = 60, 12
	var batches [3][rounds]protocols.Batch
	for round := range rounds {
		var events [3][]protocols.Event
		for i := range records {
			// A device of its own for each round, and one for all rounds.
			for _, device := range []string{fmt.Sprint("new", round), "old"} {
				regular, apart := twice(device, now+protocols.Millis(round*records+i)*1000)
				events[0], events[1] = append(events[0], regular), append(events[1], apart)
				events[2] = append(events[2], []protocols.Event{regular, apart}[i%2])
			}
		}
		for w := range batches {
			batches[w][round] = batchOf(fmt.Sprint("node", w), uint64(round)*2*records, slices.Clone(events[w])...)
		}
	}
	var mu sync.Mutex
	sum := Result{}
	for round := range rounds {
		var all sync.WaitGroup
		for w := range stores {
			all.Go(func() {
				r, err := stores[w].Write(t.Context(), batches[w][round])
				if err != nil {
					t.Errorf("node %d: %v", w, err)
				}
				mu.Lock()
				defer mu.Unlock()
				sum.Stored, sum.Quarantined, sum.Duplicates = sum.Stored+r.Stored, sum.Quarantined+r.Quarantined, sum.Duplicates+r.Duplicates
			})
		}
		all.Wait()
	}
	t.Logf("%d in the history, %d apart, %d duplicates", sum.Stored, sum.Quarantined, sum.Duplicates)
	if want := rounds * records * 2; sum.Stored+sum.Quarantined != want || sum.Duplicates != 2*want {
		t.Errorf("got %+v, want %d rows in both tables", sum, want)
	}
	if n := rowsOf(t, stores[0], "old"); n != rounds*records {
		t.Errorf("%d rows of a device, want %d", n, rounds*records)
	}
}
