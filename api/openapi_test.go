package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type description struct {
	OpenAPI string
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string
		Summary     string
		Responses   map[string]struct {
			Content map[string]struct{ Schema map[string]any }
		}
	}
	Components struct{ Schemas map[string]map[string]any }
}

func describe(t *testing.T, url string) (description, []byte) {
	t.Helper()
	resp, raw := call(t, "GET", url+"/openapi.json")
	var d description
	if err := json.Unmarshal(raw, &d); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return d, raw
}

// TestDescriptionListsEveryRoute: the list below is the one of the design.
func TestDescriptionListsEveryRoute(t *testing.T) {
	url, _ := serve(t, newNode(t))
	d, _ := describe(t, url)
	want := []string{
		"/livez", "/openapi.json", "/readyz",
		"/v1/blocks", "/v1/blocks/{ref}", "/v1/forks", "/v1/headers", "/v1/peers", "/v1/status",
	}
	if got := slices.Sorted(maps.Keys(d.Paths)); !slices.Equal(got, want) {
		t.Errorf("want %v\ngot %v", want, got)
	}
}

func TestDescriptionIsSound(t *testing.T) {
	url, _ := serve(t, newNode(t))
	d, raw := describe(t, url)
	if d.OpenAPI != "3.1.0" || d.Info.Title == "" || d.Info.Version == "" {
		t.Errorf("got version %q of %+v", d.OpenAPI, d.Info)
	}
	for _, m := range regexp.MustCompile(`"\$ref":"([^"]*)"`).FindAllSubmatch(raw, -1) {
		name, local := strings.CutPrefix(string(m[1]), "#/components/schemas/")
		if _, found := d.Components.Schemas[name]; !local || !found {
			t.Errorf("reference %s leads nowhere", m[1])
		}
	}
	ids := map[string]bool{}
	for path, methods := range d.Paths {
		for method, op := range methods {
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" {
				t.Errorf("%s %s: operationId %q, summary %q", method, path, op.OperationID, op.Summary)
			}
			ids[op.OperationID] = true
			if op.Responses["default"].Content["application/problem+json"].Schema == nil {
				t.Errorf("%s %s: its errors are not problems", method, path)
			}
		}
	}
	for _, foreign := range []string{"ErrorModel", "ErrorDetail", "$schema"} {
		if strings.Contains(string(raw), foreign) {
			t.Errorf("the description has %s in it", foreign)
		}
	}
}

// TestEveryDescribedRouteAnswersAsDescribed: a JSON value with the fields of
// its schema.
func TestEveryDescribedRouteAnswersAsDescribed(t *testing.T) {
	n := newNode(t)
	n.grow(t, n.ledger.Tip(), "", 2)
	url, _ := serve(t, n)
	d, _ := describe(t, url)
	for path, methods := range d.Paths {
		for method, op := range methods {
			t.Run(method+" "+path, func(t *testing.T) {
				resp, body := call(t, strings.ToUpper(method), url+strings.ReplaceAll(path, "{ref}", "latest"))
				content, described := op.Responses["200"].Content[resp.Header.Get("Content-Type")]
				if resp.StatusCode != http.StatusOK || !described {
					t.Fatalf("got %s, %s: %s", resp.Status, resp.Header.Get("Content-Type"), body)
				}
				var v any
				if err := json.Unmarshal(body, &v); err != nil {
					t.Fatal(err)
				}
				d.match(t, path, content.Schema, v)
			})
		}
	}
}

// match checks types, and that objects have what is required and nothing that
// is not described.
func (d *description) match(t *testing.T, at string, schema map[string]any, v any) {
	t.Helper()
	if to, found := schema["$ref"].(string); found {
		schema = d.Components.Schemas[strings.TrimPrefix(to, "#/components/schemas/")]
	}
	switch v := v.(type) {
	case []any:
		items, _ := schema["items"].(map[string]any)
		if items == nil {
			t.Errorf("%s: a list is not described: %v", at, schema)
			return
		}
		for _, item := range v {
			d.match(t, at+"[]", items, item)
		}
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, found := v[name.(string)]; !found {
				t.Errorf("%s: %s is missing", at, name)
			}
		}
		for name, value := range v {
			if property, found := properties[name].(map[string]any); found {
				d.match(t, at+"."+name, property, value)
			} else if len(properties) > 0 {
				t.Errorf("%s: %s is not described", at, name)
			}
		}
	default:
		if pattern, found := schema["pattern"].(string); found && !regexp.MustCompile(pattern).MatchString(fmt.Sprint(v)) {
			t.Errorf("%s: %v does not match %s", at, v, pattern)
		}
		kinds := map[string]bool{"string": false, "integer": false, "number": false, "boolean": false}
		switch v := v.(type) {
		case string:
			kinds["string"] = true
		case bool:
			kinds["boolean"] = true
		case float64:
			kinds["number"], kinds["integer"] = true, v == float64(int64(v))
		}
		if kind, _ := schema["type"].(string); !kinds[kind] {
			t.Errorf("%s: %v is no %v", at, v, schema["type"])
		}
	}
}
