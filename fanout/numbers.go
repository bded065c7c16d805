package fanout

// numbers gives things small numbers from 1 on, and those again that became free.
type numbers[T any] struct {
	things []T // by number
	free   []uint32
}

func (n *numbers[T]) at(number uint32) T { return n.things[number] }

func (n *numbers[T]) enter(thing T) uint32 {
	if last := len(n.free) - 1; last >= 0 {
		number := n.free[last]
		n.free = n.free[:last]
		n.things[number] = thing
		return number
	}
	if n.things == nil {
		n.things = make([]T, 1, 16)
	}
	n.things = append(n.things, thing)
	return uint32(len(n.things) - 1)
}

func (n *numbers[T]) leave(number uint32) {
	var none T
	n.things[number] = none
	n.free = append(n.free, number)
	if len(n.free) == len(n.things)-1 {
		*n = numbers[T]{}
	}
}
