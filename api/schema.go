package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

// newSchemas returns a registry that knows the texts of the protocol.
func newSchemas() huma.Registry {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[chain.Hash](), reflect.TypeFor[hashText]())
	schemas.RegisterTypeAlias(reflect.TypeFor[chain.Signature](), reflect.TypeFor[signatureText]())
	schemas.RegisterTypeAlias(reflect.TypeFor[chain.Address](), reflect.TypeFor[addressText]())
	schemas.RegisterTypeAlias(reflect.TypeFor[chain.Work](), reflect.TypeFor[workText]())
	schemas.RegisterTypeAlias(reflect.TypeFor[client.Signed](), reflect.TypeFor[chain.Transaction]())
	return schemas
}

// The texts of the protocol (§1, §2, §8), as they are described.
type (
	hashText      struct{}
	signatureText struct{}
	addressText   struct{}
	workText      struct{}
)

func text(pattern string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: pattern}
}

// Schema implements huma.SchemaProvider.
func (hashText) Schema(huma.Registry) *huma.Schema { return text("^[0-9a-f]{64}$") }

// Schema implements huma.SchemaProvider.
func (signatureText) Schema(huma.Registry) *huma.Schema { return text("^[0-9a-f]{128}$") }

// Schema implements huma.SchemaProvider.
func (addressText) Schema(huma.Registry) *huma.Schema {
	return text("^(12D3KooW[1-9A-HJ-NP-Za-km-z]{44})?$")
}

// Schema implements huma.SchemaProvider.
func (workText) Schema(huma.Registry) *huma.Schema { return text("^(0|[1-9][0-9]{0,39})$") }

// block is how the description shows a block; the bytes come from the store.
type block struct {
	chain.Header
	Transactions []chain.Transaction `json:"transactions"`
}

// tidy says of the described types what huma cannot know: that no list is ever
// null, and that only what the protocol fixes, and what askers order, has no
// field more: a mistyped one must not go unseen.
// huma notes its own errors too, which toProblem replaces.
func tidy(schemas map[string]*huma.Schema) {
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	for name, s := range schemas {
		switch name {
		case "Block", "Header", "Transaction", "Receipt", "BanOrder":
		default:
			s.AdditionalProperties = nil
		}
		notNull(s)
	}
}

func notNull(s *huma.Schema) {
	if s.Type == huma.TypeArray {
		s.Nullable = false
		notNull(s.Items)
	}
	for _, property := range s.Properties {
		notNull(property)
	}
}
