// Package auth says who asks and what they may do: tokens, grants, one-time tickets, and the one policy that every route and every
// message of the fanout tier goes through.
package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Action is what somebody wants to do, with a vehicle or at all.
type Action uint8

const (
	Read    Action = iota + 1 // see where a vehicle is and was
	Ingest                    // report a vehicle's position over HTTP
	Command                   // send something to a vehicle's device
	Admin                     // change the registry, read what belongs to nobody
)

var actions = map[string]Action{"read": Read, "ingest": Ingest, "command": Command, "admin": Admin}

func (a Action) String() string {
	for name, b := range actions {
		if a == b {
			return name
		}
	}
	return "unknown"
}

// ParseAction is the inverse of String; false for anything else.
func ParseAction(s string) (Action, bool) {
	a, ok := actions[s]
	return a, ok
}

// Scope is a set of actions. The zero value allows nothing.
type Scope uint8

// Scopes makes a set.
func Scopes(a ...Action) (s Scope) {
	for _, a := range a {
		s |= 1 << a
	}
	return s
}

// Has says whether the set covers a. Who may administer may do the rest too, with the vehicles that the token names.
func (s Scope) Has(a Action) bool {
	return a >= Read && a <= Admin && s&(1<<a|1<<Admin) != 0
}

// Limits of a token's grants, so that nobody can make a node hold an endless list.
const (
	MaxVehicles = 10_000
	MaxGroups   = 1_000
)

// Claims are what a verified token says. They are never changed once made; whoever holds them may share them.
type Claims struct {
	Subject string
	Expires time.Time
	Scope   Scope
	Grants  Grants
	// LookedUp says that the grants came from the table by subject, and so may change while the token is valid.
	LookedUp bool
}

// Grants name vehicles. The zero value names none.
type Grants struct {
	All      bool     // every vehicle
	Vehicles []string // sorted, each once
	Groups   []string
}

// NewGrants makes grants of ids ("*" is every vehicle) and groups.
func NewGrants(vehicles, groups []string) (Grants, error) {
	if len(vehicles) > MaxVehicles || len(groups) > MaxGroups {
		return Grants{}, fmt.Errorf("more than %d vehicles or %d groups", MaxVehicles, MaxGroups)
	}
	named := slices.Clone(vehicles)
	slices.Sort(named)
	named = slices.Compact(named)
	at, all := slices.BinarySearch(named, "*")
	if all {
		named = slices.Delete(named, at, at+1)
	}
	return Grants{All: all, Vehicles: named, Groups: groups}, nil
}

// Names says whether the vehicle is one of Vehicles.
func (g Grants) Names(vehicle string) bool {
	_, ok := slices.BinarySearch(g.Vehicles, vehicle)
	return ok
}

// Equal compares two grants.
func (g Grants) Equal(h Grants) bool {
	return g.All == h.All && slices.Equal(g.Vehicles, h.Vehicles) && slices.Equal(g.Groups, h.Groups)
}

// list is a claim that may be one text or an array.
type list []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *list) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*l = list{one}
		return nil
	}
	var many []any
	if err := json.Unmarshal(raw, &many); err != nil {
		return errors.New("neither a text nor a list")
	}
	*l = make(list, 0, len(many))
	for _, v := range many {
		switch v := v.(type) {
		case string:
			*l = append(*l, v)
		case float64:
			*l = append(*l, fmt.Sprintf("%.0f", v)) // ids that a token's maker holds as numbers
		default:
			return errors.New("a list of something other than texts")
		}
	}
	return nil
}

// words is a list that may also be one text with spaces between, as OAuth writes scopes.
type words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(raw []byte) error {
	var l list
	if err := l.UnmarshalJSON(raw); err != nil {
		return err
	}
	*w = strings.Fields(strings.Join(l, " "))
	return nil
}
