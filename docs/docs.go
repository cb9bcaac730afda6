// Package docs carries the pages that the program itself looks things up in.
package docs

import (
	_ "embed" // of the page
	"strings"
)

//go:embed errors.md
var errorsPage string

// Kind is a kind of message on docs/errors.md.
type Kind struct {
	ID       string
	Cause    string
	Cure     string
	Messages []string // as the source has them, each verb of a format as …
}

// Kinds reads the kinds of docs/errors.md.
func Kinds() []Kind {
	var kinds []Kind
	for _, section := range strings.Split(errorsPage, "\n### ")[1:] {
		heading, rest, _ := strings.Cut(section, "\n")
		k := Kind{ID: strings.Trim(heading, "`")}
		for line := range strings.Lines(rest) {
			line = strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(line, "- `"):
				k.Messages = append(k.Messages, strings.Trim(strings.TrimPrefix(line, "- "), "`"))
			case strings.HasPrefix(line, "Cause: "):
				k.Cause = strings.TrimPrefix(line, "Cause: ")
			case strings.HasPrefix(line, "Cure: "):
				k.Cure = strings.TrimPrefix(line, "Cure: ")
			case strings.HasPrefix(line, "## "):
				rest = ""
			}
		}
		kinds = append(kinds, k)
	}
	return kinds
}

// Find returns the kind, rule, reason, check or finding with this id, or the kind
// of which a message stands in text: of several the one that has most of it.
func Find(text string) (found Kind, ok bool) {
	if _, row, is := strings.Cut(errorsPage, "\n| `"+strings.TrimSpace(text)+"` | "); is {
		row, _, _ = strings.Cut(row, " |\n")
		cause, cure, _ := strings.Cut(row, " | ")
		return Kind{ID: strings.TrimSpace(text), Cause: cause, Cure: cure}, true
	}
	text = strings.ReplaceAll(text, "`", "'") // as the page has it
	best := 0
	for _, k := range Kinds() {
		if k.ID == strings.TrimSpace(text) {
			return k, true
		}
		for _, m := range k.Messages {
			if n := len(strings.ReplaceAll(m, "…", "")); n > best && stands(m, text) {
				best, found = n, k
			}
		}
	}
	return found, best > 0
}

// stands reports whether a message, with whatever its … are filled in with, is in
// text.
func stands(message, text string) bool {
	for part := range strings.SplitSeq(message, "…") {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}
