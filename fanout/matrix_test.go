package fanout

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/trackgate/trackgate/protocols"
)

// role is somebody who asks, and what of the two vehicles he may see.
type role struct {
	name  string
	token string
	known bool // the token is good
	reads bool // and may read at all
	mine  bool // vehicle "mine"
	other bool // vehicle "other"
}

func roles(t *testing.T) []role {
	sign := func(secret any, method jwt.SigningMethod, claims jwt.MapClaims) string {
		t.Helper()
		s, err := jwt.NewWithClaims(method, claims).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	end := time.Now().Add(time.Hour).Unix()
	good := func(claims jwt.MapClaims) string {
		if _, ok := claims["exp"]; !ok {
			claims["exp"] = end
		}
		if _, ok := claims["sub"]; !ok {
			claims["sub"] = "u"
		}
		return sign(testSecret, jwt.SigningMethodHS256, claims)
	}
	mine := []string{"mine"}
	return []role{
		{name: "nobody"},
		{name: "garbage", token: "garbage"},
		{name: "expired", token: good(jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix(), "vehicles": "*"})},
		{name: "not yet", token: good(jwt.MapClaims{"nbf": end, "vehicles": "*"})},
		{name: "without exp", token: sign(testSecret, jwt.SigningMethodHS256, jwt.MapClaims{"sub": "u", "vehicles": "*"})},
		{name: "without sub", token: good(jwt.MapClaims{"sub": "", "vehicles": "*"})},
		{name: "another secret", token: sign([]byte("another"), jwt.SigningMethodHS256, jwt.MapClaims{"sub": "u", "exp": end, "vehicles": "*"})},
		{name: "another algorithm", token: sign(testSecret, jwt.SigningMethodHS512, jwt.MapClaims{"sub": "u", "exp": end, "vehicles": "*"})},
		{name: "none", token: sign(jwt.UnsafeAllowNoneSignatureType, jwt.SigningMethodNone, jwt.MapClaims{"sub": "u", "exp": end, "vehicles": "*"})},
		{name: "no grants", token: good(jwt.MapClaims{}), known: true, reads: true},
		{name: "table grants", token: good(jwt.MapClaims{"sub": "tabled"}), known: true, reads: true, mine: true},
		{name: "own", token: good(jwt.MapClaims{"vehicles": mine}), known: true, reads: true, mine: true},
		{name: "by group", token: good(jwt.MapClaims{"groups": []string{"vans"}}), known: true, reads: true, mine: true},
		{name: "all", token: good(jwt.MapClaims{"vehicles": "*"}), known: true, reads: true, mine: true, other: true},
		{name: "ingest", token: good(jwt.MapClaims{"vehicles": "*", "scope": "ingest"}), known: true},
		{name: "command", token: good(jwt.MapClaims{"vehicles": "*", "scope": "command"}), known: true},
		{name: "foreign scope", token: good(jwt.MapClaims{"vehicles": "*", "scope": "openid"}), known: true},
		{name: "empty scope", token: good(jwt.MapClaims{"vehicles": "*", "scope": ""}), known: true},
		{name: "admin", token: good(jwt.MapClaims{"vehicles": mine, "scope": []string{"admin"}}), known: true, reads: true, mine: true},
		{name: "ingest and read", token: good(jwt.MapClaims{"vehicles": mine, "scope": "ingest read"}), known: true, reads: true, mine: true},
	}
}

type tabled struct{}

func (tabled) Grants(_ context.Context, sub string) (vehicles, groups []string, err error) {
	if sub == "tabled" {
		return []string{"mine"}, nil, nil
	}
	return nil, nil, nil
}

func (tabled) GroupsOf(vehicle string) []string {
	if vehicle == "mine" {
		return []string{"vans"}
	}
	return nil
}

// TestMatrix tries every route that the server has, for every role. A new route has to be described here before the test passes.
func TestMatrix(t *testing.T) {
	n := startNode(t, nodeOptions{lookup: tabled{}, groups: tabled{}})
	n.store.add(fix("mine", 1))
	n.store.add(fix("other", 1))
	do := func(method, path string, r role) (int, string) {
		t.Helper()
		req, _ := http.NewRequest(method, n.http.URL+path, strings.NewReader(`{"ticket":"none"}`))
		if r.token != "" {
			req.Header.Set("Authorization", "Bearer "+r.token)
		}
		resp, err := n.http.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		if strings.HasPrefix(path, "/events") && resp.StatusCode == http.StatusOK {
			return resp.StatusCode, ""
		}
		b.ReadFrom(resp.Body)
		return resp.StatusCode, b.String()
	}
	scope := func(r role) int { // what a route answers that is about no vehicle
		switch {
		case !r.known:
			return http.StatusUnauthorized
		case !r.reads:
			return http.StatusForbidden
		}
		return http.StatusOK
	}
	vehicle := func(suffix string) func(*testing.T, role) {
		return func(t *testing.T, r role) {
			for v, allowed := range map[string]bool{"mine": r.mine, "other": r.other, "nowhere": false} {
				want := scope(r)
				if want == http.StatusOK && !allowed {
					want = http.StatusNotFound
				}
				got, body := do("GET", "/api/vehicles/"+v+suffix, r)
				if got != want {
					t.Errorf("%s: got %d, want %d", v, got, want)
				}
				if want == http.StatusNotFound && body != `{"error":"no such vehicle"}`+"\n" {
					t.Errorf("%s: the answer tells more than that there is nothing: %s", v, body)
				}
				if want != http.StatusOK && strings.Contains(body, "lat") {
					t.Errorf("%s: refused, yet: %s", v, body)
				}
			}
		}
	}
	checks := map[string]func(*testing.T, role){
		"GET /api/vehicles/{id}/location": vehicle("/location"),
		"GET /api/vehicles/{id}/history":  vehicle("/history"),
		"GET /api/vehicles/{id}/hourly":   vehicle("/hourly"),
		"GET /api/vehicles/locations": func(t *testing.T, r role) {
			for _, query := range []string{"", "?ids=mine,other,nowhere"} {
				got, body := do("GET", "/api/vehicles/locations"+query, r)
				if got != scope(r) {
					t.Errorf("got %d, want %d", got, scope(r))
				}
				if strings.Contains(body, `"mine"`) != r.mine || strings.Contains(body, `"other"`) != r.other {
					t.Errorf("shown: %s", body)
				}
			}
		},
		"POST /api/tickets": func(t *testing.T, r role) {
			want := scope(r)
			if want == http.StatusOK {
				want = http.StatusCreated
			}
			if got, _ := do("POST", "/api/tickets", r); got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		},
		"POST /api/decode": func(t *testing.T, r role) {
			if got, body := do("POST", "/api/decode", r); got != scope(r) || (body == "decoded") != (got == http.StatusOK) {
				t.Errorf("got %d %s, want %d", got, body, scope(r))
			}
		},
		"POST /api/session": func(t *testing.T, r role) { // a token buys nothing here
			if got, _ := do("POST", "/api/session", r); got != http.StatusUnauthorized {
				t.Errorf("got %d", got)
			}
		},
		"OPTIONS /api/": func(t *testing.T, r role) {
			if got, _ := do("OPTIONS", "/api/vehicles/mine/location", r); got != http.StatusNotFound {
				t.Errorf("got %d", got)
			}
		},
		"GET /health/realtime": func(t *testing.T, r role) {
			if got, _ := do("GET", "/health/realtime", r); got != http.StatusOK {
				t.Errorf("got %d", got)
			}
		},
		"/": func(t *testing.T, r role) {
			if got, body := do("GET", "/", r); got != http.StatusOK || body != "console" {
				t.Errorf("got %d %s", got, body)
			}
		},
		"GET /events": func(t *testing.T, r role) {
			if got, _ := do("GET", "/events?vehicles=mine,other", r); got != scope(r) {
				t.Errorf("got %d, want %d", got, scope(r))
			}
		},
		"OPTIONS /socket.io/": func(t *testing.T, r role) {
			if got, _ := do("OPTIONS", "/socket.io/?EIO=4&transport=polling", r); got != http.StatusNotFound {
				t.Errorf("got %d", got)
			}
		},
		"GET /socket.io/": func(t *testing.T, r role) { // a token in a header buys nothing: it comes in CONNECT
			matrixSocketIO(t, n, r, n.dialIO(t))
		},
		"POST /socket.io/": func(t *testing.T, r role) {
			if got, body := do("POST", "/socket.io/?EIO=4&transport=polling&sid=none", r); got != http.StatusBadRequest || !strings.Contains(body, `"code":1`) {
				t.Errorf("got %d %s", got, body)
			}
			matrixSocketIO(t, n, r, n.pollIO(t))
		},
		"GET /ws": func(t *testing.T, r role) { matrixSocket(t, n, r, scope(r)) },
	}
	for _, route := range n.Routes() {
		check := checks[route.Pattern]
		if check == nil {
			t.Errorf("route %s is not described", route.Pattern)
			continue
		}
		delete(checks, route.Pattern)
		for _, r := range roles(t) {
			t.Run(strings.ReplaceAll(route.Pattern, "/", "_")+" "+r.name, func(t *testing.T) { check(t, r) })
		}
	}
	for pattern := range checks {
		t.Errorf("route %s is gone", pattern)
	}
}

// matrixSocket tries every message of a client, for one role.
func matrixSocket(t *testing.T, n *node, r role, status int) {
	if r.token != "" {
		header, subprotocol := http.Header{"Authorization": {"Bearer " + r.token}}, http.Header{"Sec-Websocket-Protocol": {"trackgate, bearer." + r.token}}
		for _, h := range []http.Header{header, subprotocol} {
			v, resp, err := n.tryDial(h)
			if status != http.StatusOK {
				if err == nil || resp == nil || resp.StatusCode != status {
					t.Fatalf("%v: %v, want %d", h, err, status)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			v.conn.Close()
		}
	}
	v, _, err := n.tryDial(nil)
	if err != nil {
		t.Fatal(err)
	}
	frame, _ := json.Marshal(map[string]string{"auth": r.token})
	v.send(string(frame))
	if status != http.StatusOK {
		v.expect("error")
		if code := v.closed(); code != CodeUnauthorized {
			t.Errorf("closed with %d", code)
		}
		return
	}
	count := uint32(time.Now().UnixNano() % 1e9)
	for _, request := range []string{
		`{"track":["mine","other","nowhere"],"max_hz":0}`, `{"track":["*"],"max_hz":0}`, `{"bbox":[-180,-90,180,90],"max_hz":0}`,
		`{"resume":{"mine":"x","other":"x","nowhere":"x"},"max_hz":0}`,
	} {
		v.send(request)
		v.send(`{"ping":1}`)
		refused, shown := map[string]bool{}, map[string]bool{}
		note := func(m message) {
			shown[m.Vehicle] = true
		}
		for m := v.next(); m.Type != "pong"; m = v.next() {
			for _, e := range m.Events {
				note(e)
			}
			if m.Type == "error" {
				refused[m.Vehicle] = m.Error == "Unauthorized"
			}
		}
		// Live, on top.
		for _, id := range []string{"mine", "other"} {
			count++
			p, a := fix(id, 0), alarm(id, 0)
			p.Counter, a.Counter = count, count+1
			count++
			p.Time = protocols.At(time.Now()) + protocols.Millis(count%1000)
			n.publish(p, a)
		}
		v.send(`{"ping":2}`)
		for m := v.next(); m.Type != "pong"; m = v.next() {
			note(m)
		}
		for id, allowed := range map[string]bool{"mine": r.mine, "other": r.other} {
			if shown[id] != allowed {
				t.Errorf("%s: %s shown: %v, want %v", request, id, shown[id], allowed)
			}
			if named := strings.Contains(request, id); named && refused[id] == allowed {
				t.Errorf("%s: %s refused: %v", request, id, refused[id])
			}
		}
		v.send(`{"untrack":["mine","other","nowhere","*"],"bbox":null}`)
	}
	v.conn.Close()
}

// matrixSocketIO tries every event of a Socket.IO client, for one role.
func matrixSocketIO(t *testing.T, n *node, r role, v ioWire) {
	hello, _ := json.Marshal(map[string]string{"token": r.token})
	v.send("40" + string(hello))
	if !r.reads {
		if p := v.next(); p != `44{"message":"Unauthorized"}` {
			t.Errorf("got %s", p)
		}
		v.send(`42["track:vehicle","mine"]`) // and nothing else is taken from him
		if !v.over() {
			t.Error("the session goes on")
		}
		return
	}
	if p := v.next(); !strings.HasPrefix(p, `40{"pid":`) {
		t.Fatalf("got %s", p)
	}
	count := uint32(time.Now().UnixNano() % 1e9)
	for _, request := range []string{`["track:vehicle","mine"]`, `["track:vehicle","other"]`, `["track:vehicle",["mine","other","nowhere"]]`, `["track:vehicle","*"]`} {
		shown, refused := map[string]bool{}, 0
		note := func(p string) {
			for _, id := range []string{"mine", "other"} {
				shown[id] = shown[id] || strings.Contains(p, `"vehicle":"`+id+`"`) && strings.Contains(p, `"lat"`)
			}
			if p == `42["error","Unauthorized"]` {
				refused++
			}
		}
		v.send("421" + request)
		for p := v.next(); !strings.HasPrefix(p, "431"); p = v.next() {
			note(p)
		}
		for _, id := range []string{"mine", "other"} {
			count++
			p, a := fix(id, 0), alarm(id, 0)
			p.Counter, a.Counter = count, count+1
			count++
			p.Time = protocols.At(time.Now()) + protocols.Millis(count%1000)
			n.publish(p, a)
		}
		v.send(`422["untrack:vehicle",["mine","other","nowhere","*"]]`)
		for p := v.next(); !strings.HasPrefix(p, "432"); p = v.next() {
			note(p)
		}
		asked, want := 0, 0
		star := strings.Contains(request, "*")
		for id, allowed := range map[string]bool{"mine": r.mine, "other": r.other, "nowhere": r.other} {
			named := strings.Contains(request, id)
			if named {
				asked++
				if !allowed {
					want++
				}
			}
			if id != "nowhere" && shown[id] != (allowed && (named || star)) {
				t.Errorf("%s: %s shown: %v", request, id, shown[id])
			}
		}
		if refused != want {
			t.Errorf("%s: %d of %d refused, want %d", request, refused, asked, want)
		}
	}
	// A pid is no token: what another left behind stays his.
	n.recoveries.put("left", lostSession{Subject: "somebody else", Vehicles: []string{"mine", "other"}, until: time.Now().Add(time.Minute)})
	again := n.dialIO(t)
	hello, _ = json.Marshal(map[string]string{"token": r.token, "pid": "left"})
	again.send("40" + string(hello))
	if p := again.next(); strings.Contains(p, `"left"`) {
		t.Errorf("took the session of another: %s", p)
	}
}
