package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const nanoseconds = "ns/op"

// results are those of all rounds.
type results struct {
	config map[string]string
	keys   []string // of config, as they came
	procs  string   // GOMAXPROCS
	groups []*group // as they came
}

// A group is a path, by way of this process or of loopback, in all layers.
type group struct {
	name   string
	layers []*layer
}

// A layer's values are one for each round, by unit.
type layer struct {
	name   string
	values map[string][]float64
}

// add takes one line, such as
//
//	BenchmarkList/layer=ginsession/via=process-2 100 5075007 ns/op 384 allocs/op
func (r *results) add(fields []string) error {
	name := strings.TrimPrefix(fields[0], "Benchmark")
	if at := strings.LastIndexByte(name, '-'); at >= 0 {
		if _, err := strconv.Atoi(name[at+1:]); err == nil {
			name, r.procs = name[:at], name[at+1:]
		}
	}
	var path []string
	of := ""
	for part := range strings.SplitSeq(name, "/") {
		key, value, ok := strings.Cut(part, "=")
		switch {
		case key == "layer":
			of = value
		case ok:
			path = append(path, value)
		default:
			path = append(path, part)
		}
	}
	l := r.group(strings.Join(path, ", ")).layer(of)
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return err
		}
		l.values[fields[i+1]] = append(l.values[fields[i+1]], value)
	}
	return nil
}

func (r *results) group(name string) *group {
	for _, g := range r.groups {
		if g.name == name {
			return g
		}
	}
	g := &group{name: name}
	r.groups = append(r.groups, g)
	return g
}

func (g *group) layer(name string) *layer {
	if l := g.find(name); l != nil {
		return l
	}
	l := &layer{name, map[string][]float64{}}
	g.layers = append(g.layers, l)
	return l
}

func (g *group) find(name string) *layer {
	for _, l := range g.layers {
		if l.name == name {
			return l
		}
	}
	return nil
}

// floor is the layer that the others' ratios are of.
func (g *group) floor() *layer {
	for _, l := range g.layers {
		if strings.HasPrefix(l.name, "floor-") {
			return l
		}
	}
	return nil
}

// best is the least of all rounds: what else a machine does only adds.
func (l *layer) best(unit string) float64 {
	if len(l.values[unit]) == 0 {
		return math.NaN()
	}
	return slices.Min(l.values[unit])
}

func (l *layer) median(unit string) float64 {
	values := slices.Sorted(slices.Values(l.values[unit]))
	if len(values) == 0 {
		return math.NaN()
	}
	return values[len(values)/2]
}

// whole is a number without decimals, or nothing where there is none.
func (l *layer) whole(of func(unit string) float64, unit string) string {
	if l.values[unit] == nil {
		return ""
	}
	return fmt.Sprintf("%.0f", of(unit))
}

// asked is queries and round trips, which loopback does not count.
func (l *layer) asked() string {
	if l.values["queries/op"] == nil {
		return ""
	}
	return fmt.Sprintf("%.4g (%.4g)", l.median("queries/op"), l.median("trips/op"))
}

func times(ratio float64) string { return fmt.Sprintf("%.3gx", ratio) }
