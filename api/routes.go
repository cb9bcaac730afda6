package api

import (
	"context"
	"encoding/json"
	"fmt"
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
			OpenAPI:    "3.1.0",
			Info:       &huma.Info{Title: "lp2pnode", Version: "1.0.0", Description: about, License: &huma.License{Name: "MIT", Identifier: "MIT"}},
			Components: &huma.Components{Schemas: schemas},
		},
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{toProblem},
	}
	r := &routes{Server: s, api: humago.New(mux, config), schema: schemas}
	in := &rooms{n}

	get(r, "/v1/status", "status", "What the node says of itself", jsonOf[client.Status](r), in.status)
	get(r, "/v1/blocks", "blocks", "Blocks of the best chain, ascending", jsonOf[[]block](r), in.blocks)
	get(r, "/v1/blocks/{ref}", "block", "One block, of the best chain or a side branch", jsonOf[block](r), in.block)
	get(r, "/v1/headers", "headers", "Headers of the best chain, ascending", jsonOf[[]chain.Header](r), in.headers)
	get(r, "/v1/peers", "peers", "Peers, those gone and refused included", jsonOf[[]client.Peer](r), in.peers)
	get(r, "/v1/forks", "forks", "All known blocks near the tip, side branches too", jsonOf[[]client.Fork](r), in.forks)
	get(r, "/livez", "livez", "The node answers", jsonOf[client.Health](r), in.livez)
	get(r, "/readyz", "readyz", "The node is fit for use, by its parts", readiness(r), in.readyz)

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

// get registers a reading route. Its errors go through problemOf.
func get[I, O any](r *routes, path, id, summary string, responses map[string]*huma.Response, handle func(context.Context, *I) (*O, error)) {
	responses["default"] = &huma.Response{
		Description: "What is wrong, in one line",
		Content:     map[string]*huma.MediaType{problemType: {Schema: r.schemaOf(reflect.TypeFor[problem]())}},
	}
	op := huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Responses: responses}
	huma.Register(r.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, r.problemOf(ctx, id, err)
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

func (r *routes) schemaOf(t reflect.Type) *huma.Schema {
	s := r.schema.Schema(t, true, t.Name())
	notNull(s)
	return s
}

// rawOutput is an answer whose bytes are ready.
type rawOutput struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	ETag         string `header:"ETag" doc:"the block's hash"`
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
