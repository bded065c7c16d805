package wialonips

import (
	"bytes"
	"strings"

	"github.com/trackgate/trackgate/protocols"
)

// loginVersion is the version that the login named: '1', '2', or 0 without a login.
//
// Session.State is that version, and while a tachograph file is under way its code and last index: 2;code;index.
func loginVersion(state string) byte {
	if state == "" {
		return 0
	}
	return state[0]
}

// unsign takes the checksum off a message that has one. Without a login a checksum is one if it fits.
func (c *call) unsign(body []byte, separators string) []byte {
	if c.version == '1' {
		return body
	}
	at := bytes.LastIndexAny(body, separators)
	sum, ok := hexadecimal(body[at+1:])
	if ok && at >= 0 && sum == protocols.ARC.Sum(body[:at+1]) {
		return body[:at]
	}
	if c.version == 0 {
		return body
	}
	c.badCRC = true
	if !ok || at < 0 {
		return body
	}
	return body[:at]
}

// login reads `imei;password` or `2.0;imei;password;CRC`.
func (c *call) login(body []byte) {
	state := "1"
	if len(body) > 4 && body[0] == '2' && body[1] == '.' && body[3] == ';' {
		c.version, state = '2', "2"
		body = c.unsign(body, ";")
		body = body[min(4, len(body)):]
	}
	id, _, _ := bytes.Cut(body, []byte(";"))
	if !name(id) {
		c.reply("#AL#0")
		c.f.Close = true
		return
	}
	if c.s.Device != string(id) {
		c.s.Device = string(id)
	}
	if c.s.State != state {
		c.s.State = state
	}
	c.reply("#AL#1")
	c.f.Refuse = append(c.f.Refuse, "#AL#0\r\n"...)
}

// message reads a text of the driver, or the answer to a text command.
func (c *call) message(body []byte) {
	body = c.unsign(body, ";")
	c.reply("#AM#1")
	if len(body) == 0 {
		return
	}
	e := c.f.Add(protocols.CommandResult)
	e.Text("result", string(body))
	e.FP = protocols.Fingerprint([]byte("M"), body)
}

// answer reads the answer to a packet of ours: AM to a text, AUS to a firmware, AUC to a configuration.
func (c *call) answer(p *packet) {
	e := c.f.Add(protocols.CommandResult)
	e.Text("command", string(p.kind[1:]))
	code := strings.TrimSpace(string(p.body))
	e.Text("result", code)
	e.Bool("success", code == "1")
	e.FP = protocols.Fingerprint(p.kind, p.body)
}
