package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var secret = []byte("a secret that only this test knows")

func sign(t *testing.T, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func claims() jwt.MapClaims {
	return jwt.MapClaims{"sub": "u", "exp": time.Now().Add(time.Hour).Unix(), "vehicles": []string{"a"}}
}

func TestJWKS(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, _ := ed25519.GenerateKey(rand.Reader)
	b64 := base64.RawURLEncoding.EncodeToString
	set, _ := json.Marshal(map[string]any{"keys": []map[string]string{
		{"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": b64(rsaKey.N.Bytes()), "e": b64(big.NewInt(int64(rsaKey.E)).Bytes())},
		{"kty": "OKP", "kid": "e", "use": "sig", "alg": "EdDSA", "crv": "Ed25519", "x": b64(edPublic)},
		{"kty": "oct", "kid": "o", "k": b64(secret)},
	}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(set) }))
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	both, err := New(ctx, Config{Secret: secret, JWKSURL: server.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	only, err := New(ctx, Config{JWKSURL: server.URL, Algorithms: []string{"EdDSA"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	for _, c := range []struct {
		name       string
		token      string
		both, only bool
	}{
		{"RS256", sign(t, jwt.SigningMethodRS256, rsaKey, "r", claims()), true, false},
		{"EdDSA", sign(t, jwt.SigningMethodEdDSA, edKey, "e", claims()), true, true},
		{"HS256", sign(t, jwt.SigningMethodHS256, secret, "", claims()), true, false},
		{"HS256 naming an RSA key", sign(t, jwt.SigningMethodHS256, asPEM, "r", claims()), false, false},
		{"HS256 with the modulus", sign(t, jwt.SigningMethodHS256, rsaKey.N.Bytes(), "r", claims()), false, false},
		{"RS384", sign(t, jwt.SigningMethodRS384, rsaKey, "r", claims()), false, false},
		{"PS256", sign(t, jwt.SigningMethodPS256, rsaKey, "r", claims()), false, false},
		{"EdDSA naming the RSA key", sign(t, jwt.SigningMethodEdDSA, edKey, "r", claims()), false, false},
		{"EdDSA by a stranger", sign(t, jwt.SigningMethodEdDSA, stranger, "e", claims()), false, false},
		{"none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "r", claims()), false, false},
	} {
		for a, want := range map[*Authority]bool{both: c.both, only: c.only} {
			if _, err := a.Verify(ctx, c.token); (err == nil) != want {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	if _, err := only.Sign(Claims{Subject: "u", Expires: time.Now()}); !errors.Is(err, ErrNoKey) {
		t.Errorf("signing without a secret: %v", err)
	}
}

func TestConfiguration(t *testing.T) {
	ctx := context.Background()
	if _, err := New(ctx, Config{}, Options{}); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	if _, err := New(ctx, Config{JWKSURL: "http://127.0.0.1:1", Algorithms: []string{"none"}}, Options{}); err == nil {
		t.Error("the algorithm none was taken")
	}
	a, err := New(ctx, Config{Secret: secret, Issuer: "me", Audience: "you"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	good := claims()
	good["iss"], good["aud"] = "me", "you"
	for _, drop := range []string{"", "iss", "aud", "exp", "sub"} {
		c := jwt.MapClaims{}
		for k, v := range good {
			if k != drop {
				c[k] = v
			}
		}
		if _, err := a.Verify(ctx, sign(t, jwt.SigningMethodHS256, secret, "", c)); (err == nil) != (drop == "") {
			t.Errorf("without %q: %v", drop, err)
		}
	}
	if _, err := a.Verify(ctx, strings.Repeat("x", MaxToken+1)); err == nil {
		t.Error("an endless token was taken")
	}
}

func TestClaims(t *testing.T) {
	a, _ := New(context.Background(), Config{Secret: secret}, Options{})
	for _, c := range []struct {
		vehicles, scope any
		want            string // allowed of read a, read b, ingest a, admin
	}{
		{[]string{"a"}, nil, "yn.."},
		{"a", nil, "yn.."},
		{"*", nil, "yy.."},
		{"a b", "read ingest", "nn.."},
		{"a", "read ingest", "yny."},
		{[]any{"a", 7}, []string{"ingest"}, "nny."},
		{[]string{}, nil, "nn.."},
		{"*", "admin", "yyya"},
		{"*", "", "nn.."},
		{"*", "root", "nn.."},
	} {
		m := jwt.MapClaims{"sub": "u", "exp": time.Now().Add(time.Hour).Unix(), "vehicles": c.vehicles}
		if c.scope != nil {
			m["scope"] = c.scope
		}
		got, err := a.Verify(context.Background(), sign(t, jwt.SigningMethodHS256, secret, "", m))
		if err != nil {
			t.Errorf("%v: %v", c, err)
			continue
		}
		pick := func(yes bool, y, n string) string {
			if yes {
				return y
			}
			return n
		}
		if s := pick(a.Allow(got, Read, "a"), "y", "n") + pick(a.Allow(got, Read, "b"), "y", "n") + pick(a.Allow(got, Ingest, "a"), "y", ".") +
			pick(a.Allow(got, Admin, ""), "a", "."); s != c.want {
			t.Errorf("%v: got %s", c, s)
		}
	}
	for _, bad := range []any{7, true, map[string]any{}, []any{true}} {
		m := claims()
		m["vehicles"] = bad
		if _, err := a.Verify(context.Background(), sign(t, jwt.SigningMethodHS256, secret, "", m)); err == nil {
			t.Errorf("vehicles %v were taken", bad)
		}
	}
	if a.Allow(nil, Read, "a") || a.Allow(&Claims{}, Read, "a") || a.Allow(&Claims{Subject: "u", Scope: Scopes(Read), Grants: Grants{All: true}}, 0, "a") ||
		a.Allow(&Claims{Subject: "u", Scope: ^Scope(0), Grants: Grants{All: true}}, 99, "a") {
		t.Error("the policy does not deny by default")
	}
}

func TestSignRoundTrip(t *testing.T) {
	a, _ := New(context.Background(), Config{Secret: secret}, Options{})
	g, _ := NewGrants([]string{"b", "a"}, []string{"vans"})
	in := Claims{Subject: "u", Expires: time.Now().Add(time.Hour).Truncate(time.Second), Scope: Scopes(Read, Command), Grants: g}
	s, err := a.Sign(in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.Verify(context.Background(), s)
	if err != nil || out.Subject != "u" || !out.Expires.Equal(in.Expires) || out.Scope != in.Scope || !out.Grants.Equal(g) || out.LookedUp {
		t.Errorf("%+v, %v", out, err)
	}
	for _, bad := range []Claims{{Expires: time.Now()}, {Subject: "u"}} {
		if _, err := a.Sign(bad); err == nil {
			t.Errorf("%+v was signed", bad)
		}
	}
	// A token that names no grants, not even an empty list of them, has its grants looked up.
	in.LookedUp = true
	s, _ = a.Sign(in)
	if out, err := a.Verify(context.Background(), s); err != nil || !out.LookedUp || a.Allow(out, Read, "a") {
		t.Errorf("%+v, %v", out, err)
	}
}

type table struct {
	asked atomic.Int32
	err   error
}

func (l *table) Grants(_ context.Context, sub string) ([]string, []string, error) {
	l.asked.Add(1)
	return []string{"of-" + sub}, nil, l.err
}

func TestLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(table)
		a, _ := New(context.Background(), Config{Secret: secret, GrantsTTL: 5 * time.Second}, Options{Lookup: l})
		c := claims()
		delete(c, "vehicles")
		token := sign(t, jwt.SigningMethodHS256, secret, "", c)
		for range 3 {
			got, err := a.Verify(t.Context(), token)
			if err != nil || !a.Allow(got, Read, "of-u") || a.Allow(got, Read, "of-v") {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if n := l.asked.Load(); n != 1 {
			t.Errorf("asked %d times within the time to live", n)
		}
		time.Sleep(6 * time.Second)
		l.err = errors.New("down")
		if _, err := a.Verify(t.Context(), token); err == nil {
			t.Error("a table that is down granted something")
		}
	})
}

func TestTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := New(context.Background(), Config{Secret: secret}, Options{})
		g, _ := NewGrants([]string{"*"}, nil)
		c := &Claims{Subject: "u", Expires: time.Now().Add(100 * time.Hour), Scope: Scopes(Read), Grants: g}
		mint := func(ttl time.Duration) string {
			ticket, err := a.MintTicket(t.Context(), c, ttl)
			if err != nil {
				t.Fatal(err)
			}
			return ticket
		}
		ticket := mint(time.Minute)
		token, err := a.Session(t.Context(), ticket)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.Verify(t.Context(), token)
		if err != nil || got.Subject != "u" || !got.Grants.All || time.Until(got.Expires) > SessionTTL {
			t.Errorf("%+v, %v", got, err)
		}
		for _, bad := range []string{ticket, "", "x", strings.Repeat("x", 100), mint(0)} {
			if _, err := a.Session(t.Context(), bad); !errors.Is(err, ErrTicket) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		late := mint(time.Minute)
		time.Sleep(time.Minute)
		if _, err := a.Redeem(t.Context(), late); !errors.Is(err, ErrTicket) {
			t.Errorf("too late: %v", err)
		}
		long := mint(1000 * time.Hour)
		time.Sleep(MaxTicketTTL + time.Second)
		if _, err := a.Redeem(t.Context(), long); !errors.Is(err, ErrTicket) {
			t.Errorf("after a day: %v", err)
		}
		for range maxTickets {
			mint(time.Hour)
		}
		if _, err := a.MintTicket(t.Context(), c, time.Hour); err == nil {
			t.Error("tickets without end")
		}
		time.Sleep(time.Hour)
		mint(time.Hour)
	})
}

func TestRequire(t *testing.T) {
	a, _ := New(context.Background(), Config{Secret: secret}, Options{})
	h := a.Require(Ingest, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if FromContext(r.Context()).Subject != "u" || a.Check(r, Ingest, "a") != nil || !errors.Is(a.Check(r, Ingest, "b"), ErrForbidden) {
			t.Error("the claims are not in the context")
		}
	}))
	ask := func(header string) int {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	read := sign(t, jwt.SigningMethodHS256, secret, "", claims())
	c := claims()
	c["scope"] = "ingest"
	ingest := sign(t, jwt.SigningMethodHS256, secret, "", c)
	for header, want := range map[string]int{"": 401, "Bearer": 401, "Basic " + ingest: 401, "Bearer x": 401, "Bearer " + read: 403, "Bearer " + ingest: 200, "bearer " + ingest: 200} {
		if got := ask(header); got != want {
			t.Errorf("%.20q: %d, want %d", header, got, want)
		}
	}
	if err := a.Check(httptest.NewRequest("GET", "/", nil), Read, "a"); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
}
