package auth

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Lookup finds the grants of subjects whose tokens name none: the table vehicle_access.
type Lookup interface {
	// Grants returns vehicle ids ("*" is every vehicle) and groups; nothing, and no error, for a subject without any.
	Grants(ctx context.Context, sub string) (vehicles, groups []string, err error)
}

// Authority verifies tokens, completes their grants, decides and mints. It is safe for concurrent use.
type Authority struct {
	*Policy
	verifier *verifier
	lookup   Lookup
	ttl      time.Duration
	secret   []byte
	tickets  TicketStore

	mu    sync.Mutex
	known map[string]lookedUp
}

type lookedUp struct {
	grants Grants
	until  time.Time
}

// maxKnown bounds the kept grants.
const maxKnown = 100_000

// Options are what an Authority works with besides its keys; all may be nil.
type Options struct {
	Lookup  Lookup      // nil: a token without a grant claim grants nothing
	Groups  Groups      // nil: group grants name no vehicle
	Tickets TicketStore // nil: tickets are kept in this process
}

// New makes an Authority. ctx bounds the background refresh of the JWKS.
func New(ctx context.Context, c Config, o Options) (*Authority, error) {
	v, err := newVerifier(ctx, c)
	if err != nil {
		return nil, err
	}
	a := &Authority{Policy: NewPolicy(o.Groups), verifier: v, lookup: o.Lookup, ttl: c.GrantsTTL, secret: c.Secret,
		tickets: o.Tickets, known: make(map[string]lookedUp)}
	if a.ttl <= 0 {
		a.ttl = 10 * time.Second
	}
	if a.tickets == nil {
		a.tickets = NewTickets()
	}
	return a, nil
}

// Verify returns the claims of a good token, its grants looked up if it names none.
func (a *Authority) Verify(ctx context.Context, token string) (*Claims, error) {
	c, named, err := a.verifier.verify(token)
	if err != nil {
		return nil, err
	}
	if !named {
		c.LookedUp = true
		if c.Grants, err = a.Lookup(ctx, c.Subject); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// Refresh returns claims with the grants that their subject has now; c itself if nothing changed.
func (a *Authority) Refresh(ctx context.Context, c *Claims) (*Claims, error) {
	if !c.LookedUp {
		return c, nil
	}
	g, err := a.Lookup(ctx, c.Subject)
	if err != nil || g.Equal(c.Grants) {
		return c, err
	}
	d := *c
	d.Grants = g
	return &d, nil
}

// GrantsTTL is how long looked-up grants are believed.
func (a *Authority) GrantsTTL() time.Duration { return a.ttl }

// Lookup returns the grants of a subject from the table, at most GrantsTTL old.
func (a *Authority) Lookup(ctx context.Context, sub string) (Grants, error) {
	if a.lookup == nil {
		return Grants{}, nil
	}
	now := time.Now()
	a.mu.Lock()
	k, ok := a.known[sub]
	a.mu.Unlock()
	if ok && now.Before(k.until) {
		return k.grants, nil
	}
	vehicles, groups, err := a.lookup.Grants(ctx, sub)
	if err != nil {
		return Grants{}, fmt.Errorf("auth: grants: %w", err)
	}
	g, err := NewGrants(vehicles, groups)
	if err != nil {
		return Grants{}, fmt.Errorf("auth: grants: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= maxKnown {
		for s, k := range a.known {
			if !now.Before(k.until) {
				delete(a.known, s)
			}
		}
		if len(a.known) >= maxKnown {
			clear(a.known)
		}
	}
	a.known[sub] = lookedUp{g, now.Add(a.ttl)}
	return g, nil
}

// Sign makes a token for the claims with the configured secret; ErrNoKey where only a JWKS is configured.
func (a *Authority) Sign(c Claims) (string, error) { return Sign(a.secret, c) }
