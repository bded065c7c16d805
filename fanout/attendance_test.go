package fanout

import "testing"

func TestAttendance(t *testing.T) {
	var a attendance
	left := func(none <-chan struct{}) bool {
		select {
		case <-none:
			return true
		default:
			return false
		}
	}
	for range 2 {
		if !a.enter() {
			t.Fatal("nobody gets in")
		}
	}
	a.leave()
	none := a.end()
	if left(none) {
		t.Error("one is still there")
	}
	if a.enter() {
		t.Error("somebody came in after the end")
	}
	if a.leave(); !left(none) {
		t.Error("nobody is there any more")
	}
	if empty := new(attendance); !left(empty.end()) {
		t.Error("nobody ever came")
	}
}
