package protocols

import (
	"net/netip"
	"slices"
	"testing"
)

func TestNetworks(t *testing.T) {
	n, err := ParseNetworks([]string{" 10.1.2.3/8", "", "192.0.2.7", "2001:db8::1/32", "::ffff:198.51.100.0/120"})
	if err != nil || n.String() != "10.0.0.0/8,192.0.2.7,2001:db8::/32,198.51.100.0/24" {
		t.Fatalf("%v, %v", n, err)
	}
	for _, a := range []string{"10.255.0.1", "192.0.2.7", "2001:db8:ffff::1", "198.51.100.200"} {
		if !n.Contains(netip.MustParseAddr(a)) {
			t.Errorf("%s is outside", a)
		}
	}
	for _, a := range []string{"11.0.0.1", "192.0.2.8", "2001:db9::1", "::1"} {
		if n.Contains(netip.MustParseAddr(a)) {
			t.Errorf("%s is inside", a)
		}
	}
	for _, bad := range []string{"10.0.0.0/33", "me", "fe80::1%eth0", "10.0.0", "::ffff:10.0.0.0/8"} {
		if n, err := ParseNetworks([]string{bad}); err == nil {
			t.Errorf("%q is read as %v", bad, n)
		}
	}
}

func TestNetworksOption(t *testing.T) {
	o, err := ParseOptions([]string{"networks=10.1.2.3/8,192.0.2.7", "ignition=in1"})
	if err != nil || o.Networks != "10.0.0.0/8,192.0.2.7" || o.Extra != "ignition=in1" {
		t.Fatalf("%+v, %v", o, err)
	}
	if got, want := o.Pairs(), []string{"networks=10.0.0.0/8,192.0.2.7", "ignition=in1"}; !slices.Equal(got, want) {
		t.Errorf("pairs %q, want %q", got, want)
	}
	if !o.From(netip.MustParseAddr("10.9.9.9")) || o.From(netip.MustParseAddr("11.9.9.9")) || !(Options{}).From(netip.MustParseAddr("11.9.9.9")) {
		t.Error("wrong networks")
	}
	for _, bad := range []string{"networks=", "networks=here", "networks=,"} {
		if _, err := ParseOptions([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
