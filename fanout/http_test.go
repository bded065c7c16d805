package fanout

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trackgate/trackgate/fanout/auth"
	"github.com/trackgate/trackgate/protocols"
)

func (n *node) get(t *testing.T, path, token, accept string) (*http.Response, string) {
	t.Helper()
	req, _ := http.NewRequest("GET", n.http.URL+path, nil)
	req.Header.Set("Authorization", "Bearer "+token)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	resp, err := n.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func historyNode(t *testing.T) (*node, string) {
	n := startNode(t, nodeOptions{})
	for i := range 5 {
		e := fix("v", i)
		e.SetAlt(100)
		e.SetCourse(90)
		e.SetSats(7)
		e.SetHDOP(0.9)
		e.Text("note", `=cmd|' /C calc'!A1 <&> "q"`)
		n.store.add(e)
	}
	bad := fix("v", 5)
	bad.SetFix(51, 10, false)
	n.store.add(bad)
	a := alarm("v", 6)
	a.Device, a.Alarm = `=HYPERLINK("http://evil")`, "-sos"
	n.store.add(a)
	wild := fix("v", 7)
	wild.Time += 3_600_000
	n.store.add(wild)
	return n, token(t, "u", auth.Scopes(auth.Read), "*")
}

const wholeDay = "&from=2020-01-01T00:00:00Z&to=2099-01-01T00:00:00Z"

func TestHistoryPages(t *testing.T) {
	n, who := historyNode(t)
	var seen []string
	cursor := ""
	for page := 0; ; page++ {
		resp, body := n.get(t, "/api/vehicles/v/history?limit=3"+wholeDay+"&cursor="+cursor, who, "")
		var h struct {
			Events []message
			Cursor *string
		}
		if err := json.Unmarshal([]byte(body), &h); err != nil || resp.StatusCode != 200 || len(h.Events) > 3 {
			t.Fatalf("%d %v %s", resp.StatusCode, err, body)
		}
		for _, e := range h.Events {
			seen = append(seen, e.Seq)
		}
		if !strings.Contains(body, `"cursor":`) {
			t.Fatalf("no cursor: %s", body)
		}
		if h.Cursor == nil {
			break
		}
		cursor = *h.Cursor
	}
	if len(seen) != 7 {
		t.Errorf("%d events, want 7: %v", len(seen), seen)
	}
	if _, body := n.get(t, "/api/vehicles/v/history?quarantined=1"+wholeDay, who, ""); strings.Count(body, `"id"`) != 1 {
		t.Errorf("quarantined: %s", body)
	}
	for query, status := range map[string]int{
		"?from=x": 400, "?to=-1": 400, "?limit=0": 400, "?limit=x": 400, "?format=pdf": 400, "?cursor=zzz": 400, "?from=3&to=2": 400,
		"?limit=999999999": 200, "?from=1&to=2": 200, "": 200,
	} {
		if resp, body := n.get(t, "/api/vehicles/v/history"+query, who, ""); resp.StatusCode != status {
			t.Errorf("%s: %d %s", query, resp.StatusCode, body)
		}
	}
	n.store.err = errors.New("down")
	if resp, _ := n.get(t, "/api/vehicles/v/history", who, ""); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("store down: %d", resp.StatusCode)
	}
}

func TestHistoryFormats(t *testing.T) {
	n, who := historyNode(t)
	path := "/api/vehicles/v/history?limit=7" + wholeDay
	get := func(t *testing.T, format, mime string) string {
		t.Helper()
		resp, body := n.get(t, path+"&format="+format, who, "")
		if got := resp.Header.Get("Content-Type"); got != mime || resp.StatusCode != 200 {
			t.Fatalf("%d %s", resp.StatusCode, got)
		}
		if resp, accepted := n.get(t, path, who, "text/html, "+mime+";q=0.9, */*;q=0.1"); accepted != body {
			t.Errorf("by Accept: %s", resp.Header.Get("Content-Type"))
		}
		return body
	}
	t.Run("ndjson", func(t *testing.T) {
		lines := strings.Split(strings.TrimSpace(get(t, "ndjson", "application/x-ndjson")), "\n")
		for _, l := range lines {
			if !json.Valid([]byte(l)) {
				t.Errorf("not JSON: %s", l)
			}
		}
		if len(lines) != 7 {
			t.Errorf("%d lines", len(lines))
		}
		resp, _ := n.get(t, strings.Replace(path, "limit=7", "limit=2", 1)+"&format=ndjson", who, "")
		if resp.Trailer.Get("Trackgate-Cursor") != "c2" {
			t.Errorf("trailer %v", resp.Trailer)
		}
	})
	t.Run("csv", func(t *testing.T) {
		rows, err := csv.NewReader(strings.NewReader(get(t, "csv", "text/csv; charset=utf-8"))).ReadAll()
		if err != nil || len(rows) != 8 {
			t.Fatalf("%v, %d rows", err, len(rows))
		}
		for _, row := range rows {
			for i, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+@\t\r-") {
					t.Errorf("%s can be a formula: %s", rows[0][i], cell)
				}
			}
		}
		if rows[7][3] != `'=HYPERLINK("http://evil")` || rows[7][15] != "'-sos" || rows[1][10] != "0" || rows[7][6] != "" {
			t.Errorf("got %q", rows)
		}
	})
	t.Run("geojson", func(t *testing.T) {
		var c struct {
			Type     string
			Features []struct {
				Type     string
				Geometry *struct {
					Type        string
					Coordinates []float64
				}
				Properties message
			}
		}
		if err := json.Unmarshal([]byte(get(t, "geojson", "application/geo+json")), &c); err != nil {
			t.Fatal(err)
		}
		if c.Type != "FeatureCollection" || len(c.Features) != 7 || c.Features[6].Geometry != nil {
			t.Fatalf("got %+v", c)
		}
		g := c.Features[0]
		if g.Type != "Feature" || g.Geometry.Type != "Point" || len(g.Geometry.Coordinates) != 3 || g.Geometry.Coordinates[0] != 10 || g.Geometry.Coordinates[1] != 50 || g.Properties.Vehicle != "v" {
			t.Errorf("got %+v", g)
		}
	})
	t.Run("gpx", func(t *testing.T) {
		var g struct {
			XMLName xml.Name `xml:"http://www.topografix.com/GPX/1/1 gpx"`
			Version string   `xml:"version,attr"`
			Name    string   `xml:"trk>name"`
			Points  []struct {
				Lat   float64 `xml:"lat,attr"`
				Lon   float64 `xml:"lon,attr"`
				Ele   float64 `xml:"ele"`
				Time  string  `xml:"time"`
				Sat   int     `xml:"sat"`
				Speed float64 `xml:"extensions>TrackPointExtension>speed"`
			} `xml:"trk>trkseg>trkpt"`
		}
		if err := xml.Unmarshal([]byte(get(t, "gpx", "application/gpx+xml")), &g); err != nil {
			t.Fatal(err)
		}
		if g.Version != "1.1" || g.Name != "v" || len(g.Points) != 5 { // valid fixes only
			t.Fatalf("got %+v", g)
		}
		p := g.Points[3]
		if p.Lon != 10 || p.Ele != 100 || p.Sat != 7 || p.Speed != 0.833 {
			t.Errorf("got %+v", p)
		}
		if _, err := time.Parse(time.RFC3339, p.Time); err != nil {
			t.Error(err)
		}
		var w bytes.Buffer
		b := bufio.NewWriter(&w)
		x := &gpxWriter{w: b}
		x.begin(`<&"'`)
		x.end("")
		b.Flush()
		if err := xml.Unmarshal(w.Bytes(), &g); err != nil || g.Name != `<&"'` {
			t.Errorf("%v %q", err, g.Name)
		}
	})
}

func TestLocations(t *testing.T) {
	n, who := historyNode(t)
	n.publish(fix("w", 2))
	n.publish(fix("v", 9)) // not stored yet
	old := fix("parked", 0)
	old.Time -= 10 * 24 * 3_600_000
	old.Received = old.Time
	n.store.add(old)
	speeds := func(path string) map[string]float64 {
		t.Helper()
		_, body := n.get(t, path, who, "")
		var l struct{ Events []message }
		if err := json.Unmarshal([]byte(body), &l); err != nil || !strings.HasPrefix(body, `{"events":[`) {
			t.Fatalf("%v: %s", err, body)
		}
		got := map[string]float64{}
		for _, e := range l.Events {
			got[e.Vehicle] = e.Speed
		}
		if len(got) != len(l.Events) {
			t.Errorf("a vehicle twice: %s", body)
		}
		return got
	}
	if got := speeds("/api/vehicles/locations"); len(got) != 3 || got["v"] != 9 || got["w"] != 2 {
		t.Errorf("all: %v", got)
	}
	if got := speeds("/api/vehicles/locations?ids=w,v,w,nowhere"); len(got) != 2 {
		t.Errorf("ids: %v", got)
	}
	if got := speeds("/api/vehicles/locations?ids="); len(got) != 0 {
		t.Errorf("no ids: %v", got)
	}
	if resp, body := n.get(t, "/api/vehicles/v/location", who, ""); resp.StatusCode != 200 || !strings.Contains(body, `"speed":9`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if _, body := n.get(t, "/api/vehicles/parked/location", who, ""); !strings.Contains(body, `"parked"`) {
		t.Errorf("a parked vehicle vanished: %s", body)
	}
}

func TestHourly(t *testing.T) {
	n, who := historyNode(t)
	n.store.hours = [][]byte{[]byte(`{"time":"a"}`), []byte(`{"time":"b"}`)}
	if _, body := n.get(t, "/api/vehicles/v/hourly", who, ""); body != `{"hours":[{"time":"a"},{"time":"b"}]}`+"\n" {
		t.Errorf("got %s", body)
	}
}

func TestHealth(t *testing.T) {
	n := startNode(t, nodeOptions{})
	v := n.dial(token(t, "u", auth.Scopes(auth.Read), "*"))
	v.send(`{"track":["a","b"]}`)
	v.expect("snapshot")
	resp, err := n.http.Client().Get(n.http.URL + "/health/realtime")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if want := fmt.Sprintf(`{"status":"healthy","connections":1,"rooms":2,"redis":"connected","limit":%d}`+"\n", n.gate.limits.Connections); string(body) != want {
		t.Errorf("got %s", body)
	}
}

func TestTickets(t *testing.T) {
	n := startNode(t, nodeOptions{})
	n.store.add(fix("a", 1))
	n.store.add(fix("b", 1))
	who := token(t, "u", auth.Scopes(auth.Read), "a")
	post := func(path, token, body string) (int, map[string]any) {
		t.Helper()
		req, _ := http.NewRequest("POST", n.http.URL+path, strings.NewReader(body))
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := n.http.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var m map[string]any
		json.NewDecoder(resp.Body).Decode(&m)
		return resp.StatusCode, m
	}
	status, m := post("/api/tickets", who, "")
	if status != 201 {
		t.Fatalf("%d %v", status, m)
	}
	ticket, _ := json.Marshal(map[string]any{"ticket": m["ticket"]})
	status, m = post("/api/session", "", string(ticket))
	if status != 200 {
		t.Fatalf("%d %v", status, m)
	}
	if _, body := n.get(t, "/api/vehicles/locations", m["token"].(string), ""); strings.Contains(body, `"b"`) || !strings.Contains(body, `"a"`) {
		t.Errorf("the session sees %s", body)
	}
	if status, _ := post("/api/session", "", string(ticket)); status != 401 {
		t.Errorf("used twice: %d", status)
	}
	if status, _ := post("/api/session", "", "x"); status != 400 {
		t.Errorf("nonsense: %d", status)
	}
}

func TestEvents(t *testing.T) {
	n := startNode(t, nodeOptions{})
	n.publish(fix("a", 1))
	who := token(t, "u", auth.Scopes(auth.Read), "a")
	claims, err := n.authority.Verify(context.Background(), who)
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := n.authority.MintTicket(context.Background(), claims, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", n.http.URL+"/events?vehicles=a,b&ticket="+ticket, nil)
	resp, err := n.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func() (id string, m message) {
		t.Helper()
		for lines.Scan() {
			l := lines.Text()
			if v, ok := strings.CutPrefix(l, "id: "); ok {
				id = v
			} else if v, ok := strings.CutPrefix(l, "data: "); ok {
				if err := json.Unmarshal([]byte(v), &m); err != nil {
					t.Fatal(err)
				}
			} else if l == "" && m.Type != "" {
				return id, m
			}
		}
		t.Fatal("the stream ended")
		return
	}
	if _, m := next(); m.Type != "error" || m.Vehicle != "b" {
		t.Errorf("got %+v", m)
	}
	if _, m := next(); m.Type != "snapshot" || len(m.Events) != 1 {
		t.Errorf("got %+v", m)
	}
	n.publish(fix("b", 2), fix("a", 2))
	if id, m := next(); m.Type != "location:update" || m.Vehicle != "a" || id != m.Seq+"," || m.Seq == "" {
		t.Errorf("got %s %+v", id, m)
	}
	cancel()
	until(t, "the client is gone", func() bool { return n.counters.Clients.Load() == 0 })
	for query, status := range map[string]int{"vehicles=a&ticket=" + ticket: 401, "vehicles=a&token=" + who: 401} {
		resp, err := n.http.Client().Get(n.http.URL + "/events?" + query)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: %d", query, resp.StatusCode)
		}
	}
	if resp, _ := n.get(t, "/events", who, ""); resp.StatusCode != 400 {
		t.Errorf("no vehicles: %d", resp.StatusCode)
	}
}

func TestMetrics(t *testing.T) {
	c := new(Counters)
	r := prometheus.NewPedanticRegistry()
	if err := c.Register(r); err != nil {
		t.Fatal(err)
	}
	c.Conflated.Add(3)
	c.refuse(refusedOrigin)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range families {
		got[f.GetName()] = len(f.GetMetric())
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() != "result" && l.GetName() != "reason" {
					t.Errorf("%s has a label %s", f.GetName(), l.GetName())
				}
			}
		}
	}
	for name, series := range map[string]int{"trackgate_ws_clients": 1, "trackgate_ws_subscriptions": 1, "trackgate_ws_conflated_total": 1,
		"trackgate_ws_slow_disconnects_total": 1, "trackgate_ws_resume_total": 3, "trackgate_redis_publish_total": 3, "trackgate_redis_probe_age_seconds": 1,
		"trackgate_ws_refused_total": int(refusals)} {
		if got[name] != series {
			t.Errorf("%s: %d series, want %d", name, got[name], series)
		}
	}
}

func TestPublisherChooses(t *testing.T) {
	p := NewPublisher(NewLocal(new(Counters)), new(Counters))
	now := time.Now()
	at := func(vehicle string, n int, age time.Duration) protocols.Event {
		e := fix(vehicle, n)
		e.Received = protocols.At(now.Add(-age))
		e.Time = e.Received
		return e
	}
	oldAlarm := alarm("a", 3)
	oldAlarm.Received = protocols.At(now.Add(-2 * time.Minute))
	nameless := fix("", 9)
	nameless.Device = ""
	stored := fix("c", 8)
	stored.Late = true
	distrusted := fix("d", 0)
	distrusted.Quarantined = true
	events := []protocols.Event{
		at("a", 1, 3*time.Minute), at("a", 2, 2*time.Minute), oldAlarm, at("b", 4, 2*time.Minute),
		at("b", 5, time.Second), at("a", 6, 61*time.Second), at("c", 7, 59*time.Second), stored, nameless, distrusted,
	}
	var got []string
	for _, m := range p.choose(events, now) {
		got = append(got, m.Seq[len(m.Seq)-1:])
		if m.Live == (m.Seq[len(m.Seq)-1] == '8') {
			t.Errorf("%s: live is %v", m.Seq, m.Live)
		}
	}
	if s := strings.Join(got, ""); s != "5678" {
		t.Errorf("published %s, want 5678", s)
	}
	if n := p.counters.PublishSkipped.Load(); n != 6 {
		t.Errorf("%d skipped, want 6", n)
	}
}

func TestParseMessage(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		in, vehicle, body string
		live              bool
	}{
		{`{"lat":1,"lng":2}`, "7", `{"lat":1,"lng":2,"vehicle":"7"}`, true},
		{`{"vehicle":"7","lat":1,"lng":2}`, "7", `{"vehicle":"7","lat":1,"lng":2}`, true},
		{"{\n\"vehicle\":\"7\",\r\n \"lat\":1,\"lng\":2}\n", "7", `{"vehicle":"7","lat":1,"lng":2}`, true},
		{`{"vehicle":"8","lat":1,"lng":2}`, "7", `{"lat":1,"lng":2,"vehicle":"7"}`, true},
		{`{"vehicle":"7","vehicle":"8","lat":1,"lng":2}`, "7", `{"lat":1,"lng":2,"vehicle":"7"}`, true},
		{`{"vehicle":"7","v\u0065hicle":"8","lat":1,"lng":2}`, "7", `{"lat":1,"lng":2,"vehicle":"7"}`, true},
		{`{"vehicle":"7","typ\u0065":"8","lat":1,"lng":2}`, "7", `{"lat":1,"lng":2,"vehicle":"7"}`, true},
		{`{"vehicle":"7","type":"snapshot","lat":1,"lng":2}`, "7", `{"lat":1,"lng":2,"vehicle":"7"}`, true},
		{`{"vehicle":"7","lat":1,"lng":2,"valid":false}`, "7", "", false},
		{`{"vehicle":"7","lat":1,"lng":2,"late":true}`, "7", "", false},
		{`{"vehicle":"7","lat":0,"lng":0}`, "7", "", false},
		{`{"vehicle":"7","lat":91,"lng":0}`, "7", "", false},
		{`{"vehicle":"7","lat":null,"lng":1}`, "7", "", false},
		{`{"vehicle":"7","seq":"x\ndata: {}","lat":3,"lng":1}`, "7", "", true},
		{`{}`, "7", `{"vehicle":"7"}`, false},
	} {
		m, err := parseMessage(c.vehicle, true, []byte(c.in), now)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if m.Live != c.live || c.body != "" && string(m.body) != c.body || m.Seq != "" || strings.ContainsAny(string(m.body), "\r\n") {
			t.Errorf("%s: %+v %s", c.in, m, m.body)
		}
	}
	for _, bad := range []string{"", " ", "null", "[]", "1", `"x"`, `{"a":1}{`, `{"time":{}}`, strings.Repeat(" ", MaxMessage+1)} {
		if _, err := parseMessage("7", true, []byte(bad), now); err == nil {
			t.Errorf("%.20q was taken", bad)
		}
	}
	e := fix("v", 3)
	m, err := parseMessage("v", true, e.AppendJSON(nil), now)
	if err != nil {
		t.Fatal(err)
	}
	if want := NewMessage(&e); m.Seq != want.Seq || m.Time != want.Time || m.Live != want.Live || m.Lat != want.Lat || string(m.body) != string(want.body) {
		t.Errorf("got %+v, want %+v", m, want)
	}
}

func FuzzParseMessage(f *testing.F) {
	e := fix("v", 3)
	f.Add(e.AppendJSON(nil))
	f.Add([]byte(`{"a":[{}],"b":"\"}","lat":1e3,"lng":-0}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseMessage("v", true, raw, time.Now())
		if err != nil {
			return
		}
		// Whatever came in, what goes out is one object of that vehicle, with our type.
		var out map[string]any
		i := item{msg: m}
		if err := json.Unmarshal(appendItem(nil, &i), &out); err != nil || out["vehicle"] != "v" || out["type"] != "location:update" {
			t.Errorf("%q became %s: %v", raw, appendItem(nil, &i), err)
		}
	})
}
