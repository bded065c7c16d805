package eelink

import "github.com/trackgate/trackgate/protocols"

// Reasons of verdicts.
const (
	whyHead  = "does not begin with 6767 or EL and a size"
	whyPID   = "6767, but no PID that Eelink has"
	whyIMEI  = "a login without an IMEI"
	whyShort = "begins like Eelink, too short to tell"
	whyUDP   = "EL, a size that fits, an IMEI and a package"
	whyLogin = "login of Eelink with an IMEI in BCD"
	whySure  = "package of Eelink with a sequence number"
)

// detect is Protocol.Detect.
func detect(b []byte, _ bool) (protocols.Verdict, string) {
	n, maybe := plausible(b)
	switch {
	case maybe:
		if len(b) > 2 && b[0] == 0x67 && names[b[2]] == "" {
			return protocols.No, whyPID
		}
		return protocols.More, whyShort
	case n == 0:
		return protocols.No, whyHead
	case b[0] == 'E':
		inside := b[datagramHead:]
		m, more := plausiblePackage(inside)
		switch {
		case more && len(inside) < 3:
			return protocols.More, whyShort
		case m == 0 && !more || names[inside[2]] == "":
			return protocols.No, whyPID
		case m == 0:
			return protocols.More, whyShort
		}
		return protocols.Sure, whyUDP
	case names[b[2]] == "":
		return protocols.No, whyPID
	case b[2] != pidLogin:
		if len(b) < packageHead {
			return protocols.More, whyShort
		}
		return protocols.Sure, whySure
	case n < packageHead+8:
		return protocols.No, whyIMEI
	}
	for i := packageHead; i < min(len(b), packageHead+8); i++ {
		if b[i]>>4 > 9 || b[i]&15 > 9 {
			return protocols.No, whyIMEI
		}
	}
	if len(b) < packageHead+8 {
		return protocols.More, whyShort
	}
	return protocols.Sure, whyLogin
}
