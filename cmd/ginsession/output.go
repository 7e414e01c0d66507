package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// print writes a result: as JSON where that is asked for, else as text.
func (c *command) print(result any, format string, args ...any) {
	if c.json {
		printJSON(c.out, result)
	} else {
		printText(c.out, format, args...)
	}
}

func printJSON(w io.Writer, v any) {
	text := json.NewEncoder(w)
	text.SetEscapeHTML(false)
	text.SetIndent("", "  ")
	_ = text.Encode(v) // of our own types; a pipe that is closed nobody reads
}

// printText writes what may come from strangers: user agents, ids, addresses. A
// terminal obeys control characters, and none gets there.
func printText(w io.Writer, format string, args ...any) {
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = printable(text)
		}
	}
	_, _ = fmt.Fprintf(w, format, args...)
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

// table writes rows in columns.
func (c *command) table(rows [][]string) {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = strings.ReplaceAll(printable(cell), "\n", "")
		}
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
}

// timeText is a time as it is printed.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
