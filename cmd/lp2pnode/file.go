package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxConfigBytes bounds a configuration file.
const maxConfigBytes = 1 << 20

// readFile reads a TOML file whose keys are the settings of table. Its error
// is everything that is wrong with keys and types, each with its line; values
// are judged by their setters.
func readFile(path string, table []setting) (map[string]given, error) {
	raw, err := readBounded(path, maxConfigBytes)
	if err != nil {
		return nil, asUsage(err)
	}
	return parseFile(path, raw, table)
}

// parseFile is readFile for a file's content.
func parseFile(path string, raw []byte, table []setting) (map[string]given, error) {
	var tree map[string]any
	if err := toml.Unmarshal(raw, &tree); err != nil {
		var where *toml.DecodeError
		if errors.As(err, &where) {
			line, _ := where.Position()
			key, value := bareText(raw, line)
			if i := slices.IndexFunc(table, func(row setting) bool { return row.name == key }); i >= 0 {
				return nil, usagef("%s:%d: %s: want %s, got %.60s", path, line, key, table[i].kind.inTOML(), value)
			}
			return nil, usagef("%s:%d: %w", path, line, err)
		}
		for key, lines := range keyLines(raw) {
			if len(lines) > 1 {
				return nil, usagef("%s:%d: %s stands on line %d already", path, lines[1], key, lines[0])
			}
		}
		return nil, usagef("%s: %w", path, err)
	}
	lines := keyLines(raw)
	rows := map[string]setting{}
	for _, row := range table {
		rows[row.name] = row
	}
	all := map[string]given{}
	var wrong problems
	for _, key := range slices.SortedFunc(maps.Keys(tree), func(a, b string) int { return lines[a][0] - lines[b][0] }) {
		where := fmt.Sprintf("%s:%d", path, lines[key][0])
		row, ok := rows[key]
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s: unknown key %.60q%s", where, key, didYouMean(key, slices.Sorted(maps.Keys(rows)))))
			continue
		}
		values, err := row.fromTOML(tree[key])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %s: %w", where, key, err))
			continue
		}
		all[key] = given{values, fromFile, where}
	}
	return all, wrong.asError()
}

// bareText returns key and value of a line, the first of which is 1, whose
// value is a text without quotes; "" of any other.
func bareText(raw []byte, line int) (key, value string) {
	lines := strings.Split(string(raw), "\n")
	if line < 1 || line > len(lines) {
		return "", ""
	}
	bare := regexp.MustCompile(`^\s*([\w-]+)\s*=\s*([A-Za-z~/.][^"'\[{#]*?)\s*(#.*)?$`).FindStringSubmatch(lines[line-1])
	if bare == nil {
		return "", ""
	}
	return bare[1], bare[2]
}

// fromTOML returns a decoded value as texts, or an error if it has not the
// row's type.
func (r setting) fromTOML(value any) ([]string, error) {
	switch value := value.(type) {
	case string:
		if r.kind == text || r.kind == list {
			return []string{value}, nil
		}
	case bool:
		if r.kind == boolean {
			return []string{fmt.Sprint(value)}, nil
		}
	case int64, float64:
		if r.kind == number {
			return []string{fmt.Sprint(value)}, nil
		}
	case []any:
		if texts, ok := allTexts(value); ok && r.kind == list {
			return texts, nil
		}
	}
	got, err := json.Marshal(value)
	if err != nil { // inf and nan
		got = fmt.Append(nil, value)
	}
	return nil, fmt.Errorf("want %s, got %.60s", r.kind.inTOML(), got)
}

// inTOML says how a value of this kind is written.
func (k kind) inTOML() string {
	return map[kind]string{
		text: "a text in quotes", list: `texts in brackets, ["…", "…"]`,
		boolean: "true or false without quotes", number: "a number without quotes",
	}[k]
}

func allTexts(values []any) ([]string, bool) {
	texts := []string{}
	for _, value := range values {
		s, ok := value.(string)
		if !ok {
			return nil, false
		}
		texts = append(texts, s)
	}
	return texts, true
}

// keyLines returns the lines on which each top-level key of a TOML document
// stands, a table's name too.
func keyLines(raw []byte) map[string][]int {
	lines := map[string][]int{}
	var p unstable.Parser
	p.Reset(raw)
	for inTable := false; p.NextExpression(); {
		node := p.Expression()
		if node.Kind == unstable.Comment || (inTable && node.Kind == unstable.KeyValue) {
			continue
		}
		inTable = node.Kind != unstable.KeyValue
		if key := node.Key(); key.Next() {
			name := string(key.Node().Data)
			lines[name] = append(lines[name], p.Shape(key.Node().Raw).Start.Line)
		}
	}
	return lines
}

// readBounded reads a regular file or pipe of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("read %s: want at most %d bytes", path, limit)
	}
	return raw, nil
}
