package protocols

import (
	"fmt"
	"net/netip"
	"strings"
)

// Networks are address ranges.
type Networks []netip.Prefix

// ParseNetworks reads addresses and networks: 10.0.0.0/8, 192.0.2.7, 2001:db8::/32. Empty entries are none.
func ParseNetworks(list []string) (Networks, error) {
	var out Networks
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if a, err2 := netip.ParseAddr(s); err2 == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", s)
		}
		if a := p.Addr(); a.Is4In6() { // a connection's address is an IPv4 one then
			if p.Bits() < 96 {
				return nil, fmt.Errorf("%q is not all of IPv4", s)
			}
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Contains says whether an address is of one of the networks.
func (n Networks) Contains(a netip.Addr) bool {
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// String is the inverse of ParseNetworks, comma separated.
func (n Networks) String() string {
	list := make([]string, len(n))
	for i, p := range n {
		if list[i] = p.String(); p.IsSingleIP() {
			list[i] = p.Addr().String()
		}
	}
	return strings.Join(list, ",")
}
