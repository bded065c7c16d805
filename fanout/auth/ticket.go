package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrTicket is returned for a ticket that was never made, was used or is too old.
var ErrTicket = errors.New("auth: no such ticket")

// TicketStore keeps tickets between their making and their one use. Nodes that share clients share the store.
type TicketStore interface {
	// Put keeps value under the key for the time to live.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Take returns the value and forgets it, in one step; ErrTicket if there is none.
	Take(ctx context.Context, key string) ([]byte, error)
}

// Limits of tickets. One that lives long is no better than a token in an address.
const (
	maxTickets   = 10_000
	MaxTicketTTL = 24 * time.Hour
	SessionTTL   = 12 * time.Hour // of the token that a ticket is exchanged for, if its claims allow that long
)

type ticketBody struct {
	Subject  string    `json:"sub"`
	Expires  time.Time `json:"exp"`
	Scope    Scope     `json:"scope"`
	All      bool      `json:"all,omitempty"`
	Vehicles []string  `json:"vehicles,omitempty"`
	Groups   []string  `json:"groups,omitempty"`
	LookedUp bool      `json:"looked_up,omitempty"`
}

// MintTicket makes a ticket that can be exchanged once, within ttl, for the claims.
func (a *Authority) MintTicket(ctx context.Context, c *Claims, ttl time.Duration) (string, error) {
	b := ticketBody{Subject: c.Subject, Expires: c.Expires, Scope: c.Scope, All: c.Grants.All, Vehicles: c.Grants.Vehicles, Groups: c.Grants.Groups,
		LookedUp: c.LookedUp}
	raw, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("auth: ticket: %w", err)
	}
	var secret [24]byte
	rand.Read(secret[:])
	ticket := base64.RawURLEncoding.EncodeToString(secret[:])
	if err := a.tickets.Put(ctx, ticketKey(ticket), raw, min(ttl, MaxTicketTTL)); err != nil {
		return "", fmt.Errorf("auth: ticket: %w", err)
	}
	return ticket, nil
}

// Redeem takes a ticket and returns its claims.
func (a *Authority) Redeem(ctx context.Context, ticket string) (*Claims, error) {
	if ticket == "" || len(ticket) > 64 {
		return nil, ErrTicket
	}
	raw, err := a.tickets.Take(ctx, ticketKey(ticket))
	if err != nil {
		return nil, err
	}
	var b ticketBody
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, fmt.Errorf("auth: ticket: %w", err)
	}
	c := Claims{Subject: b.Subject, Expires: b.Expires, Scope: b.Scope, LookedUp: b.LookedUp}
	if !time.Now().Before(c.Expires) {
		return nil, ErrTicket
	}
	if c.LookedUp {
		c.Grants, err = a.Lookup(ctx, c.Subject)
		return &c, err
	}
	if b.All {
		b.Vehicles = append(b.Vehicles, "*")
	}
	c.Grants, err = NewGrants(b.Vehicles, b.Groups)
	return &c, err
}

// Session exchanges a ticket for a token.
func (a *Authority) Session(ctx context.Context, ticket string) (string, error) {
	if len(a.secret) == 0 {
		return "", ErrNoKey
	}
	c, err := a.Redeem(ctx, ticket)
	if err != nil {
		return "", err
	}
	if end := time.Now().Add(SessionTTL); end.Before(c.Expires) {
		c.Expires = end
	}
	return a.Sign(*c)
}

// ticketKey is what the store sees: who reads the store cannot use the tickets in it.
func ticketKey(ticket string) string {
	h := sha256.Sum256([]byte(ticket))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// Tickets is a TicketStore in this process.
type Tickets struct {
	mu   sync.Mutex
	held map[string]heldTicket
}

type heldTicket struct {
	value []byte
	until time.Time
}

// NewTickets makes an empty store.
func NewTickets() *Tickets { return &Tickets{held: make(map[string]heldTicket)} }

// Put implements TicketStore; it fails when too many tickets wait for their use.
func (t *Tickets) Put(_ context.Context, key string, value []byte, ttl time.Duration) error {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.held) >= maxTickets {
		for k, h := range t.held {
			if !now.Before(h.until) {
				delete(t.held, k)
			}
		}
		if len(t.held) >= maxTickets {
			return errors.New("too many tickets")
		}
	}
	t.held[key] = heldTicket{value, now.Add(ttl)}
	return nil
}

// Take implements TicketStore.
func (t *Tickets) Take(_ context.Context, key string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h, ok := t.held[key]
	delete(t.held, key)
	if !ok || !time.Now().Before(h.until) {
		return nil, ErrTicket
	}
	return h.value, nil
}
