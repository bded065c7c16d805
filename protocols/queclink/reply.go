package queclink

import (
	"github.com/trackgate/trackgate/protocols"
)

// optionSack is the operator's option of Options.Extra: false where the device has server acknowledgement switched off.
const optionSack = "sack"

// acknowledge answers a message by its count number. A message without one is owed nothing.
func (c *call) acknowledge() {
	if v, _ := c.s.Options.Get(optionSack); v == "false" || c.count == nil {
		return
	}
	r := append(c.f.Reply, "+SACK:"...)
	r = append(r, c.count...)
	c.f.Reply = append(r, '$')
}

// heartbeat answers a heartbeat; it is no record.
func (c *call) heartbeat() {
	r := append(c.f.Reply, "+SACK:GTHBD,"...)
	r = append(append(r, c.version...), ',')
	c.f.Reply = append(append(r, c.count...), '$')
}

// commandResult reads the answer to a command: [sub command] | serial number of the command.
func (c *call) commandResult(head []byte) {
	e := c.add(protocols.CommandResult)
	e.Text("command", string(head[len("+ACK:"):]))
	if b := c.m.at(c.end - 1); c.end-1 >= c.body && len(b) == 4 && isHex(b) {
		c.hex(e, "command_id", c.end-1)
	}
	e.Bool("success", true) // a device acknowledges what it has taken over
	e.Text("result", string(c.m.b))
	c.finish(e)
}
