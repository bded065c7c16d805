package main

import "fmt"

// bar is what a figure of ours has to reach: so much in its own unit, or so many times the reference's in the same run.
type bar struct {
	value float64
	least bool
	times bool
}

func atMost(v float64) *bar       { return &bar{value: v} }
func atLeast(v float64) *bar      { return &bar{value: v, least: true} }
func atMostTimes(v float64) *bar  { return &bar{value: v, times: true} }
func atLeastTimes(v float64) *bar { return &bar{value: v, least: true, times: true} }

// text says what is wanted of a figure in some unit.
func (b *bar) text(unit string) string {
	if b == nil {
		return ""
	}
	sign := "at most "
	if b.least {
		sign = "at least "
	}
	if b.times {
		return fmt.Sprintf("%s%g times the reference", sign, b.value)
	}
	f := figure{value: b.value, unit: unit}
	return sign + f.text()
}

// verdict is what came of it; empty where there is nothing to judge by.
func (b *bar) verdict(f, reference *figure) string {
	if b == nil || f == nil {
		return ""
	}
	want := b.value
	if b.times {
		if reference == nil || reference.value <= 0 {
			return ""
		}
		want *= reference.value
	}
	if b.least && f.value >= want || !b.least && f.value <= want {
		return "met"
	}
	return "**missed**"
}
