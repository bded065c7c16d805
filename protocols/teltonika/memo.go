package teltonika

import "sync/atomic"

// Records of one vehicle repeat the same few texts, built from numbers: the radio cell, the driver's key, a mask of lamps.
// They are kept in a table of fixed size, so that a steady stream of records makes no garbage. The table never changes what
// a record means: it only saves building a text again.

// textKey is what a text is made from.
type textKey struct {
	rule rule
	size uint8
	a, b uint64
}

type keptText struct {
	key  textKey
	text string
}

const keptTexts = 1 << 12

var texts [keptTexts]atomic.Pointer[keptText]

func (k textKey) slot() *atomic.Pointer[keptText] {
	h := (k.a+uint64(k.rule)<<40+uint64(k.size)<<48)*0x9e3779b97f4a7c15 ^ k.b*0xc2b2ae3d27d4eb4f
	return &texts[(h^h>>29)*0xff51afd7ed558ccd>>(64-12)]
}

// kept returns the text made from k before, if it is still there.
func (k textKey) kept() (string, bool) {
	if t := k.slot().Load(); t != nil && t.key == k {
		return t.text, true
	}
	return "", false
}

// keep remembers the text made from k, in the place of another one.
func (k textKey) keep(text string) string {
	k.slot().Store(&keptText{k, text})
	return text
}
