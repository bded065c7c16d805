package fanout

import "math"

// tiles is who looks where: for every tile of the map, the clients whose part of the map touches it. A position is shown to those who look at its tile and to
// those who saw the vehicle before, however many look elsewhere.
//
// At level z the map is 2^z by 2^z tiles of equal degrees. A client is entered at the level at which its part touches a few tiles in each direction, so a
// viewport of any size costs about the same, and looking up a position is one look per level in use.
type tiles struct {
	at     map[tile][]look
	levels [maxLevel + 1]int // entries
}

type tile struct {
	level uint8
	x, y  int32
}

// look is a client at one of its tiles; index is the place of that in client.tiles.
type look struct {
	client *client
	index  int
}

// place is one of a client's tiles and its index there.
type place struct {
	tile tile
	at   int
}

const (
	maxLevel = 20 // tiles of 40 m
	across   = 4  // tiles that a box is at most as wide as
)

// tileOf is the tile of a point. Both ends of the map belong to it.
func tileOf(level uint8, lat, lng float64) tile {
	n := float64(int(1) << level)
	x := math.Floor((lng + 180) / 360 * n)
	y := math.Floor((lat + 90) / 180 * n)
	return tile{level, int32(max(0, min(x, n-1))), int32(max(0, min(y, n-1)))}
}

// width is the box's extent from west to east in degrees.
func (b *box) width() float64 {
	if b.west <= b.east {
		return b.east - b.west
	}
	return b.east - b.west + 360
}

// level is the finest at which the box is no wider or higher than a few tiles.
func (b *box) level() uint8 {
	span := max(b.width()/360, (b.north-b.south)/180)
	for level := maxLevel; level > 0; level-- {
		if span*float64(int(1)<<level) <= across {
			return uint8(level)
		}
	}
	return 0
}

// each calls visit with every tile that the box touches, once.
func (b *box) each(visit func(tile)) {
	level := b.level()
	n := int32(1) << level
	from, to := tileOf(level, b.south, b.west), tileOf(level, b.north, b.east)
	columns := to.x - from.x
	if b.west > b.east {
		columns += n // across the 180th meridian
	}
	columns = min(columns, n-1)
	for y := from.y; y <= to.y; y++ {
		for x := range columns + 1 {
			visit(tile{level, (from.x + x) % n, y})
		}
	}
}

// enter registers a client at the tiles of its box.
func (t *tiles) enter(c *client) {
	if t.at == nil {
		t.at = make(map[tile][]look)
	}
	c.box.each(func(at tile) {
		here := t.at[at]
		t.at[at] = append(here, look{c, len(c.tiles)})
		c.tiles = append(c.tiles, place{at, len(here)})
		t.levels[at.level]++
	})
}

// leave undoes it.
func (t *tiles) leave(c *client) {
	for _, p := range c.tiles {
		here := t.at[p.tile]
		last := len(here) - 1
		moved := here[last]
		here[p.at] = moved
		moved.client.tiles[moved.index].at = p.at
		here[last] = look{}
		if t.at[p.tile] = here[:last]; last == 0 {
			delete(t.at, p.tile)
		}
		t.levels[p.tile.level]--
	}
	c.tiles = nil
}

// viewers calls visit with every client that looks at the tile of a point, each once.
func (t *tiles) viewers(lat, lng float64, visit func(*client)) {
	if len(t.at) == 0 {
		return
	}
	for level, n := range t.levels {
		if n == 0 {
			continue
		}
		for _, v := range t.at[tileOf(uint8(level), lat, lng)] {
			visit(v.client)
		}
	}
}
