package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// alone is a node by itself: SQLite, everything within the process.
type alone struct {
	*process
	data, any, replay, web string
}

func startAlone(t *testing.T, data string, env ...string) *alone {
	t.Helper()
	a := &alone{data: data, any: freePort(t), replay: freePort(t), web: freePort(t)}
	a.process = start(t, append(env, "TRACKGATE_GATEWAY_REPLAY="+a.replay), "serve", "--data", data, "--http", a.web, "--any", a.any)
	a.ready(a.web)
	return a
}

func (a *alone) token(extra ...string) string {
	a.t.Helper()
	out, err := run(a.t, nil, append([]string{"token", "--data", a.data, "--vehicles", "*"}, extra...)...)
	if err != nil {
		a.t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(out)
}

func (a *alone) call(method, path, token, body string) (int, string) {
	a.t.Helper()
	req, err := http.NewRequest(method, "http://"+a.web+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw)
}

func TestFirstStartKeepsItsSecret(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	a := startAlone(t, data)
	st, err := os.Stat(secretFile(data))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("secret: %v, %v", st, err)
	}
	before, _ := os.ReadFile(secretFile(data))
	token := a.token()
	if status, body := a.call("GET", "/api/vehicles/locations", token, ""); status != 200 || !strings.Contains(body, `"events":[]`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := a.call("GET", "/api/vehicles/locations", "", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	a.stop()
	a = startAlone(t, data)
	if after, _ := os.ReadFile(secretFile(data)); string(after) != string(before) {
		t.Error("the secret changed")
	}
	if status, _ := a.call("GET", "/api/vehicles/locations", token, ""); status != 200 {
		t.Errorf("the token of before: %d", status)
	}
	a.stop()
}

// TestKilledAndStartedAgain kills the process right after an acknowledgement: the record is stored once by its next life.
func TestKilledAndStartedAgain(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	a := startAlone(t, data)
	const rounds = 5
	base := time.Now().Add(-time.Minute).Truncate(time.Second)
	for i := range rounds {
		c, err := net.Dial("tcp", a.any)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		for _, hex := range []string{"000f333538383939303531303235343139", codec8(base.Add(time.Duration(i) * time.Second))} {
			if _, err := c.Write(unhex(t, hex)); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(make([]byte, 4)); err != nil || n == 0 {
				t.Fatal(err)
			}
		}
		c.Close()
		a.cmd.Process.Kill()
		<-a.done
		a = startAlone(t, data)
	}
	token := a.token()
	until(t, "all stored", func() bool {
		_, body := a.call("GET", "/api/vehicles/358899051025419/history", token, "")
		return strings.Count(body, `"id"`) == rounds
	})
	a.stop()
}

func TestStopWithDevicesAndDashboards(t *testing.T) {
	a := startAlone(t, filepath.Join(t.TempDir(), "data"))
	for range 20 {
		c, err := net.Dial("tcp", a.any)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write(unhex(t, "000f333538383939303531303235343139"))
	}
	events, err := http.NewRequest("GET", "http://"+a.web+"/events?vehicles=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	events.Header.Set("Authorization", "Bearer "+a.token())
	resp, err := http.DefaultClient.Do(events)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v %v", resp, err)
	}
	defer resp.Body.Close()
	begin := time.Now()
	a.stop()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestDeviceRegistry(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	a := startAlone(t, data)
	csv := filepath.Join(t.TempDir(), "devices.csv")
	if err := os.WriteFile(csv, []byte("id,vehicle,groups,options,policy\n358899051025419,truck-7,north cold,\"model=fmb zone=+01:00 networks=127.0.0.0/8,192.0.2.7\",accept\n1,,,,reject\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, nil, "device", "import", csv, "--data", data); err != nil || !strings.Contains(out, "2 devices") {
		t.Fatalf("%v %s", err, out)
	}
	if out, err := run(t, nil, "device", "add", "2", "--data", data, "--option", "zone=west"); err == nil || !strings.Contains(out, "zone") {
		t.Errorf("a bad zone: %v %s", err, out)
	}
	if out, err := run(t, nil, "device", "list", "--data", data); err != nil || !strings.Contains(out, "truck-7") || !strings.Contains(out, "zone=+01:00 networks=127.0.0.0/8,192.0.2.7") {
		t.Fatalf("%v %s", err, out)
	}
	admin := a.token("--scope", "admin")
	if status, body := a.call("GET", "/api/devices", admin, ""); status != 200 || !strings.Contains(body, `"vehicle":"truck-7"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := a.call("GET", "/api/devices", a.token(), ""); status != 403 {
		t.Errorf("with scope read: %d", status)
	}
	if out, err := run(t, nil, "device", "add", "2", "--data", data, "--option", "networks=10.0.0.0/8,there"); err == nil || !strings.Contains(out, "there") {
		t.Errorf("a bad network: %v %s", err, out)
	}
	if status, body := a.call("PUT", "/api/devices", admin, `{"devices":[{"id":"4","options":["networks=there"]}]}`); status != 400 || !strings.Contains(body, "there") {
		t.Errorf("a bad network: %d %s", status, body)
	}
	if status, body := a.call("PUT", "/api/devices", admin, `{"devices":[{"id":"3","vehicle":"van"},{"id":"","vehicle":"x"}]}`); status != 400 || !strings.Contains(body, "devices[1]") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := a.call("PUT", "/api/devices", admin, `{"devices":[{"id":"358899051025419","vehicle":"van","options":["networks=127.0.0.1,10.0.0.0/8"]}]}`); status != 200 {
		t.Errorf("put: %d", status)
	}
	c, err := net.Dial("tcp", a.any)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write(unhex(t, "000f333538383939303531303235343139"+codec8(time.Now())))
	token := a.token()
	until(t, "the fix on the van", func() bool {
		status, _ := a.call("GET", "/api/vehicles/van/location", token, "")
		return status == 200
	})
	a.stop()
}

func TestGrantsByUser(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	a := startAlone(t, data)
	post := a.token("--scope", "ingest")
	for _, v := range []string{"1", "2"} {
		if status, body := a.call("POST", "/api/tracking/location", post, `{"vehicleId":"`+v+`","lat":1,"lng":2}`); status != 202 {
			t.Fatalf("%d %s", status, body)
		}
	}
	out, err := run(t, nil, "token", "--data", data, "--user", "alice")
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	alice := strings.TrimSpace(out)
	sees := func(vehicle string) bool {
		status, _ := a.call("GET", "/api/vehicles/"+vehicle+"/location", alice, "")
		return status == 200
	}
	if sees("1") {
		t.Error("alice sees a vehicle before she may")
	}
	if out, err := run(t, nil, "grant", "add", "alice", "--vehicles", "1", "--data", data); err != nil || !strings.Contains(out, "vehicles [1]") {
		t.Fatalf("%v %s", err, out)
	}
	until(t, "alice sees her vehicle", func() bool { return sees("1") })
	if sees("2") {
		t.Error("alice sees another's vehicle")
	}
	if out, err := run(t, nil, "grant", "remove", "alice", "--vehicles", "1", "--data", data); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	until(t, "she no longer does", func() bool { return !sees("1") })
	if out, err := run(t, nil, "grant", "add", "alice", "--data", data); err == nil {
		t.Errorf("a grant of nothing: %s", out)
	}
	a.stop()
}

// TestReportsOfPhones: without configuration nobody reports without a token; with it phones do, and people's pages stay.
func TestReportsOfPhones(t *testing.T) {
	a := startAlone(t, t.TempDir())
	report := fmt.Sprintf("id=phone1&lat=31.230416&lon=121.473701&timestamp=%d&speed=24.3", time.Now().Unix())
	if status, body := a.call("GET", "/?"+report, "", ""); status != 200 || !strings.Contains(body, "<html") { // the console
		t.Errorf("%d %.80s", status, body)
	}
	if status, _ := a.call("POST", "/", "", report); status != 405 {
		t.Errorf("a report by POST: %d", status)
	}
	token := a.token()
	if status, _ := a.call("GET", "/api/vehicles/phone1/location", token, ""); status != 404 {
		t.Errorf("the phone is known: %d", status)
	}
	a.stop()
	a = startAlone(t, a.data, "TRACKGATE_HTTP_REPORTS=/")
	for _, path := range []string{"/?" + report, "/?" + strings.Replace(report, "phone1", "phone2", 1)} {
		if status, body := a.call("GET", path, "", ""); status != 200 || body != "" {
			t.Errorf("%s: %d %.80s", path, status, body)
		}
	}
	if status, body := a.call("GET", "/", "", ""); status != 200 || !strings.Contains(body, "<html") {
		t.Errorf("the console: %d %.80s", status, body)
	}
	if status, _ := a.call("GET", "/api/vehicles/phone1/location", "", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	var body string
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		var status int
		if status, body = a.call("GET", "/api/vehicles/phone1/location", token, ""); status == 200 || time.Since(begin) > 10*time.Second {
			break
		}
	}
	if !strings.Contains(body, `"protocol":"osmand"`) || !strings.Contains(body, `"speed":45.0036`) {
		t.Error(body)
	}
	a.stop()
}

func TestConfigurationErrors(t *testing.T) {
	tests := []struct {
		name, want string
		env, args  []string
	}{
		{"redis without a secret", "JWT_SECRET", []string{"REDIS_URL=redis://127.0.0.1:1"}, []string{"serve"}},
		{"roles apart without redis", "REDIS_URL", []string{"JWT_SECRET=" + testSecret}, []string{"serve", "--roles", "ingest"}},
		{"a window beyond the limit", "bus.window", []string{"TRACKGATE_BUS_WINDOW=1001"}, []string{"serve"}},
		{"a cluster without an address", "REDIS_URL", []string{"TRACKGATE_BUS_CLUSTER=true"}, []string{"serve"}},
		{"a guessable secret", "too few", []string{"JWT_SECRET=123456"}, []string{"serve"}},
		{"an unknown role", "neither ingest nor fanout", nil, []string{"serve", "--roles", "all"}},
		{"an unknown key", "TRACKGATE_GATEWAY_ACKS", []string{"TRACKGATE_GATEWAY_ACKS=x"}, []string{"serve"}},
		{"a bad value", "durable, decoded, stored", []string{"TRACKGATE_GATEWAY_ACK=perhaps"}, []string{"check"}},
		{"reports over another route", "http.reports", []string{"TRACKGATE_HTTP_REPORTS=/api/tracking/location"}, []string{"check"}},
		{"reports at no path", "http.reports", []string{"TRACKGATE_HTTP_REPORTS=report"}, []string{"check"}},
		{"a token without a secret", "start the gateway once", nil, []string{"token"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := run(t, tt.env, append(tt.args, "--data", t.TempDir())...)
			if err == nil || !strings.Contains(out, tt.want) {
				t.Errorf("%v %s, want an error that says %q", err, out, tt.want)
			}
		})
	}
}

func TestMigrateMakesItsFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "not", "yet")
	for _, want := range []string{"0001_tables", "up to date"} { // the second time there is nothing left to do
		if out, err := run(t, nil, "migrate", "--data", data); err != nil || !strings.Contains(out, want) {
			t.Fatalf("%v %s", err, out)
		}
	}
	if out, err := run(t, nil, "migrate", "--check", "--data", data); err != nil || !strings.Contains(out, "ok") {
		t.Fatalf("%v %s", err, out)
	}
}

func TestCheckReady(t *testing.T) {
	a := startAlone(t, t.TempDir())
	if out, err := run(t, []string{"TRACKGATE_HTTP_ADDR=" + a.web}, "check", "--ready"); err != nil || out != "ready\n" {
		t.Errorf("%v: %s", err, out)
	}
	a.stop()
	if out, err := run(t, []string{"TRACKGATE_HTTP_ADDR=" + a.web}, "check", "--ready"); err == nil {
		t.Errorf("ready when stopped: %s", out)
	}
	// A fanout node is not ready without its Redis.
	web := freePort(t)
	start(t, []string{"REDIS_URL=redis://127.0.0.1:1", "JWT_SECRET=" + testSecret}, "serve", "--roles", "fanout", "--data", t.TempDir(), "--http", web)
	until(t, "the node's answer", func() bool {
		resp, err := http.Get("http://" + web + "/healthz")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	if out, err := run(t, []string{"TRACKGATE_HTTP_ADDR=" + web}, "check", "--ready"); err == nil || !strings.Contains(out, "redis") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTakenPorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	if out, err := run(t, nil, "serve", "--data", t.TempDir(), "--http", freePort(t), "--any", taken); err == nil || !strings.Contains(out, taken) {
		t.Errorf("a configured port that is taken: %v %s", err, out)
	}
	web := freePort(t)
	p := start(t, []string{"TRACKGATE_GATEWAY_REPLAY=" + taken}, "serve", "--data", t.TempDir(), "--http", web, "--any", freePort(t))
	p.ready(web) // the replay listener is there by default: without it is better than not at all
	if !strings.Contains(p.said(), "default port is not opened") {
		t.Error(fmt.Sprint("no word of the port that is taken:\n", p.said()))
	}
	p.stop()
}
