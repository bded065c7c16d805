package auth

import "slices"

// Groups says in which groups a vehicle is: the device registry, in whatever form the process holds it. It is asked on every track and
// every list, so it answers from memory.
type Groups interface {
	GroupsOf(vehicle string) []string
}

// Policy is the one place where access is decided.
type Policy struct {
	groups Groups
}

// NewPolicy makes a policy; groups may be nil, then group grants name no vehicle.
func NewPolicy(groups Groups) *Policy { return &Policy{groups} }

// Allow decides. An empty vehicle is a question about no vehicle in particular: the scope alone counts, and whoever answers with
// vehicles asks again for each. Without claims the answer is no.
func (p *Policy) Allow(c *Claims, a Action, vehicle string) bool {
	if c == nil || c.Subject == "" || !c.Scope.Has(a) {
		return false
	}
	if vehicle == "" || c.Grants.All {
		return true
	}
	if c.Grants.Names(vehicle) {
		return true
	}
	if len(c.Grants.Groups) == 0 {
		return false
	}
	return p.In(vehicle, c.Grants.Groups)
}

// In says whether a vehicle is in one of some groups. Who may know that is another question: see Allow.
func (p *Policy) In(vehicle string, groups []string) bool {
	if p.groups == nil {
		return false
	}
	for _, g := range p.groups.GroupsOf(vehicle) {
		if slices.Contains(groups, g) {
			return true
		}
	}
	return false
}
