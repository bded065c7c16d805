package galileosky

import (
	"encoding/binary"

	"github.com/trackgate/trackgate/protocols"
)

// Reasons of verdicts.
const (
	whyNot     = "no first packet of Galileosky"
	whyShort   = "begins like Galileosky, too short to tell"
	whyTags    = "data packet with first tags of Galileosky"
	whyIMEI    = "data packet with an IMEI of Galileosky"
	whyIridium = "Iridium message with the IMEI of its modem"
	whySum     = "data packet of Galileosky with its checksum"
)

// detect is Protocol.Detect. A connection begins with a data packet whose first tags are versions and identity: photos and compressed records would
// be nobody's.
func detect(b []byte, datagram bool) (protocols.Verdict, string) {
	switch {
	case datagram || len(b) > 0 && b[0] != headerData:
		return protocols.No, whyNot
	case len(b) < iridiumMark+1:
		if len(b) > 3 && b[3] != tagHardware && b[3] != tagIMEI && b[3] != tagDevice {
			return protocols.No, whyNot
		}
		return protocols.More, whyShort
	}
	if isIridium(b) {
		return imei(b[iridiumMark:], 4, whyIridium)
	}
	n := frameSize + int(binary.LittleEndian.Uint16(b[1:])&^archiveFlag)
	if n < 8 {
		return protocols.No, whyNot
	}
	at := 3
	for id := byte(tagHardware); id <= tagDevice; id++ {
		if at >= len(b) {
			return protocols.More, whyShort
		}
		if b[at] != id {
			continue
		}
		if id == tagIMEI {
			return imei(b[at+1:], 0, whyIMEI)
		}
		at += 1 + tags[id].size
	}
	switch {
	case at == 3:
		return protocols.No, whyNot
	case len(b) >= n:
		if protocols.Modbus.Sum(b[:n-2]) != binary.LittleEndian.Uint16(b[n-2:]) {
			return protocols.No, whyNot
		}
		return protocols.Sure, whySum
	case at >= len(b):
		return protocols.More, whyShort
	case at < n-2 && (b[at] < 0x10 || tags[b[at]].size == 0):
		return protocols.No, whyNot
	}
	return protocols.Likely, whyTags
}

// imei judges 15 digits behind some bytes.
func imei(b []byte, skip int, why string) (protocols.Verdict, string) {
	if len(b) <= skip {
		return protocols.More, whyShort
	}
	b = b[skip:]
	if !allDigits(b[:min(15, len(b))]) {
		return protocols.No, whyNot
	}
	if len(b) < 15 {
		return protocols.More, whyShort
	}
	return protocols.Sure, why
}
