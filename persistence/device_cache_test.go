package persistence

import (
	"fmt"
	"testing"

	"github.com/trackgate/trackgate/protocols"
)

// The cache holds at most twice its size, keeps what is in use, and a batch of more devices than it holds is resolved all the same.
func TestDeviceCache(t *testing.T) {
	c := newDeviceCache(10)
	c.put("busy", known{id: 1})
	for i := range 1000 {
		c.put(fmt.Sprint(i), known{id: int64(i + 2)})
		if _, found := c.get("busy"); !found {
			t.Fatalf("a device in use was forgotten after %d others", i)
		}
		if n := len(c.young) + len(c.old); n > 20 {
			t.Fatalf("%d devices are remembered", n)
		}
	}
	s := openTestSQLite(t, Config{DeviceCache: 3})
	var events []protocols.Event
	for i := range 100 {
		events = append(events, fix(fmt.Sprint(i), now, 1, 1, 1))
	}
	mustWrite(t, s, batchOf("j", 0, events...), Result{Stored: 100})
	mustWrite(t, s, batchOf("j", 100, events...), Result{Duplicates: 100})
}

// Numbers of devices are not trusted beyond a restore of the database.
func TestRestoredDatabase(t *testing.T) {
	s := openTestSQLite(t, Config{})
	mustWrite(t, s, batchOf("j", 0, fix("1", now, 1, 1, 1), fix("2", now, 1, 1, 1)), Result{Stored: 2})
	mustWrite(t, s, batchOf("j", 2, fix("3", now, 1, 1, 1)), Result{Stored: 1})
	for _, sql := range []string{"DELETE FROM devices", "DELETE FROM vehicle_devices", "DELETE FROM location_events", "DELETE FROM ingest_offset",
		"UPDATE registry SET revision = 1"} {
		if _, err := s.writer.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, s, batchOf("j", 0, fix("2", now, 1, 1, 1)), Result{Stored: 1})
	if list := allHistory(t, s, HistoryQuery{Vehicle: "v-2"}); len(list) != 1 || list[0].Device != "2" {
		t.Errorf("history after a restore: %v", list)
	}
}
