package gateway

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trackgate/trackgate/gateway/journal"
	"github.com/trackgate/trackgate/protocols"
)

// phones serves the reports of a gateway at a path, over another site.
func phones(t *testing.T, r *rig, path string) *httptest.Server {
	t.Helper()
	other := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "console") })
	s := httptest.NewServer(r.Reports().Mount(path, other))
	t.Cleanup(s.Close)
	return s
}

const report = "id=860000000000001&lat=31.230416&lon=121.473701&timestamp=1773477015&speed=24.3"

// TestReports: a report is answered over HTTP as on the protocol's own port, and stored once.
func TestReports(t *testing.T) {
	r := start(t, nil)
	s := phones(t, r, "/")
	ask := func(method, target, contentType, body string, status int, want string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, s.URL+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || string(got) != want {
			t.Errorf("%s %s %.60s: %d %q, want %d %q", method, target, body, resp.StatusCode, got, status, want)
		}
		return resp
	}
	const form, json = "application/x-www-form-urlencoded", "application/json; charset=utf-8"
	ask("GET", "/?"+report, "", "", 200, "")
	ask("POST", "/", form, strings.Replace(report, "015", "016", 1), 200, "")
	ask("POST", "/", json, `{"device_id":"phone1","location":{"timestamp":"2026-03-14T08:30:15Z","coords":{"latitude":31.230416,"longitude":121.473701,"speed":12.5}}}`, 200, "")
	ask("GET", "/?"+strings.Replace(report, "31.230416", "NaN", 1), "", "", 400, "")
	ask("POST", "/", form, "lat=1&lon=2", 400, "")
	ask("POST", "/", form, strings.Repeat("x", 70<<10), 413, "")
	ask("POST", "/", json, strings.Repeat(" ", 2<<20), 413, "")
	ask("GET", "/?id=1&"+strings.Repeat("x", 9<<10), "", "", 414, "")
	ask("GET", "/", "", "", 200, "console")
	ask("GET", "/?page=2", "", "", 200, "console")
	ask("HEAD", "/?"+report, "", "", 200, "")
	ask("GET", "/elsewhere?"+report, "", "", 200, "console")
	e := r.store.wait(t, 3)
	if len(e) != 3 || e[0].Device != "860000000000001" || e[0].Protocol != "osmand" || math.Round(e[0].Speed*1e4) != 450036 || e[1].Time-e[0].Time != 1000 || e[2].Device != "phone1" {
		t.Errorf("stored %+v", e)
	}
	if e[0].Seq() == "" || e[0].Seq() == e[1].Seq() {
		t.Errorf("seq %s and %s", e[0].Seq(), e[1].Seq())
	}
	own := phones(t, r, "/report")
	resp, err := own.Client().Head(own.URL + "/report?" + report)
	if err != nil || resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, POST" {
		t.Errorf("%v, %v: HEAD at a path of its own", resp, err)
	}
}

// TestReportsOnTheWire: a body in chunks, an awaited one and two requests of one connection.
func TestReportsOnTheWire(t *testing.T) {
	r := start(t, nil)
	s := phones(t, r, "/report")
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	fmt.Fprintf(c, "POST /report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"+
		"GET /report?%s HTTP/1.1\r\nHost: x\r\nCookie: secret\r\n\r\n", len(report), report, strings.Replace(report, "015", "016", 1))
	for range 2 {
		if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 200 || resp.ContentLength != 0 {
			t.Fatalf("%v, %v", resp, err)
		}
	}
	fmt.Fprintf(c, "POST /report HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(report))
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 100 {
		t.Fatalf("%v, %v", resp, err)
	}
	fmt.Fprint(c, strings.Replace(report, "015", "017", 1))
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v, %v", resp, err)
	}
	for _, e := range r.store.wait(t, 3) {
		if strings.Contains(string(e.Raw), "secret") {
			t.Errorf("a cookie was kept: %s", e.Raw)
		}
	}
}

// TestReportsRefused: the policy on unknown devices, pages of other sites, and a journal that takes nothing.
func TestReportsRefused(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.Unknown = string(protocols.Reject) })
	s := phones(t, r, "/")
	status := func(header, value string, method, target, body string) int {
		t.Helper()
		req, err := http.NewRequest(method, s.URL+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			req.Header.Set(header, value)
		}
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := status("", "", "GET", "/?"+report, ""); got != 400 {
		t.Errorf("an unknown device's query: %d, want 400", got)
	}
	location := `{"device_id":"phone1","location":{"timestamp":"2026-03-14T08:30:15Z","coords":{"latitude":1,"longitude":2}}}`
	if got := status("Content-Type", "application/json", "POST", "/", location); got != 404 {
		t.Errorf("an unknown device's JSON: %d, want 404", got)
	}
	if got := status("Sec-Fetch-Site", "cross-site", "GET", "/?"+report, ""); got != 403 {
		t.Errorf("another site's page: %d, want 403", got)
	}
	if got := r.counter("unknown_devices_total"); got != 2 {
		t.Errorf("%v unknown devices, want 2", got)
	}
	known := []protocols.Device{{ID: "860000000000001", Vehicle: "van", Policy: protocols.Accept}}
	if err := r.core.registry.Put(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if got := status("", "", "GET", "/?"+report, ""); got != 200 {
		t.Errorf("a known device: %d, want 200", got)
	}
	if e := r.store.wait(t, 1); len(e) != 1 || e[0].Vehicle != "van" {
		t.Errorf("stored %+v", e)
	}
	r.core.committer.crowded.Store(true)
	if got := status("", "", "GET", "/?"+report, ""); got != 503 {
		t.Errorf("while the journal takes nothing: %d, want 503", got)
	}
	r.core.committer.crowded.Store(false)
}

// TestReportsLimited: an address that is over its limits is told to come later, and what it asks is not answered.
func TestReportsLimited(t *testing.T) {
	r := start(t, func(c *Config, _ *journal.Config) { c.Unknown = string(protocols.Reject) })
	h := r.Reports().Mount("/report", http.NotFoundHandler())
	last := 0
	for i := range r.cfg.RefusalsPerAddress + 1 {
		req := httptest.NewRequest("GET", fmt.Sprintf("/report?id=guess%d&lat=1&lon=2", i), nil)
		req.RemoteAddr = "192.0.2.9:1000"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		last = w.Code
		if want := 400; i < r.cfg.RefusalsPerAddress && last != want {
			t.Errorf("guess %d: %d, want %d", i, last, want)
		}
	}
	if last != 503 {
		t.Errorf("too many guesses: %d, want 503", last)
	}
}
