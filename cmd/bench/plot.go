//go:build linux

package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// plot is a chart of lines, written as SVG that follows the reader's light or dark mode.
type plot struct {
	Name   string // of the file, without .svg
	Title  string
	X, Y   string // what the axes are, with units
	LogX   bool
	LogY   bool
	Series []series
}

type series struct {
	Name   string
	Color  int // index into the palette
	Dash   int // 0 solid, 1 dashed, 2 dotted
	Points [][2]float64
}

// The picture, in pixels: the plot's area and what is around it.
const (
	plotWidth, plotHeight = 780, 380
	areaLeft, areaRight   = 74, 540
	areaTop, areaBottom   = 44, 326
)

// svg draws the plot.
func (p *plot) svg() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	x, y := p.axis(0, p.LogX), p.axis(1, p.LogY)
	px := func(v float64) float64 { return areaLeft + x.part(v)*(areaRight-areaLeft) }
	py := func(v float64) float64 { return areaBottom - y.part(v)*(areaBottom-areaTop) }
	say(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`, plotWidth, plotHeight, plotWidth, plotHeight, html.EscapeString(p.Title))
	b.WriteString(plotStyle)
	say(`<rect class="paper" width="%d" height="%d" rx="6"/>`, plotWidth, plotHeight)
	say(`<text class="title" x="%d" y="26">%s</text>`, areaLeft, html.EscapeString(p.Title))
	for _, v := range x.ticks {
		say(`<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`, px(v), areaTop, px(v), areaBottom, px(v), areaBottom+18, tickText(v))
	}
	for _, v := range y.ticks {
		say(`<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`, areaLeft, py(v), areaRight, py(v), areaLeft-8, py(v)+4, tickText(v))
	}
	say(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, (areaLeft+areaRight)/2, areaBottom+40, html.EscapeString(p.X))
	say(`<text x="16" y="%d" text-anchor="middle" transform="rotate(-90 16 %d)">%s</text>`, (areaTop+areaBottom)/2, (areaTop+areaBottom)/2, html.EscapeString(p.Y))
	for i, s := range p.Series {
		class := fmt.Sprintf("c%d", s.Color)
		class += [...]string{"", " dashed", " dotted"}[s.Dash]
		var points []string
		for _, v := range s.Points {
			points = append(points, fmt.Sprintf("%.1f,%.1f", px(v[0]), py(v[1])))
		}
		say(`<polyline class="%s" points="%s"/>`, class, strings.Join(points, " "))
		if len(s.Points) <= 12 {
			for _, v := range s.Points {
				say(`<circle class="c%d" cx="%.1f" cy="%.1f" r="3"/>`, s.Color, px(v[0]), py(v[1]))
			}
		}
		at := areaTop + 10 + 20*i
		say(`<polyline class="%s" points="%d,%d %d,%d"/><text x="%d" y="%d">%s</text>`, class, areaRight+14, at, areaRight+40, at, areaRight+46, at+4, html.EscapeString(s.Name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// The colours keep their distance for readers who tell few apart, on white and on near black.
const plotStyle = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .title { font-size: 14px; font-weight: 600 } .paper { fill: #fff } .grid { stroke: #d0d7de }
polyline { fill: none; stroke-width: 2 } .dashed { stroke-dasharray: 7 4 } .dotted { stroke-dasharray: 2 3 }
.c0 { stroke: #0072b2 } .c1 { stroke: #d55e00 } .c2 { stroke: #00875a } .c3 { stroke: #8250df } circle.c0 { fill: #0072b2 } circle.c1 { fill: #d55e00 } circle.c2 { fill: #00875a } circle.c3 { fill: #8250df }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .paper { fill: #0d1117 } .grid { stroke: #30363d }
.c0 { stroke: #58a6ff } .c1 { stroke: #ff9b50 } .c2 { stroke: #3fb950 } .c3 { stroke: #bc8cff } circle.c0 { fill: #58a6ff } circle.c1 { fill: #ff9b50 } circle.c2 { fill: #3fb950 } circle.c3 { fill: #bc8cff } }
</style>
`

// axis is the scale of one direction.
type axis struct {
	low, high float64 // logarithms where log is set
	log       bool
	ticks     []float64
}

func (a *axis) part(v float64) float64 {
	if a.log {
		v = math.Log10(v)
	}
	if a.high == a.low {
		return 0.5
	}
	return (v - a.low) / (a.high - a.low)
}

// axis fits the points' coordinate of that index; one that is not logarithmic begins at 0.
func (p *plot) axis(index int, log bool) *axis {
	var values []float64
	for _, s := range p.Series {
		for _, v := range s.Points {
			if !log || v[index] > 0 {
				values = append(values, v[index])
			}
		}
	}
	if len(values) == 0 {
		values = []float64{1}
	}
	low, high := slices.Min(values), slices.Max(values)
	a := &axis{log: log}
	if !log {
		if high <= 0 {
			high = 1
		}
		step := niceStep(high / 5)
		a.high = math.Ceil(high/step-1e-9) * step
		for v := 0.0; v <= a.high*1.0001; v += step {
			a.ticks = append(a.ticks, v)
		}
		return a
	}
	steps := []float64{1}
	if high < 100*low {
		steps = []float64{1, 2, 5}
	}
	var below, above float64
	for e := math.Floor(math.Log10(low)); above == 0; e++ {
		for _, m := range steps {
			switch v := m * math.Pow(10, e); {
			case v <= low*1.0001:
				below, a.ticks = v, []float64{v}
			case above == 0:
				a.ticks = append(a.ticks, v)
				if v >= high*0.9999 {
					above = v
				}
			}
		}
	}
	a.low, a.high = math.Log10(below), math.Log10(above)
	return a
}

// niceStep is 1, 2 or 5 times a power of ten, at least v.
func niceStep(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*unit >= v {
			return m * unit
		}
	}
	return 10 * unit
}

func tickText(v float64) string {
	trim := func(v float64, unit string) string {
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".") + unit
	}
	switch {
	case v >= 1e6:
		return trim(v/1e6, "M")
	case v >= 1e3:
		return trim(v/1e3, "k")
	case v > 0 && v < 0.01:
		return fmt.Sprintf("%g", v)
	}
	return trim(v, "")
}
