// Package teltonika decodes the trackers of Teltonika: codecs 8, 8 Extended, 16 and 7 with position records, codecs 12 to 15
// with commands, answers and serial data, over TCP and UDP, and what its cameras say. All integers are big endian.
package teltonika

import "github.com/trackgate/trackgate/protocols"

// Protocol is Teltonika as the gateway serves it.
//
// Options: Model picks the numbering of the IO elements (a model of the vendor's, or fmb, fmx6, tat, gh). Of Extra it reads
//
//	rollover=false   do not repair dates that lie 1024 weeks back in spite of a valid fix
//	gnss_veto=true   a fix is not valid while the receiver's own status (element 69, or 71) says it has none
//	letters=true     accept an identification that is not of digits alone
//	codec=14         send commands as codec 14, which names the IMEI, instead of codec 12
//	crlf=true        end commands with CR LF, as old FM firmware wants it
var Protocol = protocols.Protocol{
	Name:       "teltonika",
	Version:    1,
	TCP:        5027,
	UDP:        5027,
	MaxLogin:   64,
	MaxFrame:   maxData + packetOverhead,
	Detect:     detect,
	Decode:     decode,
	Encode:     encode,
	Attributes: attributes(),
}

// Codec ids, the first byte of a packet's data.
const (
	codecGH = 0x07 // GH1201, GH3000
	codec8  = 0x08
	codec12 = 0x0c
	codec13 = 0x0d
	codec14 = 0x0e
	codec15 = 0x0f
	codec16 = 0x10
	codec8E = 0x8e // codec 8 Extended
)

func knownCodec(c byte) bool {
	switch c {
	case codecGH, codec8, codec8E, codec16, codec12, codec13, codec14, codec15:
		return true
	}
	return false
}

// isAVL says that packets of this codec carry records, which are acknowledged.
func isAVL(c byte) bool { return c == codec8 || c == codec8E || c == codec16 || c == codecGH }

const (
	maxData        = 0xffff // of the data field of a packet; devices stay below 3 KiB
	packetOverhead = 12     // preamble, length and CRC of a packet
	maxLost        = 8 << 10
)
