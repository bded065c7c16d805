package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// Config says which keys are trusted.
type Config struct {
	Secret  []byte // for HS256; empty: none
	JWKSURL string // for RS256 and EdDSA; empty: none
	// Algorithms that keys of the JWKS may use: RS256, EdDSA. Empty is both.
	Algorithms []string
	Issuer     string        // required iss, if set
	Audience   string        // required aud, if set
	Leeway     time.Duration // clocks of the issuer and here may differ by that much
	GrantsTTL  time.Duration // how long looked-up grants are kept; default 10 s
	// HTTP fetches the JWKS; nil is a client with a 10 s timeout.
	HTTP *http.Client
}

// ErrNoKey is returned by New when neither a secret nor a JWKS is configured: nobody could ever be let in.
var ErrNoKey = errors.New("auth: neither a secret nor a JWKS URL")

var errToken = errors.New("auth: token refused")

// verifier checks signatures and the claims that every token must have.
type verifier struct {
	secret []byte
	jwks   keyfunc.Keyfunc
	parser *jwt.Parser
}

func newVerifier(ctx context.Context, c Config) (*verifier, error) {
	v := &verifier{secret: c.Secret}
	var methods []string
	if len(c.Secret) > 0 {
		methods = append(methods, "HS256")
	}
	if c.JWKSURL != "" {
		algorithms := c.Algorithms
		if len(algorithms) == 0 {
			algorithms = []string{"RS256", "EdDSA"}
		}
		for _, a := range algorithms {
			if a != "RS256" && a != "EdDSA" {
				return nil, fmt.Errorf("auth: algorithm %q is none of RS256, EdDSA", a)
			}
		}
		methods = append(methods, algorithms...)
		client := c.HTTP
		if client == nil {
			client = &http.Client{Timeout: 10 * time.Second}
		}
		keepTrying := true // an identity provider that is down must not keep the gateway from starting
		var err error
		if v.jwks, err = keyfunc.NewDefaultOverrideCtx(ctx, []string{c.JWKSURL}, keyfunc.Override{
			Client: client, NoErrorReturnFirstHTTPReq: &keepTrying, RefreshInterval: 10 * time.Minute,
		}); err != nil {
			return nil, fmt.Errorf("auth: JWKS: %w", err)
		}
	}
	if len(methods) == 0 {
		return nil, ErrNoKey
	}
	options := []jwt.ParserOption{jwt.WithValidMethods(methods), jwt.WithExpirationRequired(), jwt.WithLeeway(c.Leeway)}
	if c.Issuer != "" {
		options = append(options, jwt.WithIssuer(c.Issuer))
	}
	if c.Audience != "" {
		options = append(options, jwt.WithAudience(c.Audience))
	}
	v.parser = jwt.NewParser(options...)
	return v, nil
}

// key picks the key by the algorithm, never the other way round: an RSA key is not an HMAC secret, whatever a token's header says.
func (v *verifier) key(t *jwt.Token) (any, error) {
	switch t.Method.Alg() {
	case "HS256":
		if len(v.secret) == 0 {
			return nil, errToken
		}
		return v.secret, nil
	case "RS256", "EdDSA":
		if v.jwks == nil {
			return nil, errToken
		}
		k, err := v.jwks.Keyfunc(t)
		if err != nil {
			return nil, err
		}
		switch k.(type) {
		case *rsa.PublicKey:
			if t.Method.Alg() == "RS256" {
				return k, nil
			}
		case ed25519.PublicKey:
			if t.Method.Alg() == "EdDSA" {
				return k, nil
			}
		}
	}
	return nil, errToken
}

// MaxToken is the longest token in bytes.
const MaxToken = 16 << 10

type wireClaims struct {
	jwt.RegisteredClaims
	Vehicles *list  `json:"vehicles,omitempty"`
	Groups   *list  `json:"groups,omitempty"`
	Scope    *words `json:"scope,omitempty"`
}

// verify returns the claims of a good token. Grants are left empty where the token has no grant claim: named is false then.
func (v *verifier) verify(token string) (c Claims, named bool, err error) {
	if len(token) > MaxToken {
		return c, false, errToken
	}
	var w wireClaims
	if _, err := v.parser.ParseWithClaims(token, &w, v.key); err != nil {
		return c, false, fmt.Errorf("auth: %w", err)
	}
	if w.Subject == "" || len(w.Subject) > 256 {
		return c, false, fmt.Errorf("%w: no sub", errToken)
	}
	c = Claims{Subject: w.Subject, Expires: w.ExpiresAt.Time, Scope: Scopes(Read)}
	if w.Scope != nil {
		c.Scope = 0
		for _, s := range *w.Scope {
			if a, ok := ParseAction(s); ok { // a scope of somebody else's is nothing to us
				c.Scope |= Scopes(a)
			}
		}
	}
	if w.Vehicles == nil && w.Groups == nil {
		return c, false, nil
	}
	var vehicles, groups []string
	if w.Vehicles != nil {
		vehicles = *w.Vehicles
	}
	if w.Groups != nil {
		groups = *w.Groups
	}
	c.Grants, err = NewGrants(vehicles, groups)
	return c, true, err
}

// Sign makes an HS256 token for the claims, for `trackgate token` and the console's session.
func Sign(secret []byte, c Claims) (string, error) {
	if len(secret) == 0 {
		return "", ErrNoKey
	}
	if c.Subject == "" || c.Expires.IsZero() {
		return "", errors.New("auth: a token needs a subject and an end")
	}
	claims := jwt.MapClaims{"sub": c.Subject, "exp": c.Expires.Unix(), "iat": time.Now().Unix()}
	if !c.LookedUp {
		vehicles := make([]string, 0, len(c.Grants.Vehicles)+1)
		if c.Grants.All {
			vehicles = append(vehicles, "*")
		}
		claims["vehicles"] = append(vehicles, c.Grants.Vehicles...)
		if len(c.Grants.Groups) > 0 {
			claims["groups"] = c.Grants.Groups
		}
	}
	var scope []string
	for _, a := range []Action{Read, Ingest, Command, Admin} {
		if c.Scope&(1<<a) != 0 {
			scope = append(scope, a.String())
		}
	}
	raw, err := json.Marshal(scope)
	if err != nil {
		return "", err
	}
	claims["scope"] = json.RawMessage(raw)
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
}
