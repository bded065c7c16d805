package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/trackgate/trackgate/gateway/simulate/ledger"
	"github.com/trackgate/trackgate/persistence/pgtest"
)

// verified runs trackgate verify.
func verified(t *testing.T, data, acked string, args ...string) (ledger.Report, error) {
	t.Helper()
	out, failed := run(t, nil, append([]string{"verify", "--json", "--data", data, "--acked", acked}, args...)...)
	var r ledger.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("verify: %v, %v\n%s", failed, err, out)
	}
	return r, failed
}

// TestSimulateAndVerify: what a fleet, a fifth of it malicious, is acknowledged is in the store; what is not in the store as it was acknowledged is found.
func TestSimulateAndVerify(t *testing.T) {
	data, acked := t.TempDir(), filepath.Join(t.TempDir(), "acked.csv")
	a := startAlone(t, data)
	out, err := run(t, nil, "simulate", "--to", a.any, "--devices", "200", "--interval", "500ms", "--jitter", "100ms", "--backlog", "20", "--misbehave", "0.2",
		"--duration", "6s", "--grace", "1m", "--acked", acked, "--processes", "2", "--sources", "127.0.0.2-127.0.0.5")
	if err != nil {
		t.Fatalf("simulate: %v\n%s", err, out)
	}
	if !strings.Contains(out, "200 devices, ") || !strings.Contains(out, "misdeed") || !strings.Contains(out, "(0 of devices that behave)") {
		t.Errorf("simulate says\n%s", out)
	}
	r, err := verified(t, data, acked, "--wait", "2m")
	if err != nil || r.Matching != r.Acked || r.Devices < 150 || r.Acked < 150*20 {
		t.Fatalf("%v, %+v", err, r)
	}
	a.stop()

	raw, err := os.ReadFile(acked)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(raw), "\n")
	altered := strings.Split(lines[7], ",")
	altered[3] += "1"
	lines[7] = strings.Join(altered, ",")
	lost := strings.Split(lines[8], ",")
	lost[2] = "4294967295"
	tampered := filepath.Join(t.TempDir(), "tampered.csv")
	if err := os.WriteFile(tampered, []byte(strings.Join(append(lines, strings.Join(lost, ",")), "")), 0o600); err != nil {
		t.Fatal(err)
	}
	bad, err := verified(t, data, tampered, "--wait", "0")
	if err == nil || bad.Lost != 1 || bad.Altered != 1 || bad.Duplicates != 0 || bad.Matching != r.Matching-1 || len(bad.Examples) != 2 {
		t.Errorf("tampered: %v, %+v", err, bad)
	}

	db, err := sql.Open("sqlite", filepath.Join(data, "trackgate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TEMP TABLE twin AS SELECT e.* FROM location_events e JOIN devices d USING (device_id) WHERE d.device = ? AND e.odometer_m = ?;
		UPDATE twin SET fp = fp + 1; INSERT INTO location_events SELECT * FROM twin`, altered[0], altered[2]); err != nil {
		t.Fatal(err)
	}
	if r, err := verified(t, data, acked); err == nil || r.Lost+r.Altered != 0 || r.Duplicates != 1 {
		t.Errorf("twin: %v, %+v", err, r)
	}
}

// TestVerifyServer: two gateways share a database, devices dial now one and now the other, and one of them is killed. The comparison reads the database.
func TestVerifyServer(t *testing.T) {
	env := []string{"DATABASE_URL=" + pgtest.Postgres(t), "TRACKGATE_STORE_TIMESCALE=off"}
	acked := filepath.Join(t.TempDir(), "acked.csv")
	a, b := startAlone(t, t.TempDir(), env...), startAlone(t, t.TempDir(), env...)
	fleet := start(t, nil, "simulate", "--to", a.any+","+b.any, "--devices", "60", "--interval", "200ms", "--backlog", "50", "--misbehave", "0.3",
		"--duration", "8s", "--grace", "1m", "--acked", acked, "--backoff", "200ms")
	<-time.After(3 * time.Second)
	b.cmd.Process.Kill()
	<-b.done
	again := start(t, append(env, "TRACKGATE_GATEWAY_REPLAY="+b.replay), "serve", "--data", b.data, "--http", b.web, "--any", b.any)
	again.ready(b.web)
	if err := <-fleet.done; err != nil {
		t.Errorf("the fleet: %v\n%s", err, fleet.said())
	}
	out, err := run(t, env, "verify", "--acked", acked, "--json", "--wait", "2m")
	var r ledger.Report
	if json.Unmarshal([]byte(out), &r) != nil || err != nil || r.Acked < 2500 || r.Matching != r.Acked {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat("data"); err == nil {
		t.Error("verify made a data folder that it has no use for")
	}
}
