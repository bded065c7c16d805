package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Errors of a request, as a route answers them.
var (
	ErrUnauthenticated = errors.New("auth: no valid token") // 401
	ErrForbidden       = errors.New("auth: not allowed")    // 403, or 404 where the vehicle's existence is nobody's business
)

// Bearer returns the token of the Authorization header; empty if there is none.
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// Authenticate returns the claims of the request's token: those that Require put there, else those of its header.
func (a *Authority) Authenticate(r *http.Request) (*Claims, error) {
	if c := FromContext(r.Context()); c != nil {
		return c, nil
	}
	token := Bearer(r)
	if token == "" {
		return nil, ErrUnauthenticated
	}
	c, err := a.Verify(r.Context(), token)
	if err != nil {
		return nil, errors.Join(ErrUnauthenticated, err)
	}
	return c, nil
}

// Check is authentication and policy in one: nil, ErrUnauthenticated or ErrForbidden. An empty vehicle asks for the scope alone.
// It is a plain function for those that must not know this package, such as the HTTP ingest.
func (a *Authority) Check(r *http.Request, action Action, vehicle string) error {
	c, err := a.Authenticate(r)
	if err != nil {
		return err
	}
	if !a.Allow(c, action, vehicle) {
		return ErrForbidden
	}
	return nil
}

// Require lets requests through whose token has the scope for the action, with the claims in their context. It answers the others: 401
// or 403. Which vehicles the request may touch is still to be asked.
func (a *Authority) Require(action Action, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.Authenticate(r)
		if err != nil {
			Refuse(w, err)
			return
		}
		if !a.Allow(c, action, "") {
			Refuse(w, ErrForbidden)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), c)))
	})
}

// Refuse answers a request that was not let through. Why a token was refused is for the log, not for whoever sent it.
func Refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if errors.Is(err, ErrForbidden) {
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte(`{"error":"Forbidden"}` + "\n"))
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="trackgate"`)
	w.WriteHeader(http.StatusUnauthorized)
	w.Write([]byte(`{"error":"Unauthorized"}` + "\n"))
}

type contextKey struct{}

// NewContext returns a context that carries the claims.
func NewContext(ctx context.Context, c *Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the claims that Require put there; nil if there are none.
func FromContext(ctx context.Context) *Claims {
	c, _ := ctx.Value(contextKey{}).(*Claims)
	return c
}
