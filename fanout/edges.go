package fanout

// edgeID is where an edge of a shard lies.
type edgeID uint32

// edges are those of a shard, side by side in blocks. A node has millions: so they name each other by 4 bytes, and hold no pointer that the garbage collector would
// have to follow. What has ended makes room for what comes; blocks go when no edge is left.
type edges struct {
	blocks []*[edgeBlock]edge
	free   []edgeID
	used   int
}

const edgeBlock = 1 << 9

func (all *edges) at(id edgeID) *edge { return &all.blocks[id/edgeBlock][id%edgeBlock] }

// take returns room for an edge, with what the last one there left behind.
func (all *edges) take() (edgeID, *edge) {
	all.used++
	if n := len(all.free); n > 0 {
		id := all.free[n-1]
		all.free = all.free[:n-1]
		return id, all.at(id)
	}
	id := edgeID(all.used - 1)
	if id%edgeBlock == 0 {
		all.blocks = append(all.blocks, new([edgeBlock]edge))
	}
	return id, all.at(id)
}

// give takes the room back.
func (all *edges) give(id edgeID) {
	all.free = append(all.free, id)
	if all.used--; all.used == 0 {
		*all = edges{}
	}
}
