package main

import (
	"path/filepath"
	"slices"
	"strings"
)

// envPrefix stands before the names of our environment variables.
const envPrefix = "LP2P_"

// environment is the process environment, NAME=value each.
type environment []string

// lookup returns a variable's value; of a name given twice, the last.
func (e environment) lookup(name string) (string, bool) {
	for _, entry := range slices.Backward(e) {
		if key, value, _ := strings.Cut(entry, "="); key == name {
			return value, true
		}
	}
	return "", false
}

// ours lists the names of our variables, sorted.
func (e environment) ours() []string {
	var names []string
	for _, entry := range e {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, envPrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// home returns the user's home directory, or "".
func (e environment) home() string {
	for _, name := range []string{"HOME", "USERPROFILE"} {
		if dir, _ := e.lookup(name); dir != "" {
			return dir
		}
	}
	return ""
}

// dataDir returns the default data directory of the XDG base directory
// specification, or "" if there is no home.
func (e environment) dataDir() string {
	if dir, _ := e.lookup("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lp2pnode")
	}
	if home := e.home(); home != "" {
		return filepath.Join(home, ".local", "share", "lp2pnode")
	}
	return ""
}

// variable returns the environment variable of a setting.
func variable(setting string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// without returns the environment without the variables of a prefix.
func (e environment) without(prefix string) environment {
	return slices.DeleteFunc(slices.Clone(e), func(entry string) bool { return strings.HasPrefix(entry, prefix) })
}
