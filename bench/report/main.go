// Command report turns results of bench's benchmarks into the Markdown of
// docs/performance.md: for each path the best of all rounds, its ratio to the
// floor's best, allocations and queries, and in front of them the budgets.
//
//	report [-into FILE] RESULTS
//
// With -into it replaces what stands between the marks in FILE.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("report: ")
	into := flag.String("into", "", "put the tables into this `file`, between "+begin+" and "+end)
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	file, err := os.Open(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	results, err := parse(file)
	if err != nil {
		log.Fatal(err)
	}
	var text strings.Builder
	results.write(&text)
	fmt.Print(text.String())
	if *into == "" {
		return
	}
	old, err := os.ReadFile(*into)
	if err != nil {
		log.Fatal(err)
	}
	replaced, err := replace(string(old), text.String())
	if err != nil {
		log.Fatalf("%s: %v", *into, err)
	}
	if err := os.WriteFile(*into, []byte(replaced), 0o644); err != nil {
		log.Fatal(err)
	}
}

const (
	begin = "<!-- figures: bench/run.sh -write -->"
	end   = "<!-- end of figures -->"
)

// replace puts the text between the marks of a document.
func replace(document, text string) (string, error) {
	before, rest, ok := strings.Cut(document, begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return "", fmt.Errorf("there is no %s before %s", begin, end)
	}
	return before + begin + "\n\n" + text + "\n" + end + after, nil
}

func (r *results) write(w io.Writer) {
	fmt.Fprintf(w, "Measured with `%s` on %s", r.config["command"], r.config["date"])
	for _, key := range r.keys {
		switch key {
		case "command", "date", "goos", "pkg":
		case "cpu":
			fmt.Fprintf(w, "; %s, GOMAXPROCS %s", strings.TrimSpace(r.config[key]), r.procs)
		default:
			fmt.Fprintf(w, "; %s %s", key, r.config[key])
		}
	}
	fmt.Fprint(w, ".\n\n| path | gate | goal | ours | the gate is | the goal is |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, b := range budgets {
		fmt.Fprint(w, b.row(r))
	}
	for _, g := range r.groups {
		fmt.Fprintf(w, "\n**%s**\n\n| layer | best ns | median ns | processor ns | ratio to floor | B | allocations | queries (trips) |\n| --- | --: | --: | --: | --: | --: | --: | --: |\n", g.name)
		floor := g.floor()
		for _, l := range g.layers {
			ratio := ""
			if floor != nil {
				ratio = times(l.best(nanoseconds) / floor.best(nanoseconds))
			}
			fmt.Fprintf(w, "| %s | %.0f | %.0f | %s | %s | %s | %s | %s |\n", l.name, l.best(nanoseconds), l.median(nanoseconds), l.whole(l.best, "cpu-ns/op"),
				ratio, l.whole(l.median, "B/op"), l.whole(l.median, "allocs/op"), l.asked())
		}
	}
}

// parse reads what go test -bench wrote: "key: value", or a name, how often, and
// values with their units.
func parse(r io.Reader) (*results, error) {
	all := &results{config: map[string]string{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if key, value, ok := strings.Cut(line, ": "); ok && !strings.ContainsAny(key, " \t") {
			if _, known := all.config[key]; !known {
				all.keys = append(all.keys, key)
			}
			all.config[key] = value
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		if err := all.add(fields); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	return all, lines.Err()
}
