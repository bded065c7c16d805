package jt808

import "github.com/trackgate/trackgate/protocols"

// lockExtension is the size of what a family of locks sends in the place of items.
const lockExtension = 18

// vendor reads an item of a vendor.
func (c *call) vendor(e *protocols.Event, id byte, v []byte) bool { return false }

// lockExtension keeps what locks send in the place of items.
func (c *call) lockExtension(e *protocols.Event, b []byte) { hexText(e, "raw", b) }

// other reads the messages that are no locations.
func (c *call) other() {
	if c.id == msgLocationsBrief {
		c.brief()
		return
	}
	if len(c.body) > 0 {
		c.unread(c.body)
	}
}

