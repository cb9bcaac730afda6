package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	neturl "net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi/datamodel"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lp2pnode/lp2pnode/chain"
)

type description struct {
	OpenAPI string
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]operation

	Components struct{ Schemas map[string]map[string]any }
}

type operation struct {
	OperationID string
	Summary     string
	Responses   map[string]struct {
		Content map[string]struct{ Schema map[string]any }
	}
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
		"/livez", "/openapi.json", "/readyz", "/v1/accounts/{address}", "/v1/accounts/{address}/history", "/v1/admin/backup", "/v1/admin/bans", "/v1/admin/verify", "/v1/blocks", "/v1/blocks/{ref}",
		"/v1/events", "/v1/explain", "/v1/forks", "/v1/genesis", "/v1/headers", "/v1/peers", "/v1/pool", "/v1/receipts/verify",
		"/v1/records/{sha256}", "/v1/reorganisations", "/v1/reorganisations/{number}", "/v1/status",
		"/v1/transactions", "/v1/transactions/{id}", "/v1/transactions/{id}/receipt",
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

// TestDescriptionIsValidOpenAPI: by the schema that the OpenAPI Initiative
// publishes, and each schema in it by that of JSON Schema.
func TestDescriptionIsValidOpenAPI(t *testing.T) {
	url, _ := serve(t, newNode(t))
	d, raw := describe(t, url)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", parsed(t, []byte(datamodel.OpenAPI31SchemaData))); err != nil {
		t.Fatal(err)
	}
	if err := c.MustCompile("openapi.json").Validate(parsed(t, raw)); err != nil {
		t.Error(err)
	}
	if err := c.AddResource("ours.json", parsed(t, raw)); err != nil {
		t.Fatal(err)
	}
	for name := range d.Components.Schemas {
		if _, err := c.Compile("ours.json#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func parsed(t *testing.T, raw []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestEveryDescribedRouteAnswersAsDescribed: with a status and a type that the
// description has, and a value that its schema allows, no field more.
func TestEveryDescribedRouteAnswersAsDescribed(t *testing.T) {
	n := newNode(t)
	_, sender := keyOf(1)
	first := n.grow(t, n.ledger.Tip(), "first", 1)
	n.grow(t, first[0], "heavier", 2)
	n.mine(t, sender)
	mined := n.add(t, n.sign(1, chain.Transaction{To: someone, Amount: 3, Fee: 2, Data: "<&>\u2028 \"quoted\""}))
	n.mine(t, sender)
	n.mine(t, sender)
	waits := n.add(t, n.sign(1, chain.Transaction{Nonce: 1, Data: "a record"}))

	url, _ := serve(t, n)
	d, raw := describe(t, url)
	schemas := strict(t, raw)
	used := map[string]bool{}
	for _, row := range exchanges(t, n, sender, mined, waits) {
		t.Run(row.operation+" "+row.path+" "+strconv.Itoa(row.status), func(t *testing.T) {
			used[row.operation] = true
			resp, body := ask(t, row.operation, url+row.path, row.body)
			if resp.StatusCode != row.status {
				t.Fatalf("want status %d, got %s: %s", row.status, resp.Status, body)
			}
			at, op := d.operation(t, row.operation, resp.Request.Method)
			status := strconv.Itoa(row.status)
			if row.status >= http.StatusBadRequest {
				status = "default"
			}
			kind := resp.Header.Get("Content-Type")
			if _, described := op.Responses[status].Content[kind]; !described {
				t.Fatalf("%s with %s is not described", status, kind)
			}
			if kind == "text/event-stream" {
				return
			}
			if err := schemas(at + "/responses/" + status + "/content/" + escape(kind) + "/schema").Validate(parsed(t, body)); err != nil {
				t.Errorf("%v\n%s", err, body)
			}
		})
	}
	for _, methods := range d.Paths {
		for _, op := range methods {
			if !used[op.OperationID] {
				t.Errorf("%s is described and was not called", op.OperationID)
			}
		}
	}
}

// exchange is a request of an operation, and the status of its answer.
type exchange struct {
	operation, path string
	body            []byte
	status          int
}

// exchanges are of every operation, in their order, on a node whose chain has
// one transaction of sender and whose pool has another.
func exchanges(t *testing.T, n *testNode, sender chain.Address, mined, waits *chain.Transaction) []exchange {
	t.Helper()
	receipt, err := n.ledger.Receipt(mined.ID())
	if err != nil {
		t.Fatal(err)
	}
	fresh := n.sign(2, chain.Transaction{Data: "another"})
	unknown := strings.Repeat("ab", 32)
	return []exchange{
		{"status", "/v1/status", nil, 200},
		{"blocks", "/v1/blocks?from=0", nil, 200},
		{"block", "/v1/blocks/latest", nil, 200},
		{"block", "/v1/blocks/77", nil, 404},
		{"headers", "/v1/headers", nil, 200},
		{"peers", "/v1/peers", nil, 200},
		{"forks", "/v1/forks", nil, 200},
		{"forks", "/v1/forks?depth=2&to=1", nil, 200},
		{"genesis", "/v1/genesis", nil, 200},
		{"history", "/v1/accounts/" + string(sender) + "/history", nil, 200},
		{"history", "/v1/accounts/" + string(sender) + "/history?before=x", nil, 422},
		{"records", "/v1/records/" + chain.RecordedHashes("a record")[0].String(), nil, 200},
		{"reorganisations", "/v1/reorganisations", nil, 200},
		{"reorganisation", "/v1/reorganisations/0", nil, 200},
		{"reorganisation", "/v1/reorganisations/1", nil, 404},
		{"transaction", "/v1/transactions/" + mined.ID().String(), nil, 200},
		{"transaction", "/v1/transactions/" + waits.ID().String(), nil, 200},
		{"transaction", "/v1/transactions/" + unknown, nil, 200},
		{"transaction", "/v1/transactions/77", nil, 422},
		{"submit", "/v1/transactions", fresh.Raw(), 202},
		{"submit", "/v1/transactions", fresh.Raw(), 200},
		{"submit", "/v1/transactions", mined.Raw(), 200},
		{"submit", "/v1/transactions", []byte("{}"), 422},
		{"receipt", "/v1/transactions/" + mined.ID().String() + "/receipt", nil, 200},
		{"receipt", "/v1/transactions/" + waits.ID().String() + "/receipt", nil, 409},
		{"receipt", "/v1/transactions/" + unknown + "/receipt", nil, 404},
		{"verifyReceipt", "/v1/receipts/verify", receipt.Canonical(), 200},
		{"verifyReceipt", "/v1/receipts/verify", []byte("{}"), 422},
		{"account", "/v1/accounts/" + string(sender), nil, 200},
		{"account", "/v1/accounts/" + string(someone), nil, 200},
		{"account", "/v1/accounts/me", nil, 422},
		{"account", "/v1/accounts/12D3KooWcpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN", nil, 422}, // no key
		{"history", "/v1/accounts/12D3KooWcpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/history", nil, 422},
		{"pool", "/v1/pool", nil, 200},
		{"pool", "/v1/pool?limit=0&size=400", nil, 200},
		{"events", "/v1/events", nil, 200}, // the header alone: see events_test.go
		{"events", "/v1/events?from=1:" + unknown, nil, 410},
		{"ban", "/v1/admin/bans", []byte(`{"id":"` + string(someone) + `","seconds":60,"detail":"a test"}`), 200},
		{"ban", "/v1/admin/bans", []byte(`{"id":"somebody"}`), 422},
		{"ban", "/v1/admin/bans", []byte(`{"id":"` + string(someone) + `","for":"ever"}`), 422},
		{"bans", "/v1/admin/bans", nil, 200},
		{"lift", "/v1/admin/bans?id=" + string(someone), nil, 200},
		{"lift", "/v1/admin/bans?id=somebody", nil, 422},
		{"backup", "/v1/admin/backup", []byte(`{"dir":"here"}`), 422},
		{"explain", "/v1/explain", fresh.Raw(), 200},
		{"explain", "/v1/explain", []byte("{}"), 200},
		{"backup", "/v1/admin/backup", []byte(`{"dir":"/backup"}`), 200},
		{"verify", "/v1/admin/verify", []byte("{}"), 200},
		{"livez", "/livez", nil, 200},
		{"readyz", "/readyz", nil, 200},
		{"openapi", "/openapi.json", nil, 200},
	}
}

// ask sends what an operation takes; of a stream, only for its header.
func ask(t *testing.T, operation, url string, body []byte) (*http.Response, []byte) {
	t.Helper()
	token := "Authorization: Bearer " + adminToken
	switch {
	case operation == "lift":
		return call(t, "DELETE", url, token)
	case body != nil:
		return postJSON(t, url, body, token)
	}
	if operation == "events" && !strings.Contains(url, "?") {
		resp, body := call(t, "HEAD", url)
		resp.Request.Method = "GET"
		return resp, body
	}
	return call(t, "GET", url, token)
}

// operation returns where an operation stands in the description, and itself.
func (d *description) operation(t *testing.T, id, method string) (string, operation) {
	t.Helper()
	for path, methods := range d.Paths {
		if op, found := methods[strings.ToLower(method)]; found && op.OperationID == id {
			return "/paths/" + escape(path) + "/" + strings.ToLower(method), op
		}
	}
	t.Fatalf("%s %s is not described", method, id)
	return "", operation{}
}

// escape writes a name as a JSON pointer in a URL has it.
func escape(name string) string {
	return neturl.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
}

// strict compiles schemas of the description, in which objects have no fields
// but those described.
func strict(t *testing.T, raw []byte) func(pointer string) *jsonschema.Schema {
	t.Helper()
	document := parsed(t, raw)
	components := document.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	for _, v := range components {
		if s := v.(map[string]any); s["properties"] != nil {
			s["additionalProperties"] = false
		}
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("ours.json", document); err != nil {
		t.Fatal(err)
	}
	return func(pointer string) *jsonschema.Schema {
		t.Helper()
		s, err := c.Compile("ours.json#" + pointer)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}
