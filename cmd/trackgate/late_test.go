package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trackgate/trackgate/gateway/simulate"
)

// TestLateAndFutureRecords: from the tracker's bytes to the answers of the API, a stored upload and a clock ahead leave the last known position alone, the
// hours follow, and what was uploaded again is there once.
func TestLateAndFutureRecords(t *testing.T) {
	a := startAlone(t, filepath.Join(t.TempDir(), "data"))
	token := a.token()
	const device = "001017000000003"
	say := func(list ...simulate.Fix) {
		t.Helper()
		c, err := net.Dial("tcp", a.any)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		w := simulate.Teltonika{IMEI: device}
		if _, err := c.Write(w.Login(nil)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		packet, n := w.Fixes(nil, list, time.Now())
		if n != len(list) {
			t.Fatalf("%d fixes in a packet", n)
		}
		c.Write(packet)
		answer := make([]byte, 4)
		if _, err := io.ReadFull(c, answer); err != nil || int(answer[3]) != n {
			t.Fatalf("acknowledged %v, %v", answer, err)
		}
	}
	now := time.Now().Truncate(time.Second)
	at := func(ago time.Duration, lat float64) simulate.Fix {
		return simulate.Fix{Time: now.Add(-ago), Lat: lat, Lng: 13, Speed: 50, Sats: 9}
	}
	get := func(path string, into any) {
		t.Helper()
		status, body := a.call("GET", path, token, "")
		if status == 404 {
			return // nothing is stored yet
		}
		if status != 200 {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		if err := json.Unmarshal([]byte(body), into); err != nil {
			t.Fatal(err)
		}
	}
	hour := now.Add(-30 * time.Hour).Truncate(time.Hour)
	rows := func(query string) int {
		t.Helper()
		var page struct{ Events []json.RawMessage }
		get("/api/vehicles/"+device+"/history?from="+hour.UTC().Format(time.RFC3339)+"&to="+now.Add(24*time.Hour).UTC().Format(time.RFC3339)+query, &page)
		return len(page.Events)
	}
	events := func() (n int) {
		t.Helper()
		_, body := a.call("GET", fmt.Sprintf("/api/vehicles/%s/hourly?from=%s&to=%s", device, hour.UTC().Format(time.RFC3339), hour.Add(time.Hour).UTC().Format(time.RFC3339)), token, "")
		if i := strings.Index(body, `"events":`); i >= 0 {
			fmt.Sscanf(body[i:], `"events":%d`, &n)
		}
		return n
	}
	stored := func(n int) []simulate.Fix {
		var list []simulate.Fix
		for i := range n {
			list = append(list, at(now.Sub(hour)-time.Duration(1+i)*time.Minute, 50))
		}
		return list
	}
	say(at(0, 52))
	say(stored(5)...)
	say(at(-time.Hour, 60)) // an hour ahead
	until(t, "stored", func() bool { return rows("") == 6 && rows("&quarantined=1") == 1 })
	if got := events(); got != 5 {
		t.Errorf("%d events in the hour, want 5", got)
	}
	say(stored(8)...) // an overlapping packet, and a whole one once more
	say(stored(5)...)
	say(at(-time.Hour, 60))
	say(at(-time.Second, 53))
	until(t, "stored", func() bool { return rows("") == 10 })
	if n, apart := rows(""), rows("&quarantined=1"); n != 10 || apart != 1 {
		t.Errorf("%d rows and %d apart, want 10 and 1", n, apart)
	}
	if got := events(); got != 8 {
		t.Errorf("%d events in the hour, want 8", got)
	}
	var last struct {
		Lat  float64
		Time time.Time
	}
	get("/api/vehicles/"+device+"/location", &last)
	if last.Lat != 53 || !last.Time.Equal(now.Add(time.Second)) {
		t.Errorf("last known: %+v", last)
	}
}
