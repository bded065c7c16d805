package queclink

import "github.com/trackgate/trackgate/protocols"

// station adds the cell at fields i to i+5 (MCC, MNC, LAC, id, level, reserved) to a list, if there is one. gsm: the level is in steps of
// one dBm above -110.
func (c *call) station(l *list, i int, gsm bool) {
	if !c.isCell(i) {
		return
	}
	mcc, _ := readInt(c.m.take(i))
	mnc, _ := readInt(c.m.take(i + 1))
	lac, ok1 := readHex(c.m.take(i + 2))
	id, ok2 := readHex(c.m.take(i + 3))
	if !ok1 || !ok2 || lac > 1<<32 || id > 1<<40 {
		return
	}
	l.begin()
	l.int("mcc", mcc)
	l.int("mnc", mnc)
	l.int("lac", int64(lac))
	l.int("cid", int64(id))
	if v, ok := readInt(c.m.at(i + 4)); ok && i+4 < c.end {
		if c.m.take(i + 4); gsm && v >= 0 && v <= 63 {
			l.int("rssi_dbm", v-110)
		} else {
			l.int("rssi", v)
		}
	}
	l.end()
}

// network reads GTGSM: what asked for the fix, six neighbours and the serving cell.
func (c *call) network(e *protocols.Event) {
	c.text(e, "fix_type", c.body)
	first := c.body + 1
	n := (c.end - first) / 6
	if n < 1 {
		return
	}
	var l list
	c.station(&l, first+6*(n-1), true) // the serving cell first
	for k := range n - 1 {
		c.station(&l, first+6*k, true)
	}
	l.add(e, "cells")
	c.m.take(first + 6*(n-1) + 5)
}

// stations reads GTLBS: trigger, report type, battery %, reserved, motion, two reserved, mask, and seven cells, the serving one last.
func (c *call) stations(e *protocols.Event) {
	i := c.body
	c.number(e, "trigger", i)
	c.number(e, "report_type", i+1)
	c.percent(e, "battery_pct", i+2)
	c.number(e, "motion_state", i+4)
	first := i + 8
	n := (c.end - first) / 6
	if n < 1 {
		return
	}
	c.hex(e, "lbs_mask", i+7)
	var l list
	c.station(&l, first+6*(n-1), false)
	for k := range n - 1 {
		c.station(&l, first+6*k, false)
	}
	l.add(e, "cells")
}

// survey reads GTWIF: a count, access points of five fields, four empty fields and the battery.
func (c *call) survey(e *protocols.Event) {
	c.accessPoints(e, c.body)
	c.percent(e, "battery_pct", c.end-1)
}
