package gateway

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A balancer that takes connections for the gateway says in the first bytes who is behind it: the PROXY protocol of HAProxy, versions 1
// (a line of text) and 2 (binary). It is believed from the networks that gateway.proxy_from names, where it must come, and from nobody else.

var (
	proxyV1 = []byte("PROXY ")
	proxyV2 = []byte("\r\n\r\n\x00\r\nQUIT\n")
)

// Sizes of the headers: the longest line of version 1, and the most of version 2 that is read, which leaves room for its extensions.
const (
	maxProxyV1 = 107
	maxProxyV2 = 16 + 2048
)

var errProxy = errors.New("no PROXY header where one must come")

// proxyHeader reads a header at the start of b. n is its length, 0 when more bytes are needed. source is who is behind the balancer; it is
// not valid when the balancer speaks for itself.
func proxyHeader(b []byte) (n int, source netip.AddrPort, err error) {
	switch {
	case bytes.HasPrefix(b, proxyV2):
		return proxyBinary(b)
	case bytes.HasPrefix(b, proxyV1):
		return proxyText(b)
	case bytes.HasPrefix(proxyV2, b), bytes.HasPrefix(proxyV1, b):
		return 0, netip.AddrPort{}, nil
	}
	return 0, netip.AddrPort{}, errProxy
}

// proxyText reads version 1: PROXY TCP4|TCP6|UNKNOWN source destination port port CR LF.
func proxyText(b []byte) (int, netip.AddrPort, error) {
	end := bytes.Index(b[:min(len(b), maxProxyV1)], []byte("\r\n"))
	if end < 0 {
		if len(b) >= maxProxyV1 {
			return 0, netip.AddrPort{}, fmt.Errorf("%w: a line of more than %d bytes", errProxy, maxProxyV1)
		}
		return 0, netip.AddrPort{}, nil
	}
	words := strings.Split(string(b[:end]), " ")
	if len(words) >= 2 && words[1] == "UNKNOWN" {
		return end + 2, netip.AddrPort{}, nil
	}
	if len(words) != 6 || (words[1] != "TCP4" && words[1] != "TCP6") {
		return 0, netip.AddrPort{}, fmt.Errorf("%w: %.40q", errProxy, b[:end])
	}
	addr, err := netip.ParseAddr(words[2])
	port, err2 := strconv.ParseUint(words[4], 10, 16)
	if err != nil || err2 != nil || addr.Zone() != "" || addr.Is4() != (words[1] == "TCP4") {
		return 0, netip.AddrPort{}, fmt.Errorf("%w: %.60q", errProxy, b[:end])
	}
	return end + 2, netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
}

// proxyBinary reads version 2: signature 12 | version and command 1 | family and transport 1 | length 2 | addresses | extensions.
func proxyBinary(b []byte) (int, netip.AddrPort, error) {
	if len(b) < 16 {
		return 0, netip.AddrPort{}, nil
	}
	n := 16 + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case b[12]>>4 != 2 || b[12]&15 > 1:
		return 0, netip.AddrPort{}, fmt.Errorf("%w: version and command %#02x", errProxy, b[12])
	case n > maxProxyV2:
		return 0, netip.AddrPort{}, fmt.Errorf("%w: %d bytes", errProxy, n)
	case len(b) < n:
		return 0, netip.AddrPort{}, nil
	}
	const localCommand, tcp4, tcp6 = 0, 0x11, 0x21
	addresses := b[16:n]
	switch {
	case b[12]&15 == localCommand:
		return n, netip.AddrPort{}, nil
	case b[13] == tcp4 && len(addresses) >= 12:
		return n, netip.AddrPortFrom(netip.AddrFrom4([4]byte(addresses)), binary.BigEndian.Uint16(addresses[8:])), nil
	case b[13] == tcp6 && len(addresses) >= 36:
		return n, netip.AddrPortFrom(netip.AddrFrom16([16]byte(addresses)).Unmap(), binary.BigEndian.Uint16(addresses[32:])), nil
	}
	return 0, netip.AddrPort{}, fmt.Errorf("%w: family %#02x", errProxy, b[13])
}
