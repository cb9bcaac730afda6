package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// progress is a line on a terminal that is written anew; elsewhere it is
// nothing.
type progress struct {
	to    io.Writer // nil: nowhere
	width int       // columns
}

// interactive tells whether somebody reads stderr on a terminal.
func (t *terminal) interactive() bool {
	f, ok := t.err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress returns a line on stderr.
func (t *terminal) progress() *progress {
	f, ok := t.err.(*os.File)
	if !ok || !t.interactive() {
		return &progress{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 {
		width = 80
	}
	return &progress{f, width}
}

// shown tells whether there is a terminal that shows the line.
func (p *progress) shown() bool { return p.to != nil }

// show replaces the line. What does not fit is cut off: a second line would
// stay.
func (p *progress) show(text string) {
	if p.to == nil {
		return
	}
	letters := []rune(printable(text))
	fmt.Fprintf(p.to, "\r\x1b[K%s", string(letters[:min(len(letters), p.width-1)]))
}

// end removes the line.
func (p *progress) end() {
	if p.to != nil {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
