// Package replay plays recorded conversations of devices to a gateway, as the devices did: the same segments in the same rhythm, the next
// one only after the answer that the device had waited for. It reads the project's own captures, pcap and pcapng.
package replay

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/trackgate/trackgate/protocols"
)

// Conversation is what a device and its server said to each other on one connection, or between two UDP addresses.
type Conversation struct {
	Name     string // of the file, and of the addresses in a file of many conversations
	Datagram bool
	Port     uint16 // of the server, 0 when the capture does not tell
	// Lane names the device as far as the bytes tell. Conversations of one lane are never played at the same time: a gateway hangs up
	// on the older of two connections of one device.
	Lane  string
	Steps []Step
	// Unsure says why a gateway may rightly answer otherwise, or not at all; empty: it may not. A capture is what a decoder makes of the bytes; a gateway
	// also looks into its registry, and refuses frames before a login. Answers that are not as captured then count as unjudged.
	Unsure string
	Lost   int // bytes that the capture lacks; what lies behind a gap follows directly
}

// Step is one segment or datagram.
type Step struct {
	At     time.Duration // since the first step of the conversation
	Server bool          // said by the server: an answer that the device got
	Data   []byte
}

// Bytes counts what each side said.
func (c *Conversation) Bytes() (device, server int) {
	for _, s := range c.Steps {
		if s.Server {
			server += len(s.Data)
		} else {
			device += len(s.Data)
		}
	}
	return device, server
}

// setLane names the lane after the device's first bytes: its login, as a rule.
func (c *Conversation) setLane() {
	for _, s := range c.Steps {
		if !s.Server {
			h := fnv.New64a()
			h.Write(s.Data)
			c.Lane = strconv.FormatUint(h.Sum64(), 16)
			return
		}
	}
}

// CaptureGap lies between two segments of a capture of ours, which holds no times.
const CaptureGap = time.Second

// FromCapture makes a conversation of a capture.
func FromCapture(name string, c *protocols.Capture) Conversation {
	out := Conversation{Name: name, Datagram: c.Datagram}
	var at time.Duration
	device := ""
	for _, l := range c.Lines {
		switch l.Mark {
		case '>':
			if len(out.Steps) > 0 {
				at += CaptureGap
			}
			out.Steps = append(out.Steps, Step{At: at, Data: bytes.Clone(l.Data)})
		case '<':
			if c.Datagram && len(out.Steps) > 0 && len(l.Data) > len(out.Steps[len(out.Steps)-1].Data) {
				out.Unsure = "an answer larger than its datagram" // which a gateway holds back: the address may be forged
			}
			out.Steps = append(out.Steps, Step{At: at, Server: true, Data: bytes.Clone(l.Data)})
		case '@':
			if name, options, _ := strings.Cut(l.Text, " "); name == "options" {
				out.Unsure = "the registry's options " + strings.TrimSpace(options)
			}
		case '=':
			var e struct {
				Device *string `json:"device"`
			}
			switch {
			case json.Unmarshal([]byte(l.Text), &e) != nil:
			case e.Device == nil:
				out.Unsure = "frames before a login"
			case device == "":
				device = *e.Device
			}
		}
	}
	if out.Lane = device; device == "" {
		out.setLane()
	}
	return out
}
