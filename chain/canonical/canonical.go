// Package canonical encodes and decodes the one byte form of every object
// (protocol §1): RFC 8785, restricted to integers from 0 to 2^53−1.
//
// It never sorts: types declare their fields in the order of their JSON names,
// and Unmarshal proves it, because it accepts only bytes that Marshal would
// write. It holds no state and is safe for concurrent use.
package canonical

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxInteger is the largest integer of the protocol, 2^53−1.
const MaxInteger = 1<<53 - 1

// ErrForm is wrapped by every error of Unmarshal and Read.
var ErrForm = errors.New("not canonical JSON")

var options = json.JoinOptions(
	json.Deterministic(true),
	json.RejectUnknownMembers(true),
	json.FormatNilSliceAsNull(false),
	json.FormatNilMapAsNull(false),
	json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(readInteger),
		json.UnmarshalFromFunc(refuseNull),
	)),
)

// Marshal returns the canonical bytes of v, whose struct fields stand in the
// order of their names. It fails on strings that are not UTF-8.
func Marshal(v any) ([]byte, error) {
	raw, err := json.Marshal(v, options)
	if err != nil {
		return nil, fmt.Errorf("marshal: %w", err)
	}
	return raw, nil
}

// Unmarshal reads into v, which must be a pointer to a zero value, and fails
// with an error wrapping ErrForm unless raw is exactly what Marshal writes.
// The caller bounds len(raw) first.
func Unmarshal(raw []byte, v any) error {
	if err := Read(raw, v); err != nil {
		return err
	}
	again, err := Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	return Same(raw, again)
}

// Read is Unmarshal for text that people write: white space and the order of
// fields are free; unknown and duplicate fields and bad integers are errors.
func Read(raw []byte, v any) error {
	if err := json.Unmarshal(raw, v, options); err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	return nil
}

// Same returns nil when got equals want, and else an error wrapping ErrForm
// that names the first byte in which they differ.
func Same(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	return fmt.Errorf("%w: differs from its canonical form at byte %d", ErrForm, at)
}

// AppendString appends s as a canonical JSON string. s must be UTF-8.
func AppendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// AppendInteger appends n as a canonical JSON integer.
func AppendInteger(b []byte, n uint64) []byte {
	return strconv.AppendUint(b, n, 10)
}

// readInteger is the one way in for integers: digits only, at most MaxInteger.
func readInteger(dec *jsontext.Decoder, n *uint64) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	got, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil || got > MaxInteger || (len(value) > 1 && value[0] == '0') {
		return fmt.Errorf("want an integer from 0 to %d, got %.40s", uint64(MaxInteger), value)
	}
	*n = got
	return nil
}

// refuseNull keeps null from passing for a zero hash or address: five bytes of
// a list would take up thirty-two, before anybody compares.
func refuseNull(dec *jsontext.Decoder, _ encoding.TextUnmarshaler) error {
	if dec.PeekKind() == 'n' {
		return errors.New("want a string, got null")
	}
	return errors.ErrUnsupported
}
