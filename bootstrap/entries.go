package bootstrap

import (
	"slices"
	"time"
)

// SetEntries replaces what the user gave, while Run runs: new entries are
// dialled at once, and peers of those that are gone stay connected, but are
// peers like any other from now on. It does not block.
func (f *Finder) SetEntries(entries []Entry) {
	select {
	case <-f.entries: // an older list that nobody has taken up yet
	default:
	}
	select {
	case f.entries <- entries:
	default: // a newer one came meanwhile
	}
}

// replaceEntries takes up another list.
func (l *loop) replaceEntries(entries []Entry, now time.Time) {
	kept := map[string]bool{}
	for _, e := range entries {
		kept[e.Text] = true
	}
	for id, t := range l.peers {
		if t.text != "" && !kept[t.text] {
			t.text = ""
			l.unconfigure(id)
		}
	}
	before := slices.Clone(l.open)
	l.open = slices.DeleteFunc(l.open, func(t *target) bool { return !kept[t.text] })
	for _, t := range before {
		if !kept[t.text] {
			l.dropOpen(t)
		}
	}
	l.cfg.Entries = entries
	for _, e := range entries {
		if !l.has(e) {
			l.seedEntry(e, now)
		}
	}
	l.hasPeers.Store(l.othersKnown())
}

// dropOpen lets go of who answered at an entry, unless another entry leads
// there too.
func (l *loop) dropOpen(gone *target) {
	for _, id := range gone.ids {
		elsewhere := slices.ContainsFunc(l.open, func(t *target) bool { return slices.Contains(t.ids, id) })
		if !elsewhere {
			l.unconfigure(id)
		}
	}
}

// has tells whether an entry is a target already.
func (l *loop) has(e Entry) bool {
	if e.ID != "" {
		t := l.peers[e.ID]
		return t != nil && t.text == e.Text
	}
	return slices.ContainsFunc(l.open, func(t *target) bool { return t.text == e.Text })
}

// seedEntry makes a target of an entry.
func (l *loop) seedEntry(e Entry, now time.Time) {
	if e.ID != "" {
		t := l.configure(e.ID, now)
		t.learn(e.addrs())
		t.text = e.Text
		if t.waiting() {
			t.fails, t.due = 0, now
		}
		return
	}
	t := &target{text: e.Text, addrs: e.addrs(), configured: true, due: now, lan: onLAN(e.addrs())}
	for _, id := range l.book.answers[e.Text] {
		t.ids = append(t.ids, id)
		if _, known := l.peers[id]; known {
			l.configure(id, now)
		}
	}
	l.open = append(l.open, t)
}

// forgotten tells whether an entry was taken away while it was being dialled.
func (l *loop) forgotten(t *target) bool {
	return t.id == "" && !slices.Contains(l.open, t)
}
