package protocols

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ParseOptions reads options in their text form, one "key=value" each:
//
//	model=GT06N  zone=+05:30  unit=knots  tolerate_checksum=true  networks=10.0.0.0/8,192.0.2.7
//
// Any other key is the protocol's own and goes to Extra.
func ParseOptions(pairs []string) (Options, error) {
	var o Options
	for _, p := range pairs {
		key, value, found := strings.Cut(p, "=")
		if !found || key == "" || strings.ContainsAny(p, ";\n\r") {
			return o, fmt.Errorf("option %q is not key=value", p)
		}
		var err error
		switch key {
		case "model":
			o.Model = value
		case "zone":
			o.Zone, err = ParseZone(value)
		case "unit":
			if o.Unit = value; value != "kmh" && value != "knots" && value != "mph" {
				err = fmt.Errorf("unit %q is none of kmh, knots, mph", value)
			}
		case "tolerate_checksum":
			o.TolerateChecksum, err = strconv.ParseBool(value)
		case "networks":
			var n Networks
			if n, err = ParseNetworks(strings.Split(value, ",")); err == nil && len(n) == 0 {
				err = errors.New("networks: none is named")
			}
			o.Networks = n.String()
		default:
			if o.Extra != "" {
				o.Extra += ";"
			}
			o.Extra += p
		}
		if err != nil {
			return o, err
		}
	}
	if len(o.Extra) > MaxState || len(o.Networks) > MaxState || len(o.Model) > MaxIdentity {
		return o, fmt.Errorf("options of more than %d bytes", MaxState)
	}
	return o, nil
}

// Pairs is the inverse of ParseOptions; Shift has no text form.
func (o Options) Pairs() []string {
	var out []string
	if o.Model != "" {
		out = append(out, "model="+o.Model)
	}
	if o.Zone.Set {
		out = append(out, "zone="+o.Zone.String())
	}
	if o.Unit != "" {
		out = append(out, "unit="+o.Unit)
	}
	if o.TolerateChecksum {
		out = append(out, "tolerate_checksum=true")
	}
	if o.Networks != "" {
		out = append(out, "networks="+o.Networks)
	}
	if o.Extra != "" {
		out = append(out, strings.Split(o.Extra, ";")...)
	}
	return out
}

// Get returns the value of one of the protocol's own options in Extra.
func (o Options) Get(key string) (string, bool) { return option(o.Extra, key) }

// option looks for a key in pairs "key=value" between semicolons. Decoders ask for every record, so it cuts nothing that it does not return.
func option(pairs, key string) (string, bool) {
	for {
		end := strings.IndexByte(pairs, ';')
		pair := pairs
		if end >= 0 {
			pair = pairs[:end]
		}
		switch n := len(key); {
		case len(pair) > n && pair[n] == '=' && pair[:n] == key:
			return pair[n+1:], true
		case pair == key && pairs != "":
			return "", true
		case end < 0:
			return "", false
		}
		pairs = pairs[end+1:]
	}
}

// From says whether the device may come from an address: any, unless it is pinned to networks.
func (o Options) From(a netip.Addr) bool {
	if o.Networks == "" {
		return true
	}
	n, err := ParseNetworks(strings.Split(o.Networks, ","))
	return err == nil && n.Contains(a)
}

// ParseZone reads an offset from UTC: "+05:30", "-03:00", "Z".
func ParseZone(s string) (Zone, error) {
	if s == "Z" {
		return Zone{Set: true}, nil
	}
	if len(s) == 6 && (s[0] == '+' || s[0] == '-') && s[3] == ':' {
		h, err1 := strconv.ParseUint(s[1:3], 10, 8)
		m, err2 := strconv.ParseUint(s[4:], 10, 8)
		if err1 == nil && err2 == nil && h <= 14 && m < 60 {
			sec := int32(h*3600 + m*60)
			if s[0] == '-' {
				sec = -sec
			}
			return Zone{Set: true, Seconds: sec}, nil
		}
	}
	return Zone{}, fmt.Errorf("zone %q is not of the form +05:30", s)
}

func (z Zone) String() string {
	if z.Seconds == 0 {
		return "Z"
	}
	sign, s := '+', z.Seconds
	if s < 0 {
		sign, s = '-', -s
	}
	return fmt.Sprintf("%c%02d:%02d", sign, s/3600, s/60%60)
}
