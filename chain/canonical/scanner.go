package canonical

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Scanner reads an object whose fields are known, in their order, and accepts
// nothing but its canonical form: what it has read need not be written again
// to be compared. After the first error everything reads as zero. It allocates
// only for the strings that it returns.
type Scanner struct {
	raw []byte
	at  int
	err error
}

// NewScanner returns a Scanner at the first byte of raw, which is not copied.
func NewScanner(raw []byte) *Scanner { return &Scanner{raw: raw} }

// Err returns the first error, which wraps ErrForm and names the byte.
func (s *Scanner) Err() error { return s.err }

// Offset returns how many bytes were read.
func (s *Scanner) Offset() int { return s.at }

// Fail notes what is wrong with the value that ends here, unless something was
// wrong before.
func (s *Scanner) Fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: at byte %d: %w", ErrForm, s.at, fmt.Errorf(format, args...))
		s.raw = nil
	}
}

// Literal reads these very bytes.
func (s *Scanner) Literal(want string) {
	if !s.Try(want) {
		s.Fail("want %s, got %q", want, start(s.rest()))
	}
}

// Try reads these very bytes if they come next, and else nothing.
func (s *Scanner) Try(want string) bool {
	rest := s.rest()
	if len(rest) < len(want) || string(rest[:len(want)]) != want {
		return false
	}
	s.at += len(want)
	return true
}

// Skip passes over bytes that the caller knows to come next.
func (s *Scanner) Skip(size int) { s.at += size }

// End fails if anything is left.
func (s *Scanner) End() {
	if rest := s.rest(); len(rest) > 0 {
		s.Fail("want nothing more, got %q", start(rest))
	}
}

func (s *Scanner) rest() []byte {
	if s.err != nil {
		return nil
	}
	return s.raw[s.at:]
}

// start bounds what a message shows.
func start(b []byte) []byte { return b[:min(len(b), 40)] }

// Integer reads an integer from 0 to MaxInteger.
func (s *Scanner) Integer() uint64 {
	rest := s.rest()
	const digits = 16 // of MaxInteger
	var n uint64
	i := 0
	for i < len(rest) && i <= digits && rest[i]-'0' <= 9 {
		n = 10*n + uint64(rest[i]-'0')
		i++
	}
	if i == 0 || n > MaxInteger || i > 1 && rest[0] == '0' {
		s.Fail("want an integer from 0 to %d, got %q", uint64(MaxInteger), start(rest))
		return 0
	}
	s.at += i
	return n
}

// Text reads a string.
func (s *Scanner) Text() string {
	rest := s.rest()
	end := plainEnd(rest)
	if end > 0 && rest[end] == '"' && utf8.Valid(rest[1:end]) {
		s.at += end + 1
		return string(rest[1:end])
	}
	return s.escaped(rest)
}

// plainEnd returns where the string at the beginning of b has its first quote,
// escape or control character; 0 if it has none, or is no string.
func plainEnd(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i, c := range b[1:] {
		if c < ' ' || c == '"' || c == '\\' {
			return i + 1
		}
	}
	return 0
}

// escaped reads a string that holds escapes, or is not canonical.
func (s *Scanner) escaped(rest []byte) string {
	size := stringSize(rest)
	text, err := jsontext.AppendUnquote(nil, rest[:size])
	if err != nil {
		s.Fail("want a string: %w", err)
		return ""
	}
	if again, err := jsontext.AppendQuote(nil, text); err != nil || !bytes.Equal(again, rest[:size]) {
		s.Fail("want a string in its canonical form, got %q", start(rest[:size]))
		return ""
	}
	s.at += size
	return string(text)
}

// stringSize returns the length of the string at the beginning of b, quotes
// and escapes counted; 0 if there is none.
func stringSize(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return 0
}

// Plain reads a string of exactly size bytes without escapes, and returns them
// as part of raw; nil if there is no such string.
func (s *Scanner) Plain(size int) []byte {
	rest := s.rest()
	if end := plainEnd(rest[:min(len(rest), size+2)]); end != size+1 || rest[end] != '"' {
		s.Fail("want a string of %d characters, got %q", size, start(rest))
		return nil
	}
	s.at += size + 2
	return rest[1 : size+1]
}

// Hex reads a string of lowercase hex digits that fills to.
func (s *Scanner) Hex(to []byte) {
	digits := s.Plain(hex.EncodedLen(len(to)))
	for _, c := range digits {
		if c >= 'A' && c <= 'F' {
			s.Fail("want lowercase hex, got %.80q", digits)
			return
		}
	}
	if _, err := hex.Decode(to, digits); err != nil {
		s.Fail("want hex: %w", err)
	}
}
