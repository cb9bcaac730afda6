package api

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

const about = `A node's door for programs. Blocks, headers and transactions are the canonical
bytes of the protocol, untouched: hash them yourself. Errors are problems of RFC 9457, of type
application/problem+json. Integers are never more than 2^53-1; work is a decimal string.`

// routes registers operations with huma and the mux.
type routes struct {
	*Server
	api    huma.API
	schema huma.Registry
}

// register puts every route on the mux and describes them all.
func (s *Server) register(mux *http.ServeMux, n Node) error {
	schemas := newSchemas()
	// Not huma.DefaultConfig, which serves a page that loads from outside and
	// puts $schema into every object.
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "lp2pnode", Version: "1.0.0", Description: about, License: &huma.License{Name: "MIT", Identifier: "MIT"}},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					tokenScheme: {Type: "http", Scheme: "bearer", Description: "The file api.token of the node's data directory."},
				},
			},
		},
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{toProblem},
	}
	r := &routes{Server: s, api: humago.New(mux, config), schema: schemas}
	in := &rooms{n, s.log}
	most := int64(n.Ledger().Rules().Params.MaxBlockBytes)

	get(r, "/v1/status", "status", "What the node says of itself", jsonOf[client.Status](r), in.status)
	get(r, "/v1/blocks", "blocks", "Blocks of the best chain, ascending", jsonOf[[]block](r), in.blocks)
	get(r, "/v1/blocks/{ref}", "block", "One block, of the best chain or a side branch", jsonOf[block](r), in.block)
	get(r, "/v1/headers", "headers", "Headers of the best chain, ascending", jsonOf[[]chain.Header](r), in.headers)
	get(r, "/v1/peers", "peers", "Peers, those gone and refused included", jsonOf[[]client.Peer](r), in.peers)
	get(r, "/v1/genesis", "genesis", "The parameters that define the chain", jsonOf[chain.Params](r), in.genesis)
	get(r, "/v1/reorganisations", "reorganisations", "When blocks of the best chain gave way to others, the latest first", jsonOf[[]client.Reorganisation](r), in.reorganisations)
	get(r, "/v1/reorganisations/{number}", "reorganisation", "One reorganisation, with both branches and what became of the transactions", jsonOf[client.Reorganisation](r), in.reorganisation)
	get(r, "/v1/records/{sha256}", "records", "Where a file's SHA-256 is on record, the earliest first", jsonOf[[]client.Record](r), in.records)
	get(r, "/v1/forks", "forks", "All known blocks near the tip, side branches too", jsonOf[[]client.Fork](r), in.forks)
	get(r, "/v1/transactions/{id}", "transaction", "The one state of a transaction", jsonOf[client.TxStatus](r), in.transaction)
	post(r, "/v1/transactions", "submit", "Hand in a signed transaction, in its canonical bytes", bodyOf[chain.Transaction](r, most), submission(r), in.submit)
	get(r, "/v1/transactions/{id}/receipt", "receipt", "What proves to others that a transaction stands in the chain", jsonOf[chain.Receipt](r), in.receipt)
	post(r, "/v1/receipts/verify", "verifyReceipt", "Check a receipt, in its canonical bytes", bodyOf[chain.Receipt](r, chain.MaxReceiptBytes), jsonOf[client.Verdict](r), in.verifyReceipt)
	get(r, "/v1/accounts/{address}", "account", "An account at the tip", jsonOf[client.Account](r), in.account)
	get(r, "/v1/accounts/{address}/history", "history", "What concerns an account on the best chain, the latest first", jsonOf[client.History](r), in.history)
	get(r, "/v1/pool", "pool", "Waiting transactions, as they would be mined", jsonOf[client.Pool](r), in.pool)
	get(r, eventsPath, "events", "What happens, as it happens", eventStream(r), in.events)
	registerBans(r, in)
	post(r, "/v1/explain", "explain", "Run every rule on a block or transaction, in its canonical bytes", body{&huma.Schema{Type: huma.TypeObject}, maxBodyBytes}, jsonOf[[]chain.Finding](r), in.explain)
	post(r, adminPath+"backup", "backup", "Copy the chain to a directory on the node's machine and prove the copy", bodyOf[client.BackupOrder](r, maxWorkBody), work(r), in.backup)
	post(r, adminPath+"verify", "verify", "Prove the node's whole store anew", body{&huma.Schema{Type: huma.TypeObject}, maxWorkBody}, work(r), in.verifyStore)
	get(r, livePath, "livez", "The node does its work", readiness(r), in.livez)
	get(r, readyPath, "readyz", "The node is fit for use, by its parts", readiness(r), in.readyz)

	var description []byte
	get(r, "/openapi.json", "openapi", "This description", jsonOf[map[string]any](r), func(context.Context, *struct{}) (*rawOutput, error) {
		return &rawOutput{Status: http.StatusOK, ContentType: "application/json", Body: description}, nil
	})
	tidy(schemas.Map())
	var err error
	if description, err = json.Marshal(r.api.OpenAPI()); err != nil {
		return fmt.Errorf("marshal: %w", err)
	}
	return nil
}

// Where those ask who watch over the node.
const (
	livePath  = "/livez"
	readyPath = "/readyz"
)

// tokenScheme names the token in the description.
const tokenScheme = "token"

// get registers a reading route.
func get[I, O any](r *routes, path, id, summary string, responses map[string]*huma.Response, handle func(context.Context, *I) (*O, error)) {
	add(r, huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Responses: responses}, handle)
}

// post registers a writing route, whose handler reads the body's bytes itself.
func post[I, O any](r *routes, path, id, summary string, body body, responses map[string]*huma.Response, handle func(context.Context, *I) (*O, error)) {
	request := &huma.RequestBody{Description: summary, Required: true, Content: map[string]*huma.MediaType{}}
	add(r, huma.Operation{
		OperationID:      id,
		Method:           http.MethodPost,
		Path:             path,
		Summary:          summary,
		RequestBody:      request,
		Responses:        responses,
		Security:         []map[string][]string{{}, {tokenScheme: {}}},
		Middlewares:      huma.Middlewares{r.jsonOnly},
		MaxBodyBytes:     body.most,
		BodyReadTimeout:  readTimeout,
		SkipValidateBody: true,
	}, handle)
	request.Content["application/json"].Schema = body.schema // of the bytes that huma takes
}

// body is what a writing route takes.
type body struct {
	schema *huma.Schema
	most   int64 // bytes
}

func bodyOf[T any](r *routes, most int64) body {
	return body{r.schemaOf(reflect.TypeFor[T]()), most}
}

// jsonOnly refuses what a form of a web page can send without asking first.
func (r *routes) jsonOnly(ctx huma.Context, next func(huma.Context)) {
	kind, _, _ := mime.ParseMediaType(ctx.Header("Content-Type"))
	if kind == "application/json" {
		next(ctx)
		return
	}
	_ = huma.WriteErr(r.api, ctx, http.StatusUnsupportedMediaType, "want the header `Content-Type: application/json`") // the asker has left
}

// add registers a route. Its errors are problems and go through problemOf.
func add[I, O any](r *routes, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.Responses["default"] = &huma.Response{
		Description: "What is wrong, in one line",
		Content:     map[string]*huma.MediaType{problemType: {Schema: r.schemaOf(reflect.TypeFor[problem]())}},
	}
	huma.Register(r.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, r.problemOf(ctx, op.OperationID, err)
		}
		return out, nil
	})
}

// jsonOf describes an answer by the type that its JSON has.
func jsonOf[T any](r *routes) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: http.StatusText(http.StatusOK),
		Content:     map[string]*huma.MediaType{"application/json": {Schema: r.schemaOf(reflect.TypeFor[T]())}},
	}}
}

// readiness describes the same body with two statuses.
func readiness(r *routes) map[string]*huma.Response {
	responses := jsonOf[client.Health](r)
	responses["503"] = &huma.Response{Description: "Not fit for use", Content: responses["200"].Content}
	return responses
}

// submission describes the same body for what is taken and what is here.
func submission(r *routes) map[string]*huma.Response {
	known := jsonOf[client.Submitted](r)["200"]
	known.Description = "It is here already, waiting or in the chain"
	return map[string]*huma.Response{
		"200": known,
		"202": {Description: "It waits for a block", Content: known.Content},
	}
}

func (r *routes) schemaOf(t reflect.Type) *huma.Schema {
	s := r.schema.Schema(t, true, t.Name())
	notNull(s)
	return s
}

// rawOutput is an answer whose bytes are ready.
type rawOutput struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	ETag         string `header:"ETag" doc:"names these very bytes"`
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link" doc:"rel=next and rel=prev of RFC 8288"`
	Body         []byte
}

// jsonOutput is an answer that is yet to be marshalled.
type jsonOutput[T any] struct {
	Status int
	Body   T
}

func ok[T any](v T) *jsonOutput[T] { return &jsonOutput[T]{Status: http.StatusOK, Body: v} }
