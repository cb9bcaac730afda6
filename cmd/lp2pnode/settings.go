package main

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/spf13/pflag"
)

// origin says where a value comes from; the greater one prevails.
type origin int

const (
	fromDefault origin = iota
	fromFile
	fromEnvironment
	fromFlag
)

// given is a value of a setting somewhere.
type given struct {
	values []string
	origin origin
	where  string // for people: --api, LP2P_API, node.toml:3
}

// settings is the table with the flags that were given for it.
type settings struct {
	env    environment
	table  []setting
	flags  map[string]*flagValue
	config string // --config
	memory uint64 // bytes that this process may use
}

// newSettings returns the settings as the program's start sees them.
func newSettings(t *terminal) *settings {
	env := environment(t.env)
	s := &settings{env: env, table: table(env), flags: map[string]*flagValue{}, memory: presentMemory()}
	for _, row := range s.table {
		s.flags[row.name] = &flagValue{row: row}
	}
	return s
}

// addFlags defines the flags of the whole table and --config.
func (s *settings) addFlags(to *pflag.FlagSet) {
	to.SortFlags = false
	for _, row := range s.table {
		flag := to.VarPF(s.flags[row.name], row.name, "", row.help)
		if row.kind == boolean {
			flag.NoOptDefVal = "true"
		}
	}
	s.addConfigFlag(to)
}

func (s *settings) addConfigFlag(to *pflag.FlagSet) {
	to.StringVar(&s.config, "config", "", "TOML `FILE` with these settings as keys")
}

// resolve returns the value in force of each setting, by name.
func (s *settings) resolve() (map[string]given, error) {
	file := s.config
	if file == "" {
		file, _ = s.env.lookup(variable("config"))
	}
	fromConfig := map[string]given{}
	if file != "" {
		var err error
		if fromConfig, err = readFile(file, s.table); err != nil {
			return nil, err
		}
	}
	inForce := map[string]given{}
	for _, row := range s.table {
		candidates := []given{row.fallback(), fromConfig[row.name], row.fromEnv(s.env), s.flags[row.name].given()}
		inForce[row.name] = slices.MaxFunc(candidates, func(a, b given) int { return cmp.Compare(a.origin, b.origin) })
	}
	s.fromProfile(inForce)
	return inForce, nil
}

// fallback returns the row's default.
func (r setting) fallback() given {
	if r.kind == list && r.def == "" {
		return given{nil, fromDefault, "default"}
	}
	return given{[]string{r.def}, fromDefault, "default"}
}

// fromEnv returns what the environment says, or the zero value.
func (r setting) fromEnv(env environment) given {
	name := variable(r.name)
	value, ok := env.lookup(name)
	if !ok || (value == "" && !r.blank) {
		return given{}
	}
	return given{[]string{value}, fromEnvironment, name}
}

// neighbours are the variables of docker-compose.yml and of the tests, which a
// shell may have as well.
var neighbours = regexp.MustCompile(`^LP2P_(DOCKERFILE|IMAGE|API_PORT|P2P_PORT|TEST_.*)$`)

// strangers lists environment variables that look like ours but are not.
func (s *settings) strangers() []string {
	known := map[string]bool{variable("config"): true, passphraseVariable: true, tokenVariable: true}
	for _, row := range s.table {
		known[variable(row.name)] = true
	}
	return slices.DeleteFunc(s.env.ours(), func(name string) bool { return known[name] || neighbours.MatchString(name) })
}

// flagValue is a setting on the command line. It implements pflag.Value.
type flagValue struct {
	row    setting
	values []string
}

// Set implements pflag.Value; the checks come when all values are known.
func (f *flagValue) Set(value string) error {
	if f.row.kind != list {
		f.values = nil
	}
	f.values = append(f.values, value)
	return nil
}

// String implements pflag.Value: the default, for the help.
func (f *flagValue) String() string { return f.row.def }

// Type implements pflag.Value: the argument's name, for the help.
func (f *flagValue) Type() string {
	if f.row.kind == boolean {
		return "bool"
	}
	return f.row.arg
}

func (f *flagValue) given() given {
	if f.values == nil {
		return given{}
	}
	return given{f.values, fromFlag, "--" + f.row.name}
}
