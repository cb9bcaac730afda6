package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// columns writes an aligned table.
type columns struct {
	to     io.Writer
	buffer bytes.Buffer
	w      *tabwriter.Writer // to buffer
}

// newTable returns a table with a heading, or none.
func newTable(to io.Writer, heading ...string) *columns {
	t := &columns{to: to}
	t.w = tabwriter.NewWriter(&t.buffer, 0, 0, 2, ' ', 0)
	if len(heading) > 0 {
		t.row(heading...)
	}
	return t
}

func (t *columns) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = printable(cell)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t")) // into memory: flush has the error
}

// flush writes the table, without the spaces that end its lines.
func (t *columns) flush() error {
	if err := t.w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(t.buffer.String()) {
		if _, err := fmt.Fprintln(t.to, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// printable keeps what strangers wrote from moving the cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) {
			return '�'
		}
		return r
	}, s)
}

// printJSON writes v indented, for programs and people.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// moment shows Unix milliseconds as local time.
func moment(ms uint64) string {
	return time.UnixMilli(int64(ms)).Format("2006-01-02 15:04:05")
}

// count shows n things, in the plural unless it is one.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
