package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// eventsPath has slots of its own: a stream stays as long as its asker.
const eventsPath = "/v1/events"

// fromGenesis is the place before the first block.
const fromGenesis = "genesis"

const aboutEvents = `Events, as server-sent events, or with the header Upgrade: websocket as messages
{"event":…,"id":…,"data":…}. The kinds are: block (data: the block that joined the best chain, or with headers=true its header), revert (data:
the header of the block that left it), transaction (data: its id and itself, when it came into the pool), peer
(data: as in /v1/peers, when it came, was met, left or was refused). The id of block and revert is height:hash of
the tip after it: to go on after a cut, give the last one as from or Last-Event-ID (the latter wins), and nothing
is lost or told twice; a browser's EventSource does so by itself. transaction and peer are not told again. A stream
begins with its place (kind start, an id without data) and shows every 15 s that it lives. A place that this node
never saw is a problem of status 410 that says what to do.`

type eventsInput struct {
	From        string `query:"from" doc:"place to go on after, height:hash; or genesis for all blocks; without it, the tip"`
	Headers     bool   `query:"headers" doc:"true: the data of block are the header only, which is all that a watcher needs"`
	LastEventID string `header:"Last-Event-ID" doc:"as from, and wins over it"`
}

// events answers with a stream, which ends with the asker, the node's stop or
// a failure.
func (n *rooms) events(_ context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	at, err := n.placeIn(in)
	if err != nil {
		return nil, err
	}
	f, err := follow(n.node, at, heartbeat)
	if err != nil {
		return nil, err
	}
	f.headers = in.Headers
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			n.streamMessages(w, r, f)
		} else {
			n.streamEvents(w, r, f)
		}
	}}, nil
}

func (n *rooms) placeIn(in *eventsInput) (chain.Cursor, error) {
	where, text := "query.from", in.From
	if in.LastEventID != "" {
		where, text = "header.Last-Event-ID", in.LastEventID
	}
	switch text {
	case "":
		tip := n.node.Ledger().Tip().Tip
		return tip.Cursor(), nil
	case fromGenesis:
		return chain.Cursor{Hash: n.node.Ledger().Rules().Genesis().Hash}, nil
	}
	at, err := parsePlace(text)
	if err != nil {
		return at, newProblem(http.StatusUnprocessableEntity, fmt.Sprintf("%s: %v", where, err))
	}
	return at, nil
}

var errPlace = errors.New("want height:hash, the hash in 64 lowercase hex digits, or genesis")

// parsePlace reads what placeOf wrote.
func parsePlace(s string) (chain.Cursor, error) {
	number, digits, _ := strings.Cut(s, ":")
	height, err := strconv.ParseUint(number, 10, 64)
	if err != nil || height > canonical.MaxInteger || strconv.FormatUint(height, 10) != number {
		return chain.Cursor{}, fmt.Errorf("%w; got %.100q", errPlace, s)
	}
	hash, err := chain.ParseHash(digits)
	if err != nil {
		return chain.Cursor{}, fmt.Errorf("%w; got %.100q", errPlace, s)
	}
	return chain.Cursor{Height: height, Hash: hash}, nil
}

func placeOf(c chain.Cursor) string { return fmt.Sprintf("%d:%s", c.Height, c.Hash) }

// eventStream describes both forms of the stream.
func eventStream(r *routes) map[string]*huma.Response {
	return map[string]*huma.Response{
		"101": {Description: "A WebSocket of messages, each an Event in JSON"},
		"200": {Description: aboutEvents, Content: map[string]*huma.MediaType{
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
			"application/json":  {Schema: r.schemaOf(reflect.TypeFor[client.Message]())},
		}},
	}
}
